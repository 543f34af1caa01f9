import { usePrefs } from './prefs';
import decimals from './decimals.json';

const exponents: Record<string, number> = decimals;

/** Decimals of a currency by ISO 4217, as the server counts them. */
export function exponent(currency: string): number {
  return exponents[currency] ?? 2;
}

const formatters = new Map<string, Intl.NumberFormat>();

function numbers(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  let format = formatters.get(key);
  if (!format) {
    format = new Intl.NumberFormat(navigator.language, options);
    formatters.set(key, format);
  }
  return format;
}

/** An amount of minor units in the viewer's locale, with the currency's own decimals. */
export function money(minor: number | null | undefined, currency: string | null | undefined): string {
  if (minor === null || minor === undefined) return '–';
  if (!currency || currency === 'XXX') return `${numbers('plain', {}).format(minor)} (no currency)`;
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

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : numbers('count', { maximumFractionDigits: 1 }).format(value);
}

/** So many of something, in the singular where it is one: `1 duplicate`, `2 duplicates`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${count(value) === count(1) ? one : many}`;
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : numbers('percent', { style: 'percent', maximumFractionDigits: 1 }).format(share);
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value >= 1000) return `${numbers('seconds', { maximumFractionDigits: 1 }).format(value / 1000)} s`;
  return `${numbers('ms', { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)} ms`;
}

/** A span of time in the largest unit that it has one of: `850 ms`, `12.5 s`, `1.2 hr`. */
export function duration(value: number | null | undefined): string {
  if (value === null || value === undefined || value < 60_000) return milliseconds(value);
  const [unit, size] = value >= 86_400_000 ? (['day', 86_400_000] as const) : value >= 3_600_000 ? (['hour', 3_600_000] as const) : (['minute', 60_000] as const);
  return numbers(unit, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 1 }).format(value / size);
}

export function listed(names: string[]): string {
  return new Intl.ListFormat(navigator.language, { type: 'conjunction' }).format(names);
}

/** A word of the contract as people read it: `IN_REVIEW` becomes `In review`, `missingHere` becomes `Missing here`. */
export function words(name: string | null | undefined): string {
  if (!name) return '–';
  const plain = name.replace(/[_-]|(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

export interface Times {
  full: (at: string | null | undefined) => string;
  short: (at: string | null | undefined) => string;
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

/** Times in a zone, the viewer's where none is given, and in the viewer's locale. */
export function useTimes(zone?: string): Times {
  const { prefs } = usePrefs();
  const timeZone = zone || prefs.timeZone || undefined;
  const make = (options: Intl.DateTimeFormatOptions) => {
    try {
      return new Intl.DateTimeFormat(navigator.language, { ...options, timeZone });
    } catch {
      return new Intl.DateTimeFormat(navigator.language, options);
    }
  };
  const full = make({ dateStyle: 'medium', timeStyle: 'medium' });
  const short = make({ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const hour = make({ hour: '2-digit', minute: '2-digit' });
  const day = make({ month: 'short', day: 'numeric' });
  const month = make({ year: 'numeric', month: 'short' });
  const date = make({ dateStyle: 'medium' });
  const moment = make({ dateStyle: 'medium', timeStyle: 'short' });
  const clock = make({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const isMidnight = (at: Date) => /^0?0\D0?0$/.test(clock.format(at));
  return {
    full: (at) => (at ? full.format(new Date(at)) : '–'),
    short: (at) => (at ? short.format(new Date(at)) : '–'),
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
