import type { Schemas } from '../api/client';
import { useNews } from '../api/live';
import { useQuery } from '../api/query';
import { useTimes, words } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { FilterBar, NothingFound, useFilters } from '../ui/filters';
import { Badge, Choice, Code, Dialog, Empty, Facts, Failure, Id, Loading, Select, Text } from '../ui/parts';
import { Listed, Table, usePages, type Column } from '../ui/table';
import { DeadLetters } from './dead-letters';
import { Receipt } from './receipt';

type Event = Schemas['Event'];

const NAMES = ['eventName', 'merchantRefNum', 'resourceId', 'accountId', 'startDate', 'endDate', 'mode', 'conflicting'] as const;
const LIMIT = 25;

export function Webhooks() {
  const { may } = useSession();
  const { query } = useRoute();
  const isFailed = query['show'] === 'failed' && may('manage:queue');
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Webhooks</h1>
        {may('manage:queue') && (
          <Choice
            label="Webhooks"
            value={isFailed ? 'failed' : 'stored'}
            options={[['stored', 'Stored'], ['failed', 'Failed']]}
            onChange={(next) => navigate(href('webhooks', null, { show: next === 'failed' ? 'failed' : undefined }), true)}
          />
        )}
      </div>
      {isFailed ? <DeadLetters page="webhooks" /> : <Stored />}
    </>
  );
}

function Stored() {
  const { company, isAdministrator, may, nameOf } = useSession();
  const { id, query: place } = useRoute();
  const times = useTimes();
  const filters = useFilters('webhooks', NAMES);
  const { values, set } = filters;
  const pages = usePages(`${filters.key}${company}`);
  const asked = { ...values, company } as never as Record<string, string>;
  const query = useQuery('/api/v1/events', { query: { ...asked, limit: LIMIT, cursor: pages.cursor } });
  useNews('transactions', (news) => news.length > 0 && !pages.cursor && query.reload(), [pages.cursor]);
  const rows = query.data?.data.events;
  const pagination = query.data?.data.pagination;

  const columns: Column<Event>[] = [
    { name: 'Received', cell: (row) => <a href={href('webhooks', row.id, place)}><time dateTime={row.receivedAt ?? ''}>{times.short(row.receivedAt)}</time></a> },
    { name: 'Event', cell: (row) => <><code>{row.eventName}</code>{row.conflictsWith.length > 0 && <> <Badge status="conflict" /></>}</> },
    { name: 'Receiver', cell: (row) => row.endpoint },
    { name: 'Reference', cell: (row) => row.merchantRefNum ?? row.resourceId ?? '–' },
    { name: 'Account', cell: (row) => row.accountId ?? '–' },
    { name: 'Mode', cell: (row) => words(row.mode) },
    ...(isAdministrator && !company ? [{ name: 'Company', cell: (row: Event) => nameOf(row.companyId) }] : []),
  ];

  return (
    <>
      <FilterBar filters={filters}>
        <Text search label="Event" placeholder="PAYMENT_COMPLETED" value={values['eventName'] ?? ''} onChange={(next) => set('eventName', next)} />
        <Text label="Reference" value={values['merchantRefNum'] ?? ''} onChange={(next) => set('merchantRefNum', next)} />
        <Text label="Resource" value={values['resourceId'] ?? ''} onChange={(next) => set('resourceId', next)} />
        <Text label="Account" value={values['accountId'] ?? ''} onChange={(next) => set('accountId', next)} />
        <Text label="From" type="date" value={values['startDate'] ?? ''} onChange={(next) => set('startDate', next)} />
        <Text label="To" type="date" value={values['endDate'] ?? ''} onChange={(next) => set('endDate', next)} />
        <Select label="Conflicts" value={values['conflicting'] ?? ''} options={[['', 'All'], ['true', 'Only conflicts']]} onChange={(next) => set('conflicting', next)} />
        <Select label="Mode" value={values['mode'] ?? ''} options={[['', 'Both'], ['live', 'Live'], ['test', 'Test']]} onChange={(next) => set('mode', next)} />
      </FilterBar>
      <Listed query={query} rows={rows} empty={<NothingFound filters={filters} none="No webhooks yet" hint={may('manage:secrets') && <a href={href('settings/receivers')}>Send a test to a receiver</a>} />}>
        <Table caption="Stored webhooks" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} marked={(row) => row.id === id} />
        {pages.pager(pagination?.nextCursor, pagination?.total, pagination?.totalIsExact)}
      </Listed>
      <Receipt company={company} mode={values['mode'] === 'test' ? 'test' : 'live'} />
      {id && <Detail id={id} onClose={() => navigate(href('webhooks', null, place))} />}
    </>
  );
}

function Detail({ id, onClose }: { id: string; onClose: () => void }) {
  const { nameOf } = useSession();
  const times = useTimes();
  const query = useQuery('/api/v1/events/{id}', { path: { id } });
  const row = query.data?.data;
  return (
    <Dialog drawer title={row ? row.eventName : 'Webhook'} onClose={onClose}>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!row && !query.error && <Loading rows={8} />}
      {row && (
        <>
          {row.category === 'other' && <Empty title="Stored without effect">The event name is not one that describes a transaction or an account.</Empty>}
          {row.conflictsWith.length > 0 && (
            <p class="problem">
              Other webhooks with the same event id tell something else. All are kept:{' '}
              {row.conflictsWith.map((other) => <a key={other} class="break" href={href('webhooks', other)}>{other} </a>)}
            </p>
          )}
          <Facts
            facts={[
              ['Received', times.full(row.receivedAt)],
              ['Receiver', row.endpoint],
              ['Subject', row.kind ? words(row.kind) : words(row.category)],
              ['Resource', row.resourceId && <a href={href('transactions', null, { q: row.resourceId })}>{row.resourceId}</a>],
              ['Reference', row.merchantRefNum],
              ['Account', row.accountId],
              ['Company', nameOf(row.companyId)],
              ['Mode', words(row.mode)],
              ['Webhook id', <Id text={row.id} of="the webhook id" />],
              ['Identity', <span class="break">{row.identity}</span>],
            ]}
          />
          <h3>Body, masked</h3>
          <Code>{JSON.stringify(row.payload, null, 2)}</Code>
        </>
      )}
    </Dialog>
  );
}

/** One event of a history, its body a click away. */
export function EventLine({ event, withPayload }: { event: Event; withPayload: boolean }) {
  const times = useTimes();
  return (
    <>
      <code>{event.eventName}</code> <time dateTime={event.statusTime ?? ''}>{times.full(event.statusTime)}</time>
      <div class="hint">Received {times.full(event.receivedAt)} at {event.endpoint}</div>
      {withPayload && (
        <details>
          <summary>Body, masked</summary>
          <Code>{JSON.stringify(event.payload, null, 2)}</Code>
        </details>
      )}
    </>
  );
}
