import { t } from '../texts';
import type { Known } from '../texts/words';
import decimals from './decimals.json';
import { locale } from './language';
import { count, numbers } from './numbers';
import { usePrefs } from './prefs';
import { spelled } from './spelled';

export * from './numbers';

const exponents: Record<string, number> = decimals;

/** Decimals of a currency by ISO 4217, as the server counts them. */
export function exponent(currency: string): number {
  return exponents[currency] ?? 2;
}

/** An amount of minor units in the language that is shown, with the currency's own decimals. */
export function money(minor: number | null | undefined, currency: string | null | undefined): string {
  if (minor === null || minor === undefined) return '–';
  if (!currency || currency === 'XXX') return t.common.withoutCurrency(count(minor));
  const digits = exponent(currency);
  const style = { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
  // As a decimal text, so that no float rounds it.
  const sign = minor < 0 ? '-' : '';
  const text = String(Math.abs(minor)).padStart(digits + 1, '0');
  const exact = digits ? `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}` : `${sign}${text}`;
  return numbers(`money ${currency}`, style).format(exact as unknown as number);
}

/** An amount for an axis: short, rounded. */
export function shortMoney(minor: number, currency: string): string {
  const key = `short ${currency}`;
  const options = { style: 'currency', currency: currency === 'XXX' ? 'EUR' : currency, notation: 'compact', maximumFractionDigits: 1 } as const;
  if (currency === 'XXX') return count(minor);
  return numbers(key, options).format(minor / 10 ** exponent(currency));
}

/** A word of the contract as people read it: `IN_REVIEW` becomes `In review`, `missingHere` becomes `Missing here`. */
export function words(name: string | null | undefined): string {
  if (!name) return '–';
  return Object.hasOwn(t.words, name) ? String(t.words[name as Known]) : spelled(name);
}

export interface Times {
  full: (at: string | null | undefined) => string;
  /** Without the year where it is this one. */
  short: (at: string | null | undefined) => string;
  /** The day alone; without the year where it is this one. */
  day: (at: string | null | undefined) => string;
  /** For an axis. */
  axis: (seconds: number, grain: Grain) => string;
  /** From one moment to just before another: by days, and by hours where it does not begin and end with a day. */
  days: (from: string | null | undefined, until: string | null | undefined) => string;
  zone: string;
}

/** How fine an axis is. */
export type Grain = 'hour' | 'day' | 'month';

/** Whether it names a zone that the browser knows. */
export function isZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

/** Times in a zone, the viewer's where none is given, and as the language that is shown writes them. */
export function useTimes(zone?: string): Times {
  const { prefs } = usePrefs();
  const timeZone = zone || prefs.timeZone || undefined;
  const make = (options: Intl.DateTimeFormatOptions) => {
    try {
      return new Intl.DateTimeFormat(locale, { ...options, timeZone });
    } catch {
      return new Intl.DateTimeFormat(locale, options);
    }
  };
  const full = make({ dateStyle: 'medium', timeStyle: 'medium' });
  const clockTime = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
  const short = make({ month: 'short', day: 'numeric', ...clockTime });
  const shortOfYear = make({ year: 'numeric', month: 'short', day: 'numeric', ...clockTime });
  const year = make({ year: 'numeric' });
  const now = year.format();
  const isOfNow = (at: Date) => year.format(at) === now;
  const hour = make({ hour: '2-digit', minute: '2-digit' });
  const day = make({ month: 'short', day: 'numeric' });
  const month = make({ year: 'numeric', month: 'short' });
  const date = make({ dateStyle: 'medium' });
  const moment = make({ dateStyle: 'medium', timeStyle: 'short' });
  const clock = make({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const isMidnight = (at: Date) => /^0?0\D0?0$/.test(clock.format(at));
  return {
    full: (at) => (at ? full.format(new Date(at)) : '–'),
    short: (at) => (at ? (isOfNow(new Date(at)) ? short : shortOfYear).format(new Date(at)) : '–'),
    day: (at) => (at ? (isOfNow(new Date(at)) ? day : date).format(new Date(at)) : '–'),
    axis: (seconds, grain) => {
      const at = new Date(seconds * 1000);
      // Among hours midnight says which day begins.
      return { hour: isMidnight(at) ? day : hour, day, month }[grain].format(at);
    },
    days: (from, until) => {
      if (!from || !until) return '–';
      const [begin, end] = [new Date(from), new Date(until)];
      // The last day, not the moment behind it.
      return isMidnight(begin) && isMidnight(end) ? date.formatRange(begin, new Date(end.getTime() - 1)) : moment.formatRange(begin, end);
    },
    zone: full.resolvedOptions().timeZone,
  };
}
