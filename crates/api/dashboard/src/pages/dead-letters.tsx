import { useEffect, useState } from 'preact/hooks';
import { post } from '../api/client';
import { useQuery } from '../api/query';
import { count, useTimes } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { t } from '../texts';
import { FilterBar, NothingFound, useFilters } from '../ui/filters';
import { Confirm, Dialog } from '../ui/dialog';
import { Badge, Code, Facts, Failure, Loading, Select, Text } from '../ui/parts';
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
  const { companies, company, nameOf } = useSession();
  const { id, query: place } = useRoute();
  const times = useTimes();
  const act = useAction();
  const filters = useFilters(['eventName', 'error', 'kind']);
  const pages = usePages(`${filters.key}${company}`);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [discarded, setDiscarded] = useState<string[]>();
  const query = useQuery('/api/webhooks/queue/dead', { query: { ...filters.values, company, cursor: pages.cursor } as never }, EVERY);
  // The contract leaves a letter's fields open: what is no job at all has fewer.
  const told = query.data?.data as unknown as { deadLetters: Letter[]; pagination: { nextCursor: string | null } } | undefined;
  const rows = told?.deadLetters;
  const name = companies.find((own) => own.slug === company)?.name;

  const change = async (action: 'retry' | 'discard', ids: string[]) => {
    const said = action === 'retry' ? t.webhooks.redriven(ids.length) : t.webhooks.discarded(ids.length);
    const done = await act(said, () => post('/api/webhooks/queue', { action, ids }));
    if (!done) return;
    setChosen(new Set());
    query.reload();
    onChanged?.();
    if (id && ids.includes(id)) navigate(href(page, null, place), true);
  };
  const all = rows?.map((row) => row.id) ?? [];
  // Nothing happens to what is not in sight.
  const marked = all.filter((own) => chosen.has(own));
  useEffect(() => setChosen(new Set()), [filters.key, company, pages.cursor]);
  const toggle = (own: string) => setChosen((old) => new Set(old.has(own) ? [...old].filter((other) => other !== own) : [...old, own]));

  const columns: Column<Letter>[] = [
    {
      name: t.webhooks.select,
      cell: (row) => (
        <label class="check"><input type="checkbox" checked={chosen.has(row.id)} onChange={() => toggle(row.id)} /><span class="unseen">{t.webhooks.selectOne(row.id)}</span></label>
      ),
    },
    { name: t.webhooks.failedAt, cell: (row) => <a href={href(page, row.id, place)}><time dateTime={row.diedAt ?? ''}>{times.short(row.diedAt)}</time></a> },
    { name: t.webhooks.event, cell: (row) => <code>{row.eventName ?? '–'}</code> },
    { name: t.common.kind, cell: (row) => <Badge status={row.kind ?? 'failed'} /> },
    { name: t.webhooks.error, cell: (row) => <span class="break">{row.error}</span> },
    { name: t.webhooks.attempts, number: true, cell: (row) => count(row.attempts) },
    { name: t.common.company, cell: (row) => nameOf(row.companyId) },
  ];

  return (
    <>
      <FilterBar filters={filters}>
        <Text label={t.webhooks.event} placeholder={t.common.wholeName} value={filters.values['eventName'] ?? ''} onChange={(next) => filters.set('eventName', next)} />
        <Select
          label={t.common.kind}
          value={filters.values['kind'] ?? ''}
          options={[['', t.common.all], ['failed', t.webhooks.failed], ['unreadable', t.webhooks.unreadable]]}
          onChange={(next) => filters.set('kind', next)}
        />
        <Text search label={t.webhooks.error} placeholder={t.webhooks.errorHint} value={filters.values['error'] ?? ''} onChange={(next) => filters.set('error', next)} />
      </FilterBar>
      <Listed query={query} rows={rows} pages={pages} empty={<NothingFound filters={filters} none={t.webhooks.noDeadLetters} hint={name ? t.webhooks.allStoredOf(name) : t.webhooks.allStored} />}>
        <div class="bar">
          <label class="check">
            <input type="checkbox" checked={marked.length > 0 && marked.length === all.length} onChange={(event) => setChosen(new Set(event.currentTarget.checked ? all : []))} />
            <span>{t.webhooks.allOnPage}</span>
          </label>
          <div class="actions">
            <button type="button" disabled={marked.length === 0} onClick={() => change('retry', marked)}>{t.webhooks.redrive}</button>
            <button type="button" class="danger" disabled={marked.length === 0} onClick={() => setDiscarded(marked)}>{t.webhooks.discard}</button>
          </div>
        </div>
        <Table caption={t.webhooks.deadLetters} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} marked={(row) => row.id === id} />
        {pages.pager(told?.pagination.nextCursor)}
      </Listed>
      {id && <Detail id={id} onClose={() => navigate(href(page, null, place))} onRetry={() => change('retry', [id])} onDiscard={() => setDiscarded([id])} />}
      {discarded && (
        <Confirm
          title={t.webhooks.discardForGood}
          text={t.webhooks.discardWhat(discarded.length)}
          action={t.webhooks.discard}
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
    <Dialog drawer title={letter?.eventName ?? t.webhooks.deadLetter} onClose={onClose}>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!letter && !query.error && <Loading rows={6} />}
      {letter && (
        <>
          <p class="problem">{letter.error}</p>
          <div class="actions">
            <button type="button" class="primary" onClick={onRetry}>{t.webhooks.redrive}</button>
            <button type="button" class="danger" onClick={onDiscard}>{t.webhooks.discard}</button>
          </div>
          <Facts
            facts={[
              [t.webhooks.failedAt, times.full(letter.diedAt)],
              [t.webhooks.accepted, times.full(letter.enqueuedAt)],
              [t.webhooks.attempts, count(letter.attempts)],
              [t.webhooks.lane, letter.lane],
              [t.common.receiver, letter.endpoint],
              [t.common.company, nameOf(letter.companyId)],
              [t.webhooks.job, letter.id],
            ]}
          />
          {letter.history.length > 0 && (<><h3>{t.webhooks.attempts}</h3><Code>{JSON.stringify(letter.history, null, 2)}</Code></>)}
          <h3>{t.common.maskedBody}</h3>
          <Code>{JSON.stringify(letter.payload ?? null, null, 2)}</Code>
        </>
      )}
    </Dialog>
  );
}
