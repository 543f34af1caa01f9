import { useEffect, useState } from 'preact/hooks';
import { get, type Schemas } from '../api/client';
import { useQuery } from '../api/query';
import { milliseconds, percent, useTimes } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { t } from '../texts';
import { Empty } from '../ui/parts';
import { Listed, Table, usePages, type Column } from '../ui/table';
import { State, typesOf, type Endpoint } from './endpoints/endpoint';
import { EndpointForm } from './endpoints/form';
import { One } from './endpoints/one';
import { Secret } from './endpoints/secret';

type Health = Schemas['EndpointDetail'];

/** Rows on a page: of each its health is asked for. */
const ROWS = 20;
const EVERY = 15_000;

/** Where a company's own systems are told of what changed: all of them, or one with its attempts. */
export function Endpoints() {
  const { id } = useRoute();
  return id ? <One key={id} id={id} /> : <All />;
}

function All() {
  const { company, isAdministrator, nameOf } = useSession();
  const times = useTimes();
  const [isAdding, setAdding] = useState(false);
  const [made, setMade] = useState<{ id: string; secret: string }>();
  const query = useQuery('/api/v1/endpoints', { query: { company } }, EVERY);
  const all = query.data?.data.endpoints;
  const pages = usePages(company ?? '');
  const begin = Number(pages.cursor ?? 0);
  const rows = all?.slice(begin, begin + ROWS);
  const health = useHealth(rows?.map((row) => row.id));

  const columns: Column<Endpoint>[] = [
    {
      name: t.endpoints.endpoint,
      cell: (row) => (
        <>
          <a class="break" href={href('endpoints', row.id)}>{row.url}</a>
          {row.description && <div class="hint">{row.description}</div>}
        </>
      ),
    },
    { name: t.common.state, cell: (row) => <State row={row} time={times.short} /> },
    { name: t.endpoints.eventTypes, cell: (row) => typesOf(row) },
    { name: t.endpoints.successLastDay, number: true, cell: (row) => percent(health.get(row.id)?.successRate) },
    { name: t.endpoints.timeToAnswer, number: true, cell: (row) => milliseconds(health.get(row.id)?.meanDurationMs) },
    ...(isAdministrator && !company ? [{ name: t.common.company, cell: (row: Endpoint) => nameOf(row.companyId) }] : []),
  ];
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>{t.endpoints.endpoints}</h1>
        <button type="button" class="primary" onClick={() => setAdding(true)}>{t.endpoints.newEndpoint}</button>
      </div>
      <p class="hint">{t.endpoints.lead}</p>
      <Listed
        query={query}
        rows={rows}
        pages={pages}
        empty={<Empty title={t.endpoints.none}>{t.endpoints.noneHint}</Empty>}
      >
        <Table caption={t.endpoints.endpoints} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
        {(all?.length ?? 0) > ROWS && pages.pager(begin + ROWS < (all?.length ?? 0) ? String(begin + ROWS) : null, all?.length)}
      </Listed>
      {isAdding && (
        <EndpointForm
          onClose={() => setAdding(false)}
          onDone={(row, secret) => {
            setAdding(false);
            if (secret) setMade({ id: row.id, secret });
            query.reload();
          }}
        />
      )}
      {made && <Secret secret={made.secret} onClose={() => { setMade(undefined); navigate(href('endpoints', made.id)); }} />}
    </>
  );
}

/** How each of those endpoints fares, as far as it is known. */
function useHealth(ids: readonly string[] | undefined): ReadonlyMap<string, Health> {
  const [known, setKnown] = useState<ReadonlyMap<string, Health>>(new Map());
  const key = ids?.join() ?? '';
  useEffect(() => {
    let isWanted = true;
    const ask = async () => {
      if (document.hidden) return;
      // One after the other: each counts thousands of attempts. What is unknown for now is asked for again.
      for (const id of key.split(',').filter(Boolean)) {
        const told = await get('/api/v1/endpoints/{id}', { path: { id } }).catch(() => undefined);
        if (!isWanted) return;
        if (told) setKnown((old) => new Map(old).set(id, told.data));
      }
    };
    void ask();
    const beat = setInterval(ask, EVERY);
    return () => {
      isWanted = false;
      clearInterval(beat);
    };
  }, [key]);
  return known;
}
