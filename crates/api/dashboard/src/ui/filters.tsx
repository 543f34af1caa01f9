import type { ComponentChildren } from 'preact';
import { href, navigate, useRoute } from '../router';
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

/** Filters of a page, kept in its address. */
export function useFilters(page: string, names: readonly string[]): Filters {
  const { query, id } = useRoute();
  const values = Object.fromEntries(names.map((name) => [name, query[name] || undefined]));
  return {
    values,
    set: (name, value) => navigate(href(page, id, { ...query, [name]: value || undefined }), true),
    clear: () => navigate(href(page, id), true),
    key: JSON.stringify(values),
  };
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
