import { useEffect, useState } from 'preact/hooks';
import { post, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { count, milliseconds, useTimes, words } from '../../format/format';
import { momentIn } from '../../format/moments';
import { t } from '../../texts';
import { FilterBar, NothingFound, options, useFilters } from '../../ui/filters';
import { Dialog } from '../../ui/dialog';
import { Badge, Select, Text } from '../../ui/parts';
import { Listed, Table, usePages, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';
import { Answer } from './answer';
import { EVENT_TYPES } from './form';

type Attempt = Schemas['Attempt'];

const LIMIT = 25;
const EVERY = 5_000;
const TYPES = [...EVENT_TYPES, 'endpoint.test'];

/** What the endpoint was told, and what it answered. A new `round` has it asked again. */
export function Attempts({ id, round, onResent }: { id: string; round: number; onResent: () => void }) {
  const times = useTimes();
  const act = useAction();
  const filters = useFilters(['state', 'status', 'eventType', 'from', 'until']);
  const { values, set } = filters;
  const pages = usePages(filters.key);
  const [shown, setShown] = useState<Attempt>();
  const moment = (name: string) => momentIn(times.zone, values[name] ?? '');
  // The parameters are checked by the server, which names the one that is wrong.
  const asked = { ...values, from: moment('from'), until: moment('until'), limit: LIMIT, cursor: pages.cursor } as never as Record<string, string>;
  const query = useQuery('/api/v1/endpoints/{id}/attempts', { path: { id }, query: asked }, pages.cursor ? undefined : EVERY);
  const rows = query.data?.data.attempts;
  useEffect(() => {
    if (round > 0) query.reload();
  }, [round]);

  const resend = (messageId: string) =>
    act(t.endpoints.onItsWay, () => post('/api/v1/endpoints/{id}/resend', { messageId }, { path: { id } })).then((done) => done && onResent());

  const columns: Column<Attempt>[] = [
    { name: t.endpoints.begun, cell: (row) => <button type="button" class="link" onClick={() => setShown(row)}><time dateTime={row.at ?? ''}>{times.short(row.at)}</time></button> },
    { name: t.endpoints.result, cell: (row) => <Badge status={row.state} /> },
    { name: t.endpoints.answer, cell: (row) => <span class="break">{row.status ?? row.error ?? '–'}</span> },
    { name: t.endpoints.eventType, cell: (row) => <code>{row.eventType ?? '–'}</code> },
    { name: t.endpoints.attempt, number: true, cell: (row) => count(row.number) },
    { name: t.endpoints.took, number: true, cell: (row) => milliseconds(row.durationMs) },
    { name: t.endpoints.size, number: true, cell: (row) => t.endpoints.bytes(row.size) },
    {
      name: t.common.actions,
      cell: (row) => (
        <button type="button" class="small" onClick={() => resend(row.messageId)}>{t.endpoints.resend}<span class="unseen"> {t.endpoints.theMessageOf(times.short(row.at))}</span></button>
      ),
    },
  ];

  return (
    <>
      <FilterBar filters={filters}>
        <Select label={t.endpoints.result} value={values['state'] ?? ''} options={options(t.endpoints.anyResult, ['delivered', 'failed'], words)} onChange={(next) => set('state', next)} />
        <Text search label={t.endpoints.answeredStatus} placeholder={t.endpoints.statusHint} accepts={(next) => /^\d{3}$/.test(next)} value={values['status'] ?? ''} onChange={(next) => set('status', next)} />
        <Select label={t.endpoints.eventType} value={values['eventType'] ?? ''} options={options(t.endpoints.anyType, TYPES, (name) => name)} onChange={(next) => set('eventType', next)} />
        <Text label={t.endpoints.fromIn(times.zone)} type="datetime-local" value={values['from'] ?? ''} onChange={(next) => set('from', next)} />
        <Text label={t.endpoints.untilIn(times.zone)} type="datetime-local" value={values['until'] ?? ''} onChange={(next) => set('until', next)} />
      </FilterBar>
      <Listed
        query={query}
        rows={rows}
        pages={pages}
        empty={<NothingFound filters={filters} none={t.endpoints.nothingSent} hint={t.endpoints.nothingSentHint} />}
      >
        <Table caption={t.endpoints.attempts} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} marked={(row) => row.id === shown?.id} />
      </Listed>
      {rows && (rows.length > 0 || pages.cursor || query.data?.data.nextCursor) && pages.pager(query.data?.data.nextCursor)}
      {shown && (
        <Dialog drawer title={t.endpoints.attempt} onClose={() => setShown(undefined)}>
          <Answer attempt={shown} />
          <div class="actions"><button type="button" class="primary" onClick={() => void resend(shown.messageId)}>{t.endpoints.resend}</button></div>
        </Dialog>
      )}
    </>
  );
}
