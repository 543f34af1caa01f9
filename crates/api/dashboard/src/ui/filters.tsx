import type { ComponentChildren } from 'preact';
import { changeQuery, useRoute } from '../router';
import { t } from '../texts';
import { Empty } from './parts';

export interface Filters {
  /** What is filtered by; empty texts are left out. */
  values: Record<string, string | undefined>;
  set: (name: string, value: string) => void;
  clear: () => void;
  /** Equal for equal filters. */
  key: string;
}

/** Filters by these names, kept in the address of the page that is shown. */
export function useFilters(names: readonly string[]): Filters {
  const { query } = useRoute();
  const values = Object.fromEntries(names.map((name) => [name, query[name] || undefined]));
  return {
    values,
    set: (name, value) => changeQuery({ [name]: value }),
    // What else the address says, such as which list is meant, is none of theirs.
    clear: () => changeQuery(Object.fromEntries(names.map((name) => [name, '']))),
    key: JSON.stringify(values),
  };
}

/** The filter under which a list of transactions, live ones unless it is told otherwise, has those of a row. */
export function modeOf(row: { mode: string }): string | undefined {
  return row.mode === 'test' ? 'test' : undefined;
}

export function FilterBar({ filters, children }: { filters: Filters; children: ComponentChildren }) {
  const isSet = Object.values(filters.values).some(Boolean);
  return (
    <form class="filters" role="search" aria-label={t.common.filters} onSubmit={(event) => event.preventDefault()}>
      {children}
      {isSet && <button type="button" onClick={filters.clear}>{t.common.clear}</button>}
    </form>
  );
}

/** What an empty list says: how to see more of it, or what fills it. */
export function NothingFound({ filters, none, hint }: { filters: Filters; none: string; hint: ComponentChildren }) {
  if (!Object.values(filters.values).some(Boolean)) return <Empty title={none}>{hint}</Empty>;
  return (
    <Empty title={t.common.nothingFound}>
      {t.common.noRow} <button type="button" class="small" onClick={filters.clear}>{t.common.showAll}</button>
    </Empty>
  );
}

export function options(any: string, names: readonly string[], word: (name: string) => string): [string, string][] {
  return [['', any], ...names.map((name): [string, string] => [name, word(name)])];
}
