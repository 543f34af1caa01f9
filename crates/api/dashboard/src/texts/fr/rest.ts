import type { Rest } from '../said';
import type { Same } from '../same';
import { account } from './account';
import { endpoints } from './endpoints';
import { firstRun } from './first-run';
import { lists } from './lists';
import { operations } from './operations';
import { payments } from './payments';
import { reconciliation } from './reconciliation';
import { settings } from './settings';
import { webhooks } from './webhooks';

const french = { account, endpoints, firstRun, lists, operations, payments, reconciliation, settings, webhooks };

/** What French says on the other pages. */
export const rest: Rest = french satisfies Same<Rest, typeof french>;
