import type { First } from './said';
import { common } from './fr/common';
import { overview } from './fr/overview';
import { shell } from './fr/shell';
import { words } from './fr/words';
import type { Same } from './same';

const french = { common, overview, shell, words };

/** What French says on every page and on the first one; as in `fr/rest.ts` all that English has, or it does not compile. */
export const first: First = french satisfies Same<First, typeof french>;
