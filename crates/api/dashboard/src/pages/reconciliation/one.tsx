import { useState } from 'preact/hooks';
import { urlOf } from '../../api/client';
import { useQuery } from '../../api/query';
import { count, listed, percent, useTimes, words } from '../../format/format';
import { href, useRoute } from '../../router';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Badge, Card, ExportLink, Facts, Failure, Figure, Loading } from '../../ui/parts';
import { changesOf, nameOfRun, type Run } from './run';
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
        <a href={href('reconciliation')}>{t.reconciliation.allComparisons}</a>
        <h1 class="break" tabIndex={-1}>{run ? nameOfRun(run) : t.reconciliation.comparison}</h1>
      </div>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!run && !query.error && <Loading rows={6} />}
      {run?.state === 'running' && <Progress run={run} />}
      {run?.state === 'stopped' && (
        <Card title={t.reconciliation.didNotEnd} aside={<Badge status="stopped" />}>
          <p class="problem">{run.failure ?? t.reconciliation.serviceEnded}</p>
          <p class="hint">{t.reconciliation.nothingChanged((text) => <a href={href('reconciliation')}>{text}</a>)}</p>
        </Card>
      )}
      {run?.state === 'finished' && <Finished run={run} totals={run.totals as unknown as Group[]} onChanged={query.reload} />}
    </>
  );
}

function Progress({ run }: { run: Run }) {
  const share = run.percent ?? undefined;
  return (
    <Card title={t.reconciliation.running} aside={<Badge status="running" />}>
      <progress max={100} value={share} aria-label={t.reconciliation.readShare} />
      <p class="hint">{t.reconciliation.progress(run.rows, share === undefined ? null : percent(share / 100))}</p>
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
        <Figure name={t.reconciliation.matched} value={count(run.matched)} />
        <Figure name={t.reconciliation.missingHere} value={count(run.missingHere)} isBad={run.missingHere > 0} />
        <Figure name={t.reconciliation.missingThere} value={run.isMissingThereKnown ? count(run.missingThere) : t.common.unknown} isBad={run.missingThere > 0} />
        <Figure name={t.reconciliation.differing} value={count(run.differing)} isBad={run.differing > 0} />
        <Figure name={t.reconciliation.malformed} value={count(run.malformed)} isBad={run.malformed > 0} />
      </div>
      <Card title={t.reconciliation.comparison} aside={<Badge status="finished" />}>
        <Facts
          facts={[
            [t.reconciliation.rows, count(run.rows)],
            [t.reconciliation.ignored, count(run.ignored)],
            [t.reconciliation.sinceBefore, changesOf(run)],
            [t.common.company, nameOf(run.companyId)],
            [t.common.transactions, words(run.mode)],
            [t.reconciliation.comparedAt, times.full(run.startedAt)],
            [t.reconciliation.rowsFrom, run.from ? spanOf(times.short(run.from), times.short(run.until)) : t.common.unknown],
          ]}
        />
        {!run.isMissingThereKnown && <p class="hint">{t.reconciliation.noTimes}</p>}
        {lacking.length > 0 && <p class="hint">{t.reconciliation.lacking(listed(lacking.map((field) => words(field))))}</p>}
      </Card>
      <div class="heading">
        <h2>{t.reconciliation.differences}</h2>
        <div class="actions">
          <ExportLink href={urlOf('/api/v1/reconciliations/{id}/items.csv', { path: { id: run.id }, query: { ...filters, bom: 'true' } })} name="reconciliation.csv" />
          {mayChange && open > 0 && <TakeOver run={run.id} number="all" count={open} onDone={changed} />}
        </div>
      </div>
      <Items run={run} round={round} mayChange={mayChange} onChanged={changed} />
      <Sums totals={totals} />
    </>
  );
}

function spanOf(from: string, until: string): string {
  return from === until ? from : t.reconciliation.span(from, until);
}

/** Fields for which a report has no column. */
function lackingOf(run: Run): string[] {
  const files = (run.files ?? []) as { withoutColumns?: string[] }[];
  return [...new Set(files.flatMap((file) => file.withoutColumns ?? []))];
}
