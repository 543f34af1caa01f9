import { post } from '../api/client';
import { useQuery } from '../api/query';
import { count, milliseconds } from '../format/format';
import { useSession } from '../session';
import { t } from '../texts';
import { Badge, Card, Failure, Figure, Loading } from '../ui/parts';
import { Table, type Column } from '../ui/table';
import { useAction } from '../ui/toasts';
import { DeadLetters } from './dead-letters';
import { History, type Sample } from './history';

interface Counts {
  waiting: number;
  active: number;
  completed: number;
  failed: number;
  delayed: number;
  dead: number;
  paused: boolean;
  oldestWaitingMs: number;
}

/** What a company is told of the queue, which is the platform's: whether it works, and the company's own dead letters. */
interface OwnCounts {
  dead: number;
  deadIsExact: boolean;
  paused: boolean;
  isWorking: boolean;
  lanes: Record<'payments' | 'others', { paused: boolean }>;
}

interface QueueCounts extends Counts {
  total: number;
  accepted: number;
  duplicates: number;
  workers: number;
  lanes: Record<'payments' | 'others', Counts>;
}

const EVERY = 2_000;
const LANES = ['payments', 'others'] as const;

const charts = () => [
  {
    title: t.operations.webhooksPerSecond,
    lines: [
      { name: t.operations.accepted, color: '--chart-1', of: (sample: Sample) => sample.accepted },
      { name: t.operations.stored, color: '--chart-2', of: (sample: Sample) => sample.processed },
      { name: t.operations.failed, color: '--chart-3', of: (sample: Sample) => sample.failed },
    ],
    valueOf: count,
  },
  {
    title: t.operations.waiting,
    lines: [{ name: t.operations.waiting, color: '--chart-1', of: (sample: Sample) => sample.waiting }, { name: t.operations.deadLetters, color: '--chart-3', of: (sample: Sample) => sample.dead }],
    valueOf: count,
  },
];

export function Queue() {
  const { companies, company, isAdministrator, may } = useSession();
  const act = useAction();
  const query = useQuery('/api/webhooks/queue', {}, EVERY);
  const told = query.data?.queue as unknown;
  const queue = isAdministrator ? (told as QueueCounts | undefined) : undefined;
  const name = companies.find((own) => own.slug === company)?.name;

  const change = async (action: 'pause' | 'resume', lane: 'payments' | 'others') => {
    if (await act(t.operations[action === 'pause' ? 'paused' : 'resumed'](t.operations.lanes[lane]), () => post('/api/webhooks/queue', { action, lane }))) query.reload();
  };
  const columns: Column<['payments' | 'others', Counts]>[] = [
    { name: t.operations.lane, cell: ([name]) => <strong>{t.operations.lanes[name]}</strong> },
    { name: t.common.state, cell: ([, lane]) => <Badge status={lane.paused ? 'paused' : 'active'} /> },
    { name: t.operations.waiting, number: true, cell: ([, lane]) => count(lane.waiting) },
    { name: t.operations.inFlight, number: true, cell: ([, lane]) => count(lane.active) },
    { name: t.operations.delayed, number: true, cell: ([, lane]) => count(lane.delayed) },
    { name: t.operations.oldest, number: true, cell: ([, lane]) => (lane.waiting ? milliseconds(lane.oldestWaitingMs) : '–') },
    { name: t.operations.completed, number: true, cell: ([, lane]) => count(lane.completed) },
    { name: t.operations.dead, number: true, cell: ([, lane]) => count(lane.dead) },
    {
      name: t.common.actions,
      cell: ([name, lane]) => (
        <button type="button" class="small" onClick={() => change(lane.paused ? 'resume' : 'pause', name)}>
          {lane.paused ? t.operations.resume : t.operations.pause}<span class="unseen"> {t.operations.lanes[name]}</span>
        </button>
      ),
    },
  ];

  return (
    <>
      <h1 tabIndex={-1}>{t.operations.queue}</h1>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!told && !query.error && <Loading rows={4} />}
      {told && !isAdministrator ? <Own counts={told as OwnCounts} /> : null}
      {queue && (
        <>
          <h2>{t.operations.platform}</h2>
          <div class="tiles">
            <Figure name={t.operations.waiting} value={count(queue.waiting)} />
            <Figure name={t.operations.oldest} value={queue.waiting ? milliseconds(queue.oldestWaitingMs) : '–'} />
            <Figure name={t.operations.inFlight} value={count(queue.active)} />
            <Figure name={t.operations.workers} value={count(queue.workers)} isBad={queue.workers === 0} />
            <Figure name={t.operations.accepted} value={count(queue.accepted)} />
            <Figure name={t.operations.deadLetters} value={count(queue.dead)} isBad={queue.dead > 0} />
          </div>
          {may('admin') && <Rates />}
          <Card title={t.operations.lanesTitle}>
            <Table caption={t.operations.lanesTitle} columns={columns} rows={LANES.map((name): ['payments' | 'others', Counts] => [name, queue.lanes[name]])} keyOf={([name]) => name} />
          </Card>
        </>
      )}
      {may('admin') && <History charts={charts()} />}
      <h2>{name ? t.operations.deadLettersOf(name) : t.operations.deadLetters}</h2>
      <DeadLetters page="queue" onChanged={query.reload} />
    </>
  );
}

/** For a company: whether its webhooks are on their way, and how many of them failed. */
function Own({ counts }: { counts: OwnCounts }) {
  const state = (isPaused: boolean) => (isPaused ? 'paused' : counts.isWorking ? 'active' : 'stalled');
  return (
    <div class="tiles">
      {LANES.map((lane) => (
        <section class="tile" key={lane}>
          <h2>{t.operations.lanes[lane]}</h2>
          <p><Badge status={state(counts.paused || counts.lanes[lane].paused)} /></p>
        </section>
      ))}
      <Figure name={t.operations.deadLetters} value={`${count(counts.dead)}${counts.deadIsExact ? '' : '+'}`} isBad={counts.dead > 0} />
    </div>
  );
}

function Rates() {
  const query = useQuery('/api/performance/status', {}, 5_000);
  const minute = query.data?.performance.lastMinute;
  if (!minute) return null;
  return (
    <div class="tiles">
      <Figure name={t.operations.acceptedPerSecond} value={count(minute.throughput.accepted)} />
      <Figure name={t.operations.storedPerSecond} value={count(minute.throughput.processed)} />
      <Figure name={t.operations.failedPerSecond} value={count(minute.throughput.failed)} isBad={minute.throughput.failed > 0} />
      <Figure name={t.operations.waitP95} value={milliseconds(minute.queueWaitMs.p95)} />
    </div>
  );
}
