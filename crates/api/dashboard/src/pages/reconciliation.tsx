import { useState } from 'preact/hooks';
import { useQuery } from '../api/query';
import { count, useTimes } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { t } from '../texts';
import { Badge, Empty } from '../ui/parts';
import { Listed, Table, usePages, type Column } from '../ui/table';
import { One } from './reconciliation/one';
import { ReportForm } from './reconciliation/form';
import { changesOf, nameOfRun, type FINDINGS, type Run } from './reconciliation/run';

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
      name: t.reconciliation.report,
      cell: (row) => (
        <>
          <a class="break" href={href('reconciliation', row.id)}>{nameOfRun(row)}</a>
          <div class="hint"><time dateTime={row.startedAt ?? ''}>{times.short(row.startedAt)}</time>{row.mode === 'test' && ` · ${t.reconciliation.testMode}`}</div>
        </>
      ),
    },
    { name: t.common.state, cell: (row) => <Badge status={row.state} /> },
    { name: t.reconciliation.rows, number: true, cell: (row) => count(row.rows) },
    { name: t.reconciliation.matched, number: true, cell: (row) => count(row.matched) },
    { name: t.reconciliation.missingHere, number: true, cell: (row) => <Found run={row} finding="missingHere" /> },
    { name: t.reconciliation.missingThere, number: true, cell: (row) => <Found run={row} finding="missingThere" /> },
    { name: t.reconciliation.differing, number: true, cell: (row) => <Found run={row} finding="differing" /> },
    { name: t.reconciliation.malformed, number: true, cell: (row) => <Found run={row} finding="malformed" /> },
    { name: t.reconciliation.sinceBefore, cell: changesOf },
    ...(isAdministrator && !company ? [{ name: t.common.company, cell: (row: Run) => nameOf(row.companyId) }] : []),
  ];
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>{t.reconciliation.title}</h1>
        {mayCompare && <button type="button" class="primary" onClick={() => setAdding(true)}>{t.reconciliation.compareReport}</button>}
      </div>
      <p class="hint">{t.reconciliation.lead}</p>
      <Listed
        query={query}
        rows={rows}
        pages={pages}
        empty={(
          <Empty title={t.reconciliation.none}>
            {mayCompare
              ? t.reconciliation.noneHint
              : t.reconciliation.noneYet}
          </Empty>
        )}
      >
        <Table caption={t.reconciliation.comparisons} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
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
  if (finding === 'missingThere' && !run.isMissingThereKnown) return <span title={t.reconciliation.noTime}>{t.reconciliation.unknownCount}</span>;
  return found === 0 ? <>0</> : <a href={href('reconciliation', run.id, { finding, state: 'open' })}>{count(found)}</a>;
}
