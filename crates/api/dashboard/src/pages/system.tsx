import { useState } from 'preact/hooks';
import type { Schemas } from '../api/client';
import { useQuery } from '../api/query';
import { count, milliseconds, percent, span, useTimes, words } from '../format/format';
import { useSession } from '../session';
import { t } from '../texts';
import { Badge, Card, Choice, Empty, Failure, Loading } from '../ui/parts';
import { Table, type Column } from '../ui/table';
import { History, type Sample } from './history';

const EVERY = 5_000;
const windows = () => [['lastMinute', span(1, 'minute', 'short')], ['lastFiveMinutes', span(5, 'minute', 'short')], ['lastHour', span(1, 'hour')]] as const;

const charts = () => [
  {
    title: t.operations.latency95,
    lines: [
      { name: t.operations.accepting, color: '--chart-1', of: (sample: Sample) => sample.acceptMs },
      { name: t.operations.waitingInQueue, color: '--chart-2', of: (sample: Sample) => sample.queueWaitMs },
      { name: t.operations.answering, color: '--chart-3', of: (sample: Sample) => sample.responseMs },
    ],
    valueOf: milliseconds,
  },
  {
    title: t.operations.cacheAndMemory,
    lines: [
      { name: t.operations.hitRate, color: '--chart-2', of: (sample: Sample) => sample.hitRate },
      { name: t.operations.queueRedisInUse, color: '--chart-1', of: (sample: Sample) => sample.memoryUsed },
    ],
    valueOf: percent,
  },
];

type Percentiles = Schemas['Percentiles'];

