import { post } from '../api/client';
import { useQuery } from '../api/query';
import { count, milliseconds } from '../format/format';
import { useSession } from '../session';
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

interface QueueCounts extends Counts {
  total: number;
  accepted: number;
  duplicates: number;
  workers: number;
  lanes: Record<'payments' | 'others', Counts>;
}

const EVERY = 2_000;

const CHARTS = [
  {
    title: 'Webhooks per second',
    lines: [
      { name: 'Accepted', color: '--chart-1', of: (sample: Sample) => sample.accepted },
      { name: 'Stored', color: '--chart-2', of: (sample: Sample) => sample.processed },
      { name: 'Failed', color: '--chart-3', of: (sample: Sample) => sample.failed },
    ],
    valueOf: count,
  },
  {
    title: 'Waiting',
    lines: [{ name: 'Waiting', color: '--chart-1', of: (sample: Sample) => sample.waiting }, { name: 'Dead letters', color: '--chart-3', of: (sample: Sample) => sample.dead }],
    valueOf: count,
  },
];

export function Queue() {
  const { isAdministrator, may } = useSession();
  const act = useAction();
  const query = useQuery('/api/webhooks/queue', {}, EVERY);
  const queue = query.data?.queue as unknown as QueueCounts | undefined;

  const change = async (action: 'pause' | 'resume', lane: 'payments' | 'others') => {
    if (await act(`${lane} ${action === 'pause' ? 'paused' : 'resumed'}`, () => post('/api/webhooks/queue', { action, lane }))) query.reload();
  };
  const columns: Column<['payments' | 'others', Counts]>[] = [
    { name: 'Lane', cell: ([name]) => <strong>{name === 'payments' ? 'Payments' : 'Other events'}</strong> },
    { name: 'State', cell: ([, lane]) => <Badge status={lane.paused ? 'paused' : 'active'} /> },
    { name: 'Waiting', number: true, cell: ([, lane]) => count(lane.waiting) },
    { name: 'In flight', number: true, cell: ([, lane]) => count(lane.active) },
    { name: 'Delayed', number: true, cell: ([, lane]) => count(lane.delayed) },
    { name: 'Oldest', number: true, cell: ([, lane]) => (lane.waiting ? milliseconds(lane.oldestWaitingMs) : '–') },
    { name: 'Completed', number: true, cell: ([, lane]) => count(lane.completed) },
    { name: 'Dead', number: true, cell: ([, lane]) => count(lane.dead) },
    ...(isAdministrator
      ? [{
          name: 'Actions',
          cell: ([name, lane]: ['payments' | 'others', Counts]) => (
            <button type="button" class="small" onClick={() => change(lane.paused ? 'resume' : 'pause', name)}>
              {lane.paused ? 'Resume' : 'Pause'}<span class="unseen"> {name}</span>
            </button>
          ),
        }]
      : []),
  ];

  return (
    <>
      <h1 tabIndex={-1}>Queue</h1>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!queue && !query.error && <Loading rows={4} />}
      {queue && (
        <>
          <div class="tiles">
            <Figure name="Waiting" value={count(queue.waiting)} />
            <Figure name="Oldest" value={queue.waiting ? milliseconds(queue.oldestWaitingMs) : '–'} />
            <Figure name="In flight" value={count(queue.active)} />
            <Figure name="Workers" value={count(queue.workers)} isBad={queue.workers === 0} />
            <Figure name="Accepted" value={count(queue.accepted)} />
            <Figure name="Dead letters" value={count(queue.dead)} isBad={queue.dead > 0} />
          </div>
          {may('admin') && <Rates />}
          <Card title="Lanes">
            <Table caption="Lanes" columns={columns} rows={(['payments', 'others'] as const).map((name): ['payments' | 'others', Counts] => [name, queue.lanes[name]])} keyOf={([name]) => name} />
          </Card>
        </>
      )}
      {may('admin') && <History charts={CHARTS} />}
      <h2>Dead letters</h2>
      <DeadLetters page="queue" onChanged={query.reload} />
    </>
  );
}

function Rates() {
  const query = useQuery('/api/performance/status', {}, 5_000);
  const minute = query.data?.performance.lastMinute;
  if (!minute) return null;
  return (
    <div class="tiles">
      <Figure name="Accepted per second" value={count(minute.throughput.accepted)} />
      <Figure name="Stored per second" value={count(minute.throughput.processed)} />
      <Figure name="Failed per second" value={count(minute.throughput.failed)} isBad={minute.throughput.failed > 0} />
      <Figure name="Wait, p95" value={milliseconds(minute.queueWaitMs.p95)} />
    </div>
  );
}
