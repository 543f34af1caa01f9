import { useState } from 'preact/hooks';
import type { Schemas } from '../api/client';
import { useQuery } from '../api/query';
import { count, milliseconds, percent, useTimes, words } from '../format/format';
import { useSession } from '../session';
import { Badge, Card, Choice, Empty, Failure, Loading } from '../ui/parts';
import { Table, type Column } from '../ui/table';
import { History, type Sample } from './history';

const EVERY = 5_000;
const WINDOWS = [['lastMinute', '1 min'], ['lastFiveMinutes', '5 min'], ['lastHour', '1 hour']] as const;

const CHARTS = [
  {
    title: 'Latency, 95 of 100',
    lines: [
      { name: 'Accepting a webhook', color: '--chart-1', of: (sample: Sample) => sample.acceptMs },
      { name: 'Waiting in the queue', color: '--chart-2', of: (sample: Sample) => sample.queueWaitMs },
      { name: 'Answering a dashboard', color: '--chart-3', of: (sample: Sample) => sample.responseMs },
    ],
    valueOf: milliseconds,
  },
  {
    title: 'Cache and memory',
    lines: [
      { name: 'Hit rate', color: '--chart-2', of: (sample: Sample) => sample.hitRate },
      { name: "Queue's Redis in use", color: '--chart-1', of: (sample: Sample) => sample.memoryUsed },
    ],
    valueOf: percent,
  },
];

type Percentiles = Schemas['Percentiles'];

export function System() {
  const { nameOf } = useSession();
  const times = useTimes();
  const [span, setSpan] = useState<(typeof WINDOWS)[number][0]>('lastFiveMinutes');
  const query = useQuery('/api/performance/status', {}, EVERY);
  const status = query.data;
  const figures = status?.performance[span];
  const systems = status?.systems;

  const waits: [string, Percentiles][] = figures
    ? [
        ['Accepting a webhook', figures.acceptMs],
        ['Waiting in the queue', figures.queueWaitMs],
        ['A batch', figures.batchMs],
        ['Writing a batch', figures.persistMs],
        ['Answering a dashboard', figures.responseMs],
      ]
    : [];
  const columns: Column<[string, Percentiles]>[] = [
    { name: 'Step', cell: ([name]) => name },
    { name: 'p50', number: true, cell: ([, own]) => milliseconds(own.p50) },
    { name: 'p95', number: true, cell: ([, own]) => milliseconds(own.p95) },
    { name: 'p99', number: true, cell: ([, own]) => milliseconds(own.p99) },
  ];
  const caches: Column<Schemas['CacheFigures']>[] = [
    { name: 'Responses', cell: (row) => words(row.endpoint.replace('.', ' ')) },
    { name: 'Hit rate', number: true, cell: (row) => percent(row.hitRate) },
    { name: 'Hits', number: true, cell: (row) => count(row.hits) },
    { name: 'Stale', number: true, cell: (row) => count(row.stale) },
    { name: 'Misses', number: true, cell: (row) => count(row.misses) },
    { name: 'Not modified', number: true, cell: (row) => count(row.notModified) },
    { name: 'Hit p95', number: true, cell: (row) => milliseconds(row.hitMs.p95) },
    { name: 'Miss p95', number: true, cell: (row) => milliseconds(row.missMs.p95) },
  ];

  const refused: Column<Schemas['ReceiverRefusals']>[] = [
    { name: 'Receiver', cell: (row) => <code>{row.endpoint}</code> },
    { name: 'Company', cell: (row) => nameOf(row.companyId) },
    { name: 'Signature wrong', number: true, cell: (row) => count(row.failed) },
    { name: 'Verified', number: true, cell: (row) => count(row.verified) },
    { name: 'State', cell: (row) => <Badge status={row.isFailing ? 'failing' : 'refused'} /> },
  ];

  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>System</h1>
        {status && <Badge status={status.status} />}
      </div>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!status && !query.error && <Loading rows={6} />}
      {status && systems && figures && (
        <>
          <Card title="Alerts">
            {status.alerts.length === 0 ? <Empty title="No alerts">All figures are within their limits.</Empty> : (
              <ul class="alerts">
                {status.alerts.map((alert) => (
                  <li key={alert.name}>
                    <Badge status={alert.severity} /> <strong>{words(alert.name)}</strong> <span>{alert.message}</span>
                    <p class="hint">Since {times.full(alert.since)}. {alert.action}</p>
                  </li>
                ))}
              </ul>
            )}
          </Card>
          <div class="tiles">
            <Health name="API" health={systems.api.health} />
            <Health name="Database" health={systems.database.health} />
            <Health name="Queue's Redis" health={systems.redis.queue}>{systems.redis.memoryUsed != null && `${percent(systems.redis.memoryUsed)} of its memory`}</Health>
            <Health name="Cache's Redis" health={systems.redis.cache} />
            <Health name="Workers" health={systems.webhook_processing.health}>{systems.webhook_processing.queue_stats && `${count(systems.webhook_processing.queue_stats.workers)} alive`}</Health>
            <Health name="Analytics" health={systems.analytics_cache.health}>{`${count(systems.analytics_cache.cache_stats.totalKeys)} kept ready`}</Health>
          </div>
          <div class="columns even">
            <Card title="Latency" aside={<Choice label="Window" value={span} options={WINDOWS} onChange={setSpan} />}>
              <Table caption="Latency" columns={columns} rows={waits} keyOf={([name]) => name} />
            </Card>
            <Card title="Throughput">
              <Table
                caption="Rates"
                columns={[{ name: 'Stage', cell: ([name]: [string, number]) => name }, { name: 'Per second', number: true, cell: ([, rate]: [string, number]) => count(rate) }]}
                rows={Object.entries(figures.throughput).map(([name, rate]): [string, number] => [words(name), rate])}
                keyOf={([name]) => name}
              />
            </Card>
          </div>
          <History charts={CHARTS} />
          <Card title="Refused webhooks, last five minutes">
            <Refusals refusals={systems.webhook_processing.refusals} columns={refused} />
          </Card>
          <Card title="Cached responses, last five minutes">
            <Table caption="Cached responses" columns={caches} rows={systems.api_cache} keyOf={(row) => row.endpoint} />
          </Card>
        </>
      )}
    </>
  );
}

function Refusals({ refusals, columns }: { refusals: Schemas['Refusals']; columns: Column<Schemas['ReceiverRefusals']>[] }) {
  const reasons = Object.entries(refusals.byReason).sort(([, a], [, b]) => b - a);
  if (reasons.length === 0) return <Empty title="None">Every webhook was accepted.</Empty>;
  return (
    <>
      <p>{reasons.map(([reason, number]) => `${words(reason)}: ${count(number)}`).join(' · ')}</p>
      {refusals.byReceiver.length > 0 && (
        <Table caption="Receivers that refused webhooks" columns={columns} rows={refusals.byReceiver} keyOf={(row) => `${row.endpoint} ${row.companyId}`} />
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
