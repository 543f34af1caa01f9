import type { Schemas } from '../../api/client';
import { isZone } from '../../format/format';
import { dayOf } from '../../format/moments';
import { t } from '../../texts';
import type { Before } from '../../texts/en/overview';

export type Range = 'hour' | 'day' | 'week' | 'month' | 'custom';
export type Compare = 'previous' | 'year';
type Analytics = Schemas['Analytics'];

const RANGES = ['hour', 'day', 'week', 'month', 'custom'] as const;
const INTERVALS = ['', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
const COMPARISONS = ['previous', 'year'] as const;

/** What one can choose, with its name. */
export const ranges = () => RANGES.map((own) => [own, t.overview.ranges[own]] as const);
export const intervals = () => INTERVALS.map((own) => [own, t.overview.intervals[own || 'auto']] as const);
export const comparisons = () => COMPARISONS.map((own) => [own, t.overview.comparisons[own]] as const);

/** Days of a custom range before one is chosen. */
const DAYS = 14;

/** Which figures are looked at: what the page's address says of it, so that it can be shared. */
export interface Period {
  range: Range;
  /** Of a custom range: its first and last day in the zone, both inclusive. */
  from: string;
  to: string;
  /** The zone whose days and hours are meant, as the address has it; where it has none the company's, or the viewer's. */
  zone: string;
  /** The same, or that one where there is no such zone. */
  shownZone: string;
  interval: string;
  compare: Compare;
  /** What the API is asked for. */
  asked: Record<string, string>;
  /** Whether it is one of the ranges that the server keeps ready, of which the live stream tells too. */
  isPlain: boolean;
}

/** The period of an address for a company, or a viewer of several, in the zone `own`. */
export function periodOf(query: Record<string, string>, own: string, now = new Date()): Period {
  const range = RANGES.find((name) => name === query['range']) ?? 'day';
  const compare = COMPARISONS.find((name) => name === query['compare']) ?? 'previous';
  const zone = query['zone'] || own;
  const shownZone = isZone(zone) ? zone : own;
  const interval = query['interval'] ?? '';
  const isCustom = range === 'custom';
  const to = dayOf(query['to']) ?? today(shownZone, now);
  const from = dayOf(query['from']) ?? addDays(to, 1 - DAYS);
  // An hour is the same everywhere. Days are not, so a month is one of the company's or the viewer's own days.
  const isPlain = range === 'hour' || (!isCustom && !query['zone'] && compare === 'previous' && (range !== 'month' || own === 'UTC'));
  const of: Record<string, string> = isCustom ? { from, to: addDays(to, 1), interval } : { timeRange: range };
  return {
    range, from, to, zone, shownZone, interval, compare, isPlain,
    asked: isPlain ? { timeRange: range } : { ...of, timeZone: zone, compare },
  };
}

/** What figures are compared with: the range before, so many days before, or a year ago. */
export function beforeOf({ range, from, to, compare }: Period): Before {
  if (range !== 'hour' && compare === 'year') return 'year';
  if (range === 'month') return 30;
  if (range !== 'custom') return range;
  const days = (Date.parse(addDays(to, 1)) - Date.parse(from)) / DAY_MS;
  return days === 1 ? 'day' : days;
}

/** The moments at which each point of the series begins, and the one behind its last, in milliseconds. */
export function edgesOf(data: Analytics): number[] {
  return [...data.series.map((point) => point.start), data.until].map((at) => Date.parse(at ?? ''));
}

const DAY_MS = 86_400_000;

function addDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

function today(timeZone: string, now: Date): string {
  // Sweden's dates are those of ISO 8601.
  return new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short' }).format(now);
}
