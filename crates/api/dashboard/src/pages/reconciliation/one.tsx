import { useState } from 'preact/hooks';
import { urlOf } from '../../api/client';
import { useQuery } from '../../api/query';
import { count, counted, listed, useTimes } from '../../format/format';
import { href, useRoute } from '../../router';
import { useSession } from '../../session';
import { Badge, Card, Facts, Failure, Figure, Loading } from '../../ui/parts';
import { changesOf, nameOfRun, type Run } from '../reconciliation';
import { Items } from './items';
import { Sums, type Group } from './sums';
import { TakeOver } from './settle';

/** How often it is asked how far a comparison is. */
const EVERY = 1_000;

/** A comparison: how far it is, then what it found. */
export function One({ id }: { id: string }) {
  const [isRunning, setRunning] = useState(true);
  const query = useQuery('/api/v1/reconciliations/{id}', { path: { id } }, isRunning ? EVERY : undefined);
  const run = query.data?.data;
  if (run && isRunning !== (run.state === 'running')) setRunning(run.state === 'running');
  return (
    <>
      <div>
        <a href={href('reconciliation')}>All comparisons</a>
        <h1 class="break" tabIndex={-1}>{run ? nameOfRun(run) : 'Comparison'}</h1>
      </div>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!run && !query.error && <Loading rows={6} />}
      {run?.state === 'running' && <Progress run={run} />}
      {run?.state === 'stopped' && (
        <Card title="It did not come to its end" aside={<Badge status="stopped" />}>
          <p class="problem">{run.failure ?? 'The service that compared it ended.'}</p>
          <p class="hint">Nothing was changed. <a href={href('reconciliation')}>Compare the report again</a>.</p>
        </Card>
      )}
      {run?.state === 'finished' && <Finished run={run} totals={run.totals as unknown as Group[]} onChanged={query.reload} />}
    </>
  );
}

function Progress({ run }: { run: Run }) {
  const share = run.percent ?? undefined;
  return (
    <Card title="It is being compared" aside={<Badge status="running" />}>
      <progress max={100} value={share} aria-label="Read of the report" />
      <p class="hint">{counted(run.rows, 'row')} read{share !== undefined && `, ${count(share)} % of the report`}. You need not wait here: it goes on by itself.</p>
    </Card>
  );
}

function Finished({ run, totals, onChanged }: { run: Run; totals: Group[]; onChanged: () => void }) {
  const { nameOf, may } = useSession();
  const { query: place } = useRoute();
  const times = useTimes();
  // What was settled shows in the list and in the figures.
  const [round, setRound] = useState(0);
  const changed = () => {
    onChanged();
    setRound((n) => n + 1);
  };
  const open = run.missingHere + run.differing;
  const mayChange = may('manage:secrets');
  const filters = { finding: place['finding'], state: place['state'] };
  const lacking = lackingOf(run);
  return (
    <>
      <div class="tiles">
        <Figure name="Matched" value={count(run.matched)} />
        <Figure name="Missing here" value={count(run.missingHere)} isBad={run.missingHere > 0} />
        <Figure name="Missing there" value={run.isMissingThereKnown ? count(run.missingThere) : 'Unknown'} isBad={run.missingThere > 0} />
        <Figure name="Differing" value={count(run.differing)} isBad={run.differing > 0} />
        <Figure name="Malformed" value={count(run.malformed)} isBad={run.malformed > 0} />
      </div>
      <Card title="Comparison" aside={<Badge status="finished" />}>
        <Facts
          facts={[
            ['Rows', count(run.rows)],
            ['Ignored', count(run.ignored)],
            ['Since the one before', changesOf(run)],
            ['Company', nameOf(run.companyId)],
            ['Transactions', run.mode === 'test' ? 'Test' : 'Live'],
            ['Compared', times.full(run.startedAt)],
            ['The report’s rows are from', run.from ? [...new Set([times.short(run.from), times.short(run.until)])].join(' to ') : 'Unknown'],
          ]}
        />
        {!run.isMissingThereKnown && <p class="hint">No row tells a time, so nobody knows which of our transactions the report should have.</p>}
        {lacking.length > 0 && <p class="hint">The report has no column for {listed(lacking)}: that was not compared.</p>}
      </Card>
      <div class="heading">
        <h2>Differences</h2>
        <div class="actions">
          <a class="button" href={urlOf('/api/v1/reconciliations/{id}/items.csv', { path: { id: run.id }, query: filters })} download="reconciliation.csv">Export CSV</a>
          {mayChange && open > 0 && <TakeOver run={run.id} number="all" count={open} onDone={changed} />}
        </div>
      </div>
      <Items run={run} round={round} mayChange={mayChange} onChanged={changed} />
      <Sums totals={totals} />
    </>
  );
}

/** Fields for which a report has no column. */
function lackingOf(run: Run): string[] {
  const files = (run.files ?? []) as { withoutColumns?: string[] }[];
  return [...new Set(files.flatMap((file) => file.withoutColumns ?? []))];
}
