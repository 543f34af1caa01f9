import { locale } from './language';

const formatters = new Map<string, Intl.NumberFormat>();
const rules = new Map<string, Intl.PluralRules>();

/** Numbers are told with one decimal at most, and counted in words by what is told. */
const COUNT = { maximumFractionDigits: 1 };

/** A format of the language that is shown; `key` is all that tells it from others. */
export function numbers(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const own = `${locale} ${key}`;
  let format = formatters.get(own);
  if (!format) {
    format = new Intl.NumberFormat(locale, options);
    formatters.set(own, format);
  }
  return format;
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : numbers('count', COUNT).format(value);
}

/** The forms of a word by the plural rules of its language. */
export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** The form that goes with a number: `{ one: 'row', other: 'rows' }`. */
export function plural(value: number, forms: Forms): string {
  let rule = rules.get(locale);
  if (!rule) {
    rule = new Intl.PluralRules(locale, COUNT);
    rules.set(locale, rule);
  }
  return forms[rule.select(value)] ?? forms.other;
}

/** So many of something: `1 duplicate`, `2 duplicates`. */
export function counted(value: number, forms: Forms): string {
  return `${count(value)} ${plural(value, forms)}`;
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : numbers('percent', { style: 'percent', maximumFractionDigits: 1 }).format(share);
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value >= 1000) return `${numbers('seconds', { maximumFractionDigits: 1 }).format(value / 1000)} s`;
  return `${numbers('ms', { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)} ms`;
}

type Unit = 'minute' | 'hour' | 'day' | 'year' | 'byte';

/** So much of a unit, written out: `24 hours`; `short` abbreviates it: `5 min`. */
export function span(value: number, unit: Unit, unitDisplay: 'long' | 'short' = 'long'): string {
  return numbers(`${unitDisplay} ${unit}`, { style: 'unit', unit, unitDisplay, maximumFractionDigits: 1 }).format(value);
}

/** A span of time in the largest unit that it has one of: `850 ms`, `12.5 s`, `1.2 hr`. */
export function duration(value: number | null | undefined): string {
  if (value === null || value === undefined || value < 60_000) return milliseconds(value);
  const [unit, size] = value >= 86_400_000 ? (['day', 86_400_000] as const) : value >= 3_600_000 ? (['hour', 3_600_000] as const) : (['minute', 60_000] as const);
  return span(value / size, unit, 'short');
}

export function listed(names: string[]): string {
  return new Intl.ListFormat(locale, { type: 'conjunction' }).format(names);
}
