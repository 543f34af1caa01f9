import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { usePrefs } from '../format/prefs';
import { NAME_LENGTH, useViews, VIEWS } from '../format/views';
import { changeQuery, href, useRoute } from '../router';
import { useSession } from '../session';
import { t } from '../texts';
import type { Column } from './table';
import { useToast } from './toasts';

/** A column that can be left out; its id names it in the address, in every language. */
export type Named<T> = Column<T> & { id: string };

export interface ListTools<T> {
  /** The columns to show. The first one always is: it opens the row. */
  columns: readonly Named<T>[];
  /** What stands above the list: its columns to choose, and its saved views. */
  tools: ComponentChildren;
}

/** Which of a list's columns are shown: those that the address names, else those that were last chosen here, else all. */
export function useListTools<T>(page: string, all: readonly Named<T>[]): ListTools<T> {
  const { company: _, ...query } = useRoute().query;
  const { prefs, set } = usePrefs();
  const named = knownOf(query['columns']?.split(','), all) ?? knownOf(prefs.columns[page], all);
  const columns = named ? all.filter((own, n) => n === 0 || named.includes(own.id)) : all;
  const idsOf = (chosen: readonly Named<T>[]) => (chosen.length === all.length ? undefined : chosen.map((own) => own.id));
  const toggle = (own: Named<T>, isWanted: boolean) => {
    const ids = idsOf(all.filter((other) => (other === own ? isWanted : columns.includes(other))));
    set(({ columns: { [page]: _, ...others } }) => ({ columns: ids ? { ...others, [page]: ids } : others }));
    changeQuery({ columns: ids?.join() });
  };
  const tools = (
    <div class="tools">
      <Folded summary={t.lists.columns(columns.length, all.length)}>
        <fieldset>
          <legend class="unseen">{t.lists.columnsToShow}</legend>
          <div class="filters">
            {all.map((own, n) => (
              <label class="check" key={own.id}>
                <input type="checkbox" checked={columns.includes(own)} disabled={n === 0} onChange={(event) => toggle(own, event.currentTarget.checked)} />
                <span>{own.name}</span>
              </label>
            ))}
          </div>
        </fieldset>
      </Folded>
      <Saved page={page} query={{ ...query, columns: idsOf(columns)?.join() ?? '' }} />
    </div>
  );
  return { columns, tools };
}

/** Those of the ids that the list has; none where it has none of them. */
function knownOf<T>(ids: unknown, all: readonly Named<T>[]): string[] | undefined {
  const known = Array.isArray(ids) ? all.map((own) => own.id).filter((own) => ids.includes(own)) : [];
  return known.length > 0 ? known : undefined;
}

/** The views of this page: opened by their name for the company that is looked at, removed, and what is shown now saved as another. */
function Saved({ page, query }: { page: string; query: Record<string, string> }) {
  const { identity } = useSession();
  const { views, save, remove } = useViews(identity.actor, page);
  const tell = useToast();
  const [name, setName] = useState('');
  const addressOf = (own: Record<string, string>) => href(page, null, Object.fromEntries(Object.entries(own).sort()));
  const submit = (event: Event) => {
    event.preventDefault();
    const isKept = save({ name: name.trim(), query });
    tell(isKept ? t.lists.saved(name.trim()) : t.lists.notSaved(VIEWS), !isKept);
    if (isKept) setName('');
  };
  return (
    <Folded summary={t.lists.views(views.length)}>
      {views.length === 0 ? <p class="hint">{t.lists.noViews}</p> : (
        <ul class="views" aria-label={t.lists.savedViews}>
          {views.map((view) => (
            <li key={view.name}>
              <a class="break" href={addressOf(view.query)} aria-current={addressOf(view.query) === addressOf(query) ? 'true' : undefined}>{view.name}</a>
              <button type="button" class="small" onClick={() => remove(view.name)}>{t.common.remove}<span class="unseen"> {view.name}</span></button>
            </li>
          ))}
        </ul>
      )}
      <form class="filters" onSubmit={submit}>
        <label class="field">
          <span>{t.lists.viewName}</span>
          <input required maxLength={NAME_LENGTH} autocomplete="off" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <button type="submit" disabled={!name.trim()}>{t.lists.saveView}</button>
      </form>
    </Folded>
  );
}

/** What is there once it is opened: its fields are not among those of the page before. */
function Folded({ summary, children }: { summary: string; children: ComponentChildren }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {isOpen && children}
    </details>
  );
}
