import { useEffect, useState } from 'preact/hooks';
import { post, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { count, counted, milliseconds, useTimes, words } from '../../format/format';
import { momentIn } from '../../format/moments';
import { FilterBar, NothingFound, options, useFilters } from '../../ui/filters';
import { Badge, Dialog, Select, Text } from '../../ui/parts';
import { Listed, Table, usePages, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';
import { Answer } from './answer';
import { EVENT_TYPES } from './form';

type Attempt = Schemas['Attempt'];

const LIMIT = 25;
const EVERY = 5_000;
const TYPES = [...EVENT_TYPES.map(([name]) => name), 'endpoint.test'];

/** What the endpoint was told, and what it answered. A new `round` has it asked again. */
export function Attempts({ id, round, onResent }: { id: string; round: number; onResent: () => void }) {
  const times = useTimes();
  const act = useAction();
  const filters = useFilters('endpoints', ['state', 'status', 'eventType', 'from', 'until']);
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
    act('The message is on its way again', () => post('/api/v1/endpoints/{id}/resend', { messageId }, { path: { id } })).then((done) => done && onResent());

  const columns: Column<Attempt>[] = [
    { name: 'Begun', cell: (row) => <button type="button" class="link" onClick={() => setShown(row)}><time dateTime={row.at ?? ''}>{times.short(row.at)}</time></button> },
    { name: 'Result', cell: (row) => <Badge status={row.state} /> },
    { name: 'Answer', cell: (row) => <span class="break">{row.status ?? row.error ?? '–'}</span> },
    { name: 'Event type', cell: (row) => <code>{row.eventType ?? '–'}</code> },
    { name: 'Attempt', number: true, cell: (row) => count(row.number) },
    { name: 'Took', number: true, cell: (row) => milliseconds(row.durationMs) },
    { name: 'Size', number: true, cell: (row) => counted(row.size, 'byte') },
    {
      name: 'Actions',
      cell: (row) => (
        <button type="button" class="small" onClick={() => resend(row.messageId)}>Re-send<span class="unseen"> the message of {times.short(row.at)}</span></button>
      ),
    },
  ];

  return (
    <>
      <FilterBar filters={filters}>
        <Select label="Result" value={values['state'] ?? ''} options={options('Any result', ['delivered', 'failed'], words)} onChange={(next) => set('state', next)} />
        <Text search label="Answered status" placeholder="For example 503" value={values['status'] ?? ''} onChange={(next) => set('status', next)} />
        <Select label="Event type" value={values['eventType'] ?? ''} options={options('Any type', TYPES, (name) => name)} onChange={(next) => set('eventType', next)} />
        <Text label={`From (${times.zone})`} type="datetime-local" value={values['from'] ?? ''} onChange={(next) => set('from', next)} />
        <Text label={`Until (${times.zone})`} type="datetime-local" value={values['until'] ?? ''} onChange={(next) => set('until', next)} />
      </FilterBar>
      <Listed
        query={query}
        rows={rows}
        empty={<NothingFound filters={filters} none="Nothing was sent yet" hint="The first message goes out with the next change. Send a test to see at once what this endpoint answers." />}
      >
        <Table caption="Attempts" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} marked={(row) => row.id === shown?.id} />
      </Listed>
      {rows && (rows.length > 0 || pages.cursor || query.data?.data.nextCursor) && pages.pager(query.data?.data.nextCursor)}
      {shown && (
        <Dialog drawer title="Attempt" onClose={() => setShown(undefined)}>
          <Answer attempt={shown} />
          <div class="actions"><button type="button" class="primary" onClick={() => void resend(shown.messageId)}>Re-send</button></div>
        </Dialog>
      )}
    </>
  );
}
