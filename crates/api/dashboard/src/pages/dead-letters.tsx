import { useState } from 'preact/hooks';
import { post } from '../api/client';
import { useQuery } from '../api/query';
import { count, useTimes } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { FilterBar, useFilters } from '../ui/filters';
import { Badge, Code, Confirm, Dialog, Empty, Facts, Failure, Loading, Select, Text } from '../ui/parts';
import { Listed, Table, usePages, type Column } from '../ui/table';
import { useAction } from '../ui/toasts';

/** A dead letter as `GET /api/webhooks/queue/dead` shows it. */
interface Letter {
  id: string;
  lane: string;
  error: string;
  attempts: number;
  history: unknown[];
  diedAt: string | null;
  enqueuedAt: string | null;
  kind?: string;
  eventName?: string;
  endpoint?: string;
  companyId?: string | null;
  payload?: unknown;
}

const EVERY = 5_000;

/** Webhooks that were dead-lettered: why, and what to do with them. `page` is where they are shown. */
export function DeadLetters({ page, onChanged }: { page: string; onChanged?: () => void }) {
  const { company, nameOf } = useSession();
  const { id, query: place } = useRoute();
  const times = useTimes();
  const act = useAction();
  const filters = useFilters(page, ['eventName', 'error', 'kind']);
  const pages = usePages(`${filters.key}${company}`);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [discarded, setDiscarded] = useState<string[]>();
  const query = useQuery('/api/webhooks/queue/dead', { query: { ...filters.values, company, cursor: pages.cursor } as never }, EVERY);
  // The contract leaves a letter's fields open: what is no job at all has fewer.
  const told = query.data?.data as unknown as { deadLetters: Letter[]; pagination: { nextCursor: string | null } } | undefined;
  const rows = told?.deadLetters;

  const change = async (action: 'retry' | 'discard', ids: string[]) => {
    const many = `${count(ids.length)} ${ids.length === 1 ? 'webhook' : 'webhooks'}`;
    const done = await act(action === 'retry' ? `${many} re-driven` : `${many} discarded`, () => post('/api/webhooks/queue', { action, ids }));
    if (!done) return;
    setChosen(new Set());
    query.reload();
    onChanged?.();
    if (id && ids.includes(id)) navigate(href(page, null, place), true);
  };
  const toggle = (own: string) => setChosen((old) => new Set(old.has(own) ? [...old].filter((other) => other !== own) : [...old, own]));
  const all = rows?.map((row) => row.id) ?? [];

  const columns: Column<Letter>[] = [
    {
      name: 'Select',
      cell: (row) => (
        <label class="check"><input type="checkbox" checked={chosen.has(row.id)} onChange={() => toggle(row.id)} /><span class="unseen">Select {row.id}</span></label>
      ),
    },
    { name: 'Failed at', cell: (row) => <a href={href(page, row.id, place)}><time dateTime={row.diedAt ?? ''}>{times.short(row.diedAt)}</time></a> },
    { name: 'Event', cell: (row) => <code>{row.eventName ?? '–'}</code> },
    { name: 'Kind', cell: (row) => <Badge status={row.kind ?? 'failed'} /> },
    { name: 'Error', cell: (row) => <span class="break">{row.error}</span> },
    { name: 'Attempts', number: true, cell: (row) => count(row.attempts) },
    { name: 'Company', cell: (row) => nameOf(row.companyId) },
  ];

  return (
    <>
      <FilterBar filters={filters}>
        <Text label="Event" value={filters.values['eventName'] ?? ''} onChange={(next) => filters.set('eventName', next)} />
        <Select
          label="Kind"
          value={filters.values['kind'] ?? ''}
          options={[['', 'All'], ['failed', 'Failed'], ['unreadable', 'Unreadable']]}
          onChange={(next) => filters.set('kind', next)}
        />
        <Text search label="Error" placeholder="Part of the error" value={filters.values['error'] ?? ''} onChange={(next) => filters.set('error', next)} />
      </FilterBar>
      <Listed query={query} rows={rows} empty={<Empty title="No dead letters">Every accepted webhook is stored or still in the queue.</Empty>}>
        <div class="bar">
          <label class="check">
            <input type="checkbox" checked={all.length > 0 && all.every((own) => chosen.has(own))} onChange={(event) => setChosen(new Set(event.currentTarget.checked ? all : []))} />
            <span>All on this page</span>
          </label>
          <div class="actions">
            <button type="button" disabled={chosen.size === 0} onClick={() => change('retry', [...chosen])}>Re-drive</button>
            <button type="button" class="danger" disabled={chosen.size === 0} onClick={() => setDiscarded([...chosen])}>Discard</button>
          </div>
        </div>
        <Table caption="Dead letters" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} marked={(row) => row.id === id} />
        {pages.pager(told?.pagination.nextCursor)}
      </Listed>
      {id && <Detail id={id} onClose={() => navigate(href(page, null, place))} onRetry={() => change('retry', [id])} onDiscard={() => setDiscarded([id])} />}
      {discarded && (
        <Confirm
          title="Discard permanently?"
          text={`${count(discarded.length)} dead ${discarded.length === 1 ? 'letter is' : 'letters are'} removed. Their content is lost unless Netbanx sends it again.`}
          action="Discard"
          onDone={(confirmed) => {
            setDiscarded(undefined);
            if (confirmed) void change('discard', discarded);
          }}
        />
      )}
    </>
  );
}

function Detail({ id, onClose, onRetry, onDiscard }: { id: string; onClose: () => void; onRetry: () => void; onDiscard: () => void }) {
  const { nameOf } = useSession();
  const times = useTimes();
  const query = useQuery('/api/webhooks/queue/dead/{id}', { path: { id } });
  const letter = query.data?.data as Letter | undefined;
  return (
    <Dialog drawer title={letter?.eventName ?? 'Dead letter'} onClose={onClose}>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!letter && !query.error && <Loading rows={6} />}
      {letter && (
        <>
          <p class="problem">{letter.error}</p>
          <div class="actions">
            <button type="button" class="primary" onClick={onRetry}>Re-drive</button>
            <button type="button" class="danger" onClick={onDiscard}>Discard</button>
          </div>
          <Facts
            facts={[
              ['Failed at', times.full(letter.diedAt)],
              ['Accepted', times.full(letter.enqueuedAt)],
              ['Attempts', count(letter.attempts)],
              ['Lane', letter.lane],
              ['Receiver', letter.endpoint],
              ['Company', nameOf(letter.companyId)],
              ['Job', letter.id],
            ]}
          />
          {letter.history.length > 0 && (<><h3>Attempts</h3><Code>{JSON.stringify(letter.history, null, 2)}</Code></>)}
          <h3>Body, masked</h3>
          <Code>{JSON.stringify(letter.payload ?? null, null, 2)}</Code>
        </>
      )}
    </Dialog>
  );
}
