import { count, counted } from '../../format/numbers';

/** What figures are compared with: the range before, so many days before, or the same period a year ago. */
export type Before = 'hour' | 'day' | 'week' | 'year' | number;

function told(before: Before): string {
  if (typeof before === 'number') return `the ${counted(before, { one: 'day', other: 'days' })} before`;
  return before === 'year' ? 'the same period a year ago' : `the ${before} before`;
}

/** The overview. */
export const overview = {
  overview: 'Overview',
  range: 'Range',
  period: 'Period',
  ranges: { hour: 'Hour', day: 'Day', week: 'Week', month: 'Month', custom: 'Custom' },
  intervals: { auto: 'Automatic', hour: 'Hour', day: 'Day', week: 'Week', month: 'Month', quarter: 'Quarter', year: 'Year' },
  comparisons: { previous: 'Period before', year: 'A year ago' },
  toInclusive: 'To, inclusive',
  by: 'By',
  compareWith: 'Compare with',
  yours: (zone: string) => `${zone} (yours)`,
  companys: (zone: string) => `${zone} (the company's)`,
  volume: 'Volume',
  net: 'Net',
  refunds: 'Refunds',
  chargebacks: 'Chargebacks',
  approvalRate: 'Approval rate',
  failedAndPending: (failed: number, pending: number) => `${count(failed)} failed · ${count(pending)} pending`,
  duplicatesAndFailed: (duplicates: number, failed: number) => `${counted(duplicates, { one: 'duplicate', other: 'duplicates' })} · ${count(failed)} failed`,
  points: (number: number) => counted(number, { one: 'point', other: 'points' }),
  against: (change: string, before: Before) => `${change} against ${told(before)}`,
  noneIn: (before: Before) => `none in ${told(before)}`,
  asBefore: 'as before',
  compared: (days: string, before: string) => `${days} against ${before}`,
  asOf: (time: string, zone: string) => `As of ${time} (${zone})`,
  paymentMethods: 'Payment methods',
  noPayments: 'No payments in this range',
  completedShare: (all: number, decided: number, share: string) => `${count(all)} · ${share}${decided < all ? ` of ${count(decided)}` : ''} completed`,
  noneDecided: (all: number) => `${count(all)} · none completed or failed yet`,
  failureReasons: 'Failure reasons',
  nothingFailed: 'Nothing failed in this range',
  overTime: 'Over time',
  series: 'Series',
  counted: 'Count',
  volumeIn: (currency: string) => `Volume ${currency}`,
  netIn: (currency: string) => `Net ${currency}`,
  completed: 'Completed',
  failed: 'Failed',
  ofBefore: { previous: (line: string) => `${line}, period before`, year: (line: string) => `${line}, a year ago` },
  last: { hour: 'the last hour', day: 'the last day', week: 'the last week', month: 'the last month' },
  chart: (lines: string, reach: string) => `${lines}: ${reach}; the table below has the numbers`,
  barLeads: 'A bar leads to its transactions; so does a row of the numbers.',
  numbers: 'Numbers',
  chartNumbers: 'Numbers of the chart',
  liveTransactions: 'Live transactions',
  allTransactions: 'All',
  waitingForNext: 'Waiting for the next webhook',
  alerts: 'Alerts',
  alert: (name: string) => `${name}:`,
};
