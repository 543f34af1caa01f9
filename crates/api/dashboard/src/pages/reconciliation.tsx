import { useState } from 'preact/hooks';
import type { Schemas } from '../api/client';
import { useQuery } from '../api/query';
import { count, useTimes } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { Badge, Empty } from '../ui/parts';
import { Listed, Table, usePages, type Column } from '../ui/table';
import { One } from './reconciliation/one';
import { ReportForm } from './reconciliation/form';

export type Run = Schemas['Reconciliation'];

/** What a comparison can find, in the order in which it is told. */
export const FINDINGS = ['missingHere', 'missingThere', 'differing', 'malformed'] as const;

const LIMIT = 25;
const EVERY = 5_000;

/** Netbanx's reports beside what we have: all comparisons, or one with what it found. */
export function Reconciliation() {
  const { id } = useRoute();
  return id ? <One key={id} id={id} /> : <All />;
}

function All() {
  const { company, isAdministrator, nameOf, may } = useSession();
  const times = useTimes();
  const [isAdding, setAdding] = useState(false);
  const pages = usePages(company ?? '');
  const query = useQuery('/api/v1/reconciliations', { query: { company, limit: LIMIT, cursor: pages.cursor } }, pages.cursor ? undefined : EVERY);
  const rows = query.data?.data.reconciliations;
  const next = query.data?.data.nextCursor;
  const mayCompare = may('manage:secrets');

  const columns: Column<Run>[] = [
    {
      name: 'Report',
      cell: (row) => (
        <>
          <a class="break" href={href('reconciliation', row.id)}>{nameOfRun(row)}</a>
          <div class="hint"><time dateTime={row.startedAt ?? ''}>{times.short(row.startedAt)}</time>{row.mode === 'test' && ' · test mode'}</div>
        </>
      ),
    },
    { name: 'State', cell: (row) => <Badge status={row.state} /> },
    { name: 'Rows', number: true, cell: (row) => count(row.rows) },
    { name: 'Matched', number: true, cell: (row) => count(row.matched) },
    { name: 'Missing here', number: true, cell: (row) => <Found run={row} finding="missingHere" /> },
    { name: 'Missing there', number: true, cell: (row) => <Found run={row} finding="missingThere" /> },
    { name: 'Differing', number: true, cell: (row) => <Found run={row} finding="differing" /> },
    { name: 'Malformed', number: true, cell: (row) => <Found run={row} finding="malformed" /> },
    { name: 'Since the one before', cell: changesOf },
    ...(isAdministrator && !company ? [{ name: 'Company', cell: (row: Run) => nameOf(row.companyId) }] : []),
  ];
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Reconciliation</h1>
        {mayCompare && <button type="button" class="primary" onClick={() => setAdding(true)}>Compare a report</button>}
      </div>
      <p class="hint">A webhook that never came is seen in Netbanx’s own reports: each is compared with the transactions we have, row by row.</p>
      <Listed
        query={query}
        rows={rows}
        empty={(
          <Empty title="No report was compared yet">
            {mayCompare
              ? 'Download a transaction or settlement report from Netbanx’s portal as CSV and compare it here: you see what is missing on either side.'
              : 'Somebody who may manage secrets compares the first: you see here what is missing on either side.'}
          </Empty>
        )}
      >
        <Table caption="Comparisons" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
        {(pages.cursor || next) && pages.pager(next)}
      </Listed>
      {isAdding && <ReportForm onClose={() => setAdding(false)} onDone={(id) => navigate(href('reconciliation', id))} />}
    </>
  );
}

/** How many open differences of that sort there are, and the way to them. */
function Found({ run, finding }: { run: Run; finding: (typeof FINDINGS)[number] }) {
  const found = run[finding];
  if (run.state !== 'finished') return <>–</>;
  if (finding === 'missingThere' && !run.isMissingThereKnown) return <span title="No row tells a time">unknown</span>;
  return found === 0 ? <>0</> : <a href={href('reconciliation', run.id, { finding, state: 'open' })}>{count(found)}</a>;
}

/** What changed between a comparison and the one before. */
export function changesOf(run: Run): string {
  if (typeof run.new !== 'number' || typeof run.gone !== 'number') return '–';
  return run.new + run.gone === 0 ? 'The same' : `${count(run.new)} new, ${count(run.gone)} gone`;
}

/** What a comparison is called: its report, or the first of them. */
export function nameOfRun(run: Run): string {
  const files = (run.files ?? []) as { name?: string }[];
  const first = files[0]?.name || 'Report';
  return files.length > 1 ? `${first} and ${count(files.length - 1)} more` : first;
}
