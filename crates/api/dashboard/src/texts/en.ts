import { common } from './en/common';
import { overview } from './en/overview';
import { shell } from './en/shell';
import type { Known } from './words';

/** What English says on every page and on the first one. */
export const first = {
  common, overview, shell,
  // The contract is in English: its words are shown as it has them, but for what is spelled in capitals.
  words: { ACH: 'ACH', BACS: 'BACS', EFT: 'EFT', SEPA: 'SEPA' } as Partial<Record<Known, string>>,
};
