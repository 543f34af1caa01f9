import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../texts';
import { Failure, Loading } from './parts';

export interface Column<T> {
  name: string;
  cell: (row: T) => ComponentChildren;
  /** Numbers stand at the right. */
  number?: boolean;
}

/** From so many columns on they stand closer, so that the last one is in sight on a usual screen. */
const MANY = 7;

/** Rows with a heading for each column; on a narrow screen each row is a card. */
export function Table<T>({ caption, columns, rows, keyOf, marked }: {
  caption: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  marked?: (row: T) => boolean;
}) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table role="table" class={columns.length >= MANY ? 'dense' : ''}>
        <caption class="unseen">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">{columns.map((column) => <th key={column.name} role="columnheader" scope="col" class={column.number ? 'number' : ''}>{column.name}</th>)}</tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={keyOf(row)} role="row" class={marked?.(row) ? 'marked' : ''}>
              {columns.map((column) => (
                <td key={column.name} role="cell" class={column.number ? 'number' : ''} data-name={column.name}>{column.cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What a list shows while it has nothing to show. Where all of a later page is gone, the page before it is shown. */
export function Listed<T>({ query, rows, pages, empty, children }: {
  query: { error?: Error; isLoading: boolean; reload: () => void };
  rows: readonly T[] | undefined;
  pages?: Paged;
  empty: ComponentChildren;
  children: ComponentChildren;
}) {
  const isGone = rows?.length === 0 && Boolean(pages?.cursor);
  useEffect(() => {
    if (isGone) pages?.back();
  }, [isGone, pages?.cursor]);
  if (query.error && !rows) return <Failure error={query.error} retry={query.reload} />;
  if (!rows || isGone) return <Loading rows={8} />;
  return (
    <>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {rows.length === 0 ? <>{empty}</> : children}
    </>
  );
}

export interface Paged {
  cursor: string | undefined;
  back: () => void;
  pager: (next: string | null | undefined, total?: number, isExact?: boolean) => ComponentChildren;
}

/** Pages by cursor, forward and back; `key` is what the list is filtered by, a change begins again. `names` are those of the buttons. */
export function usePages(key: string, [back, forward]: readonly [string, string] = [t.common.newer, t.common.older]): Paged {
  const [state, setState] = useState<{ key: string; cursors: string[] }>({ key, cursors: [] });
  const cursors = state.key === key ? state.cursors : [];
  const set = (next: string[]) => setState({ key, cursors: next });
  return {
    cursor: cursors.at(-1),
    back: () => set(cursors.slice(0, -1)),
    pager: (next, total, isExact = true) => (
      <nav class="pager" aria-label={t.common.pages}>
        <span>
          {total !== undefined && t.common.rows(total, isExact)}
          {cursors.length > 0 && ` · ${t.common.page(cursors.length + 1)}`}
        </span>
        <button type="button" disabled={cursors.length === 0} onClick={() => set(cursors.slice(0, -1))}>{back}</button>
        <button type="button" disabled={!next} onClick={() => next && set([...cursors, next])}>{forward}</button>
      </nav>
    ),
  };
}
