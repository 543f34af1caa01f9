import { account } from './account';
import { endpoints } from './endpoints';
import { firstRun } from './first-run';
import { lists } from './lists';
import { operations } from './operations';
import { payments } from './payments';
import { reconciliation } from './reconciliation';
import { settings } from './settings';
import { webhooks } from './webhooks';

/** What English says on the other pages. */
export const rest = { account, endpoints, firstRun, lists, operations, payments, reconciliation, settings, webhooks };
