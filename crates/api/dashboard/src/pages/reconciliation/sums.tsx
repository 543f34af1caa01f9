import { useState } from 'preact/hooks';
import { count, money, words } from '../../format/format';
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
const CELLS = [['matched', 'Matched'], ['missingHere', 'Missing here'], ['missingThere', 'Missing there'], ['differing', 'Differing']] as const;

/** Counts and sums by day, currency and kind; those of the comparison, whatever became of its differences. */
export function Sums({ totals }: { totals: Group[] | null }) {
  const [begin, setBegin] = useState(0);
  if (!totals || totals.length === 0) return null;
  const columns: Column<Group>[] = [
    { name: 'Day (UTC)', cell: (row) => row.day ?? 'Unknown' },
    { name: 'Currency', cell: (row) => row.currency ?? '–' },
    { name: 'Kind', cell: (row) => words(row.kind) },
    ...CELLS.map(([name, title]): Column<Group> => ({ name: title, number: true, cell: (row) => <Sum cell={row[name]} currency={row.currency} /> })),
  ];
  const end = begin + ROWS;
  return (
    <Card title="Sums by day and currency">
      <Table caption="Sums by day and currency" columns={columns} rows={totals.slice(begin, end)} keyOf={(row) => `${row.day} ${row.currency} ${row.kind}`} />
      {totals.length > ROWS && (
        <nav class="pager" aria-label="Pages of sums">
          <span>{count(begin + 1)} to {count(Math.min(end, totals.length))} of {count(totals.length)}</span>
          <button type="button" disabled={begin === 0} onClick={() => setBegin(begin - ROWS)}>Earlier days</button>
          <button type="button" disabled={end >= totals.length} onClick={() => setBegin(end)}>Later days</button>
        </nav>
      )}
    </Card>
  );
}

function Sum({ cell, currency }: { cell: Cell | undefined; currency: string | null }) {
  if (!cell) return <>–</>;
  return <>{money(cell.amount, currency)}<div class="hint">{count(cell.count)}</div></>;
}
