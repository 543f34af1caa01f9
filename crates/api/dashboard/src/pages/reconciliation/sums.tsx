import { useState } from 'preact/hooks';
import { count, money, words } from '../../format/format';
import { t } from '../../texts';
import { Card } from '../../ui/parts';
import { Table, type Column } from '../../ui/table';

interface Cell {
  count: number;
  amount: number;
}

/** What a comparison came to on a day, in a currency, of a kind. What there is none of is absent. */
export interface Group {
  day: string | null;
  currency: string | null;
  kind: string | null;
  matched?: Cell;
  missingHere?: Cell;
  missingThere?: Cell;
  differing?: Cell;
}

/** Groups that are shown at once. */
const ROWS = 10;
const CELLS = ['matched', 'missingHere', 'missingThere', 'differing'] as const;

/** Counts and sums by day, currency and kind; those of the comparison, whatever became of its differences. */
export function Sums({ totals }: { totals: Group[] | null }) {
  const [begin, setBegin] = useState(0);
  if (!totals || totals.length === 0) return null;
  const columns: Column<Group>[] = [
    { name: t.reconciliation.day, cell: (row) => row.day ?? t.common.unknown },
    { name: t.common.currency, cell: (row) => row.currency ?? '–' },
    { name: t.common.kind, cell: (row) => words(row.kind) },
    ...CELLS.map((name): Column<Group> => ({ name: t.reconciliation[name], number: true, cell: (row) => <Sum cell={row[name]} currency={row.currency} /> })),
  ];
  const end = begin + ROWS;
  return (
    <Card title={t.reconciliation.sums}>
      <Table caption={t.reconciliation.sums} columns={columns} rows={totals.slice(begin, end)} keyOf={(row) => `${row.day} ${row.currency} ${row.kind}`} />
      {totals.length > ROWS && (
        <nav class="pager" aria-label={t.reconciliation.sumsPages}>
          <span>{t.reconciliation.sumsOf(begin + 1, Math.min(end, totals.length), totals.length)}</span>
          <button type="button" disabled={begin === 0} onClick={() => setBegin(begin - ROWS)}>{t.reconciliation.earlierDays}</button>
          <button type="button" disabled={end >= totals.length} onClick={() => setBegin(end)}>{t.reconciliation.laterDays}</button>
        </nav>
      )}
    </Card>
  );
}

function Sum({ cell, currency }: { cell: Cell | undefined; currency: string | null }) {
  if (!cell) return <>–</>;
  return <>{money(cell.amount, currency)}<div class="hint">{count(cell.count)}</div></>;
}
