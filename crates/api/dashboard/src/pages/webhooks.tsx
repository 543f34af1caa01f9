import type { Schemas } from '../api/client';
import { useNews } from '../api/live';
import { useQuery } from '../api/query';
import { useTimes, words } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { t } from '../texts';
import { FilterBar, modeOf, NothingFound, useFilters } from '../ui/filters';
import { useListTools, type Named } from '../ui/list-tools';
import { Dialog } from '../ui/dialog';
import { Badge, Choice, Code, Empty, Facts, Failure, Id, Loading, Select, Text } from '../ui/parts';
import { Listed, Table, usePages } from '../ui/table';
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
        <h1 tabIndex={-1}>{t.common.webhooks}</h1>
        {may('manage:queue') && (
          <Choice
            label={t.common.webhooks}
            value={isFailed ? 'failed' : 'stored'}
            options={[['stored', t.webhooks.stored], ['failed', t.webhooks.failed]]}
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
  const filters = useFilters(NAMES);
  const { values, set } = filters;
  const pages = usePages(`${filters.key}${company}`);
  const asked = { ...values, company } as never as Record<string, string>;
  const query = useQuery('/api/v1/events', { query: { ...asked, limit: LIMIT, cursor: pages.cursor } });
  useNews('transactions', (news) => news.length > 0 && !pages.cursor && query.reload(), [pages.cursor]);
  const rows = query.data?.data.events;
  const pagination = query.data?.data.pagination;

  const all: Named<Event>[] = [
    { id: 'received', name: t.common.received, cell: (row) => <a href={href('webhooks', row.id, place)}><time dateTime={row.receivedAt ?? ''}>{times.short(row.receivedAt)}</time></a> },
    { id: 'event', name: t.webhooks.event, cell: (row) => <><code>{row.eventName}</code>{row.conflictsWith.length > 0 && <> <Badge status="conflict" /></>}</> },
    { id: 'receiver', name: t.common.receiver, cell: (row) => row.endpoint },
    { id: 'reference', name: t.common.reference, cell: (row) => <span class="long">{row.merchantRefNum ?? row.resourceId ?? '–'}</span> },
    { id: 'account', name: t.common.account, cell: (row) => <span class="long">{row.accountId ?? '–'}</span> },
    { id: 'mode', name: t.common.mode, cell: (row) => words(row.mode) },
    ...(isAdministrator && !company ? [{ id: 'company', name: t.common.company, cell: (row: Event) => nameOf(row.companyId) }] : []),
  ];
  const { columns, tools } = useListTools('webhooks', all);

  return (
    <>
      <FilterBar filters={filters}>
        <Text search label={t.webhooks.event} placeholder={t.common.wholeName} value={values['eventName'] ?? ''} onChange={(next) => set('eventName', next)} />
        <Text label={t.common.reference} placeholder={t.common.wholeReference} value={values['merchantRefNum'] ?? ''} onChange={(next) => set('merchantRefNum', next)} />
        <Text label={t.webhooks.resource} placeholder={t.common.wholeId} value={values['resourceId'] ?? ''} onChange={(next) => set('resourceId', next)} />
        <Text label={t.common.account} placeholder={t.common.wholeId} value={values['accountId'] ?? ''} onChange={(next) => set('accountId', next)} />
        <Text label={t.common.from} type="date" value={values['startDate'] ?? ''} onChange={(next) => set('startDate', next)} />
        <Text label={t.common.to} type="date" value={values['endDate'] ?? ''} onChange={(next) => set('endDate', next)} />
        <Select label={t.webhooks.conflicts} value={values['conflicting'] ?? ''} options={[['', t.common.all], ['true', t.webhooks.onlyConflicts]]} onChange={(next) => set('conflicting', next)} />
        <Select label={t.common.mode} value={values['mode'] ?? ''} options={[['', t.webhooks.bothModes], ['live', t.common.live], ['test', t.common.test]]} onChange={(next) => set('mode', next)} />
      </FilterBar>
      {tools}
      <Listed query={query} rows={rows} pages={pages} empty={<NothingFound filters={filters} none={t.webhooks.noWebhooks} hint={may('manage:secrets') && <a href={href('settings/receivers')}>{t.webhooks.sendTest}</a>} />}>
        <Table caption={t.webhooks.storedWebhooks} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} marked={(row) => row.id === id} />
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
    <Dialog drawer title={row ? row.eventName : t.webhooks.webhook} onClose={onClose}>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!row && !query.error && <Loading rows={8} />}
      {row && (
        <>
          {row.category === 'other' && <Empty title={t.webhooks.withoutEffect}>{t.webhooks.notDescribing}</Empty>}
          {row.conflictsWith.length > 0 && (
            <p class="problem">
              {t.webhooks.conflicting}{' '}
              {row.conflictsWith.map((other) => <a key={other} class="break" href={href('webhooks', other)}>{other} </a>)}
            </p>
          )}
          <Facts
            facts={[
              [t.common.received, times.full(row.receivedAt)],
              [t.common.receiver, row.endpoint],
              [t.webhooks.subject, row.kind ? words(row.kind) : words(row.category)],
              [t.webhooks.resource, row.resourceId && (row.category === 'transaction' ? <a href={href('transactions', null, { q: row.resourceId, mode: modeOf(row) })}>{row.resourceId}</a> : row.resourceId)],
              [t.common.reference, row.merchantRefNum],
              [t.common.account, row.accountId],
              [t.common.company, nameOf(row.companyId)],
              [t.common.mode, words(row.mode)],
              [t.webhooks.webhookId, <Id text={row.id} of={t.webhooks.theWebhookId} />],
              [t.webhooks.identity, <span class="break">{row.identity}</span>],
            ]}
          />
          <h3>{t.common.maskedBody}</h3>
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
      <div class="hint">{t.webhooks.receivedAt(times.full(event.receivedAt), event.endpoint)}</div>
      {withPayload && (
        <details>
          <summary>{t.common.maskedBody}</summary>
          <Code>{JSON.stringify(event.payload, null, 2)}</Code>
        </details>
      )}
    </>
  );
}
