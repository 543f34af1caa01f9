import type { Schemas } from '../../api/client';

/** The figures of a period, and those of one currency in it. */
export type Analytics = Schemas['Analytics'];
export type Amounts = Schemas['Amounts'];

/** Where nothing was paid. */
export const NONE: Amounts = { currency: 'XXX', count: 0, completedAmount: 0, refundedAmount: 0, chargebackAmount: 0, netAmount: 0 };
