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

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : numbers('percent', { style: 'percent', maximumFractionDigits: 1 }).format(share);
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value >= 1000) return `${numbers('seconds', { maximumFractionDigits: 1 }).format(value / 1000)} s`;
  return `${numbers('ms', { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)} ms`;
}

/** A word of the contract as people read it: `IN_REVIEW` becomes `In review`. */
export function words(name: string | null | undefined): string {
  if (!name) return '–';
  const plain = name.replace(/[_-]/g, ' ').toLowerCase();
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

export interface Times {
  full: (at: string | null | undefined) => string;
  short: (at: string | null | undefined) => string;
  /** For an axis: with the day where the range is longer than one. */
  axis: (seconds: number, withDay: boolean) => string;
  zone: string;
}

/** Times in the viewer's zone and locale. */
export function useTimes(): Times {
  const { prefs } = usePrefs();
  const timeZone = prefs.timeZone || undefined;
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
  return {
    full: (at) => (at ? full.format(new Date(at)) : '–'),
    short: (at) => (at ? short.format(new Date(at)) : '–'),
    axis: (seconds, withDay) => (withDay ? day : hour).format(new Date(seconds * 1000)),
    zone: full.resolvedOptions().timeZone,
  };
}