export function System() {
  const { nameOf } = useSession();
  const times = useTimes();
  const [chosen, setChosen] = useState<ReturnType<typeof windows>[number][0]>('lastFiveMinutes');
  const query = useQuery('/api/performance/status', {}, EVERY);
  const status = query.data;
  const figures = status?.performance[chosen];
  const systems = status?.systems;

  const waits: [string, Percentiles][] = figures
    ? [
        [t.operations.accepting, figures.acceptMs],
        [t.operations.waitingInQueue, figures.queueWaitMs],
        [t.operations.batch, figures.batchMs],
        [t.operations.writingBatch, figures.persistMs],
        [t.operations.answering, figures.responseMs],
      ]
    : [];
  const columns: Column<[string, Percentiles]>[] = [
    { name: t.operations.step, cell: ([name]) => name },
    { name: t.operations.p50, number: true, cell: ([, own]) => milliseconds(own.p50) },
    { name: t.operations.p95, number: true, cell: ([, own]) => milliseconds(own.p95) },
    { name: t.operations.p99, number: true, cell: ([, own]) => milliseconds(own.p99) },
  ];
  const caches: Column<Schemas['CacheFigures']>[] = [
    { name: t.operations.responses, cell: (row) => words(row.endpoint.replace('.', ' ')) },
    { name: t.operations.hitRate, number: true, cell: (row) => percent(row.hitRate) },
    { name: t.operations.hits, number: true, cell: (row) => count(row.hits) },
    { name: t.operations.stale, number: true, cell: (row) => count(row.stale) },
    { name: t.operations.misses, number: true, cell: (row) => count(row.misses) },
    { name: t.operations.notModified, number: true, cell: (row) => count(row.notModified) },
    { name: t.operations.hitP95, number: true, cell: (row) => milliseconds(row.hitMs.p95) },
    { name: t.operations.missP95, number: true, cell: (row) => milliseconds(row.missMs.p95) },
  ];

  const refused: Column<Schemas['ReceiverRefusals']>[] = [
    { name: t.common.receiver, cell: (row) => <code>{row.endpoint}</code> },
    { name: t.common.company, cell: (row) => nameOf(row.companyId) },
    { name: t.operations.signatureWrong, number: true, cell: (row) => count(row.failed) },
    { name: t.operations.verified, number: true, cell: (row) => count(row.verified) },
    { name: t.common.state, cell: (row) => <Badge status={row.isFailing ? 'failing' : 'refused'} /> },
  ];

  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>{t.operations.system}</h1>
        {status && <Badge status={status.status} />}
      </div>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!status && !query.error && <Loading rows={6} />}
      {status && systems && figures && (
        <>
          <Card title={t.operations.alerts}>
            {status.alerts.length === 0 ? <Empty title={t.operations.noAlerts}>{t.operations.allWithin}</Empty> : (
              <ul class="alerts">
                {status.alerts.map((alert) => (
                  <li key={alert.name}>
                    <Badge status={alert.severity} /> <strong>{words(alert.name)}</strong> <span>{alert.message}</span>
                    <p class="hint">{t.operations.since(times.full(alert.since), alert.action)}</p>
                  </li>
                ))}
              </ul>
            )}
          </Card>
          <div class="tiles">
            <Health name={t.operations.api} health={systems.api.health} />
            <Health name={t.operations.database} health={systems.database.health} />
            <Health name={t.operations.queueRedis} health={systems.redis.queue}>{systems.redis.memoryUsed != null && t.operations.ofMemory(percent(systems.redis.memoryUsed))}</Health>
            <Health name={t.operations.cacheRedis} health={systems.redis.cache} />
            <Health name={t.operations.workers} health={systems.webhook_processing.health}>{systems.webhook_processing.queue_stats && t.operations.alive(systems.webhook_processing.queue_stats.workers)}</Health>
            <Health name={t.operations.analytics} health={systems.analytics_cache.health}>{t.operations.keptReady(systems.analytics_cache.cache_stats.totalKeys)}</Health>
          </div>
          <div class="columns even">
            <Card title={t.operations.latency} aside={<Choice label={t.operations.window} value={chosen} options={windows()} onChange={setChosen} />}>
              <Table caption={t.operations.latency} columns={columns} rows={waits} keyOf={([name]) => name} />
            </Card>
            <Card title={t.operations.throughput}>
              <Table
                caption={t.operations.rates}
                columns={[{ name: t.operations.stage, cell: ([name]: [string, number]) => name }, { name: t.operations.perSecond, number: true, cell: ([, rate]: [string, number]) => count(rate) }]}
                rows={Object.entries(figures.throughput).map(([name, rate]): [string, number] => [name === 'refused' ? t.operations.refused : words(name), rate])}
                keyOf={([name]) => name}
              />
            </Card>
          </div>
          <History charts={charts()} />
          <Card title={t.operations.refusedTitle}>
            <Refusals refusals={systems.webhook_processing.refusals} columns={refused} />
          </Card>
          <Card title={t.operations.cachedTitle}>
            <Table caption={t.operations.cached} columns={caches} rows={systems.api_cache} keyOf={(row) => row.endpoint} />
          </Card>
        </>
      )}
    </>
  );
}

function Refusals({ refusals, columns }: { refusals: Schemas['Refusals']; columns: Column<Schemas['ReceiverRefusals']>[] }) {
  const reasons = Object.entries(refusals.byReason).sort(([, a], [, b]) => b - a);
  if (reasons.length === 0) return <Empty title={t.operations.none}>{t.operations.allAccepted}</Empty>;
  return (
    <>
      <p>{reasons.map(([reason, number]) => t.operations.reason(words(reason), count(number))).join(' · ')}</p>
      {refusals.byReceiver.length > 0 && (
        <Table caption={t.operations.refusing} columns={columns} rows={refusals.byReceiver} keyOf={(row) => `${row.endpoint} ${row.companyId}`} />
      )}
    </>
  );
}

function Health({ name, health, children }: { name: string; health: string; children?: preact.ComponentChildren }) {
  return (
    <section class="tile">
      <h2>{name}</h2>
      <p><Badge status={health} /></p>
      {children && <p class="hint">{children}</p>}
    </section>
  );
}
