import { useRef, useState } from 'preact/hooks';
import { urlOf } from '../api/client';
import { useNews } from '../api/live';
import { useQuery } from '../api/query';
import { money, useTimes, words } from '../format/format';
import { changeQuery, href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { t } from '../texts';
import { FilterBar, modeOf, NothingFound, options, useFilters } from '../ui/filters';
import { useListTools, type Named } from '../ui/list-tools';
import { Dialog } from '../ui/dialog';
import { Badge, ExportLink, Facts, Failure, Id, Loading, Select, Text } from '../ui/parts';
import { Listed, Table, usePages } from '../ui/table';
import { Totals } from './totals';
import { EventLine } from './webhooks';

const STATUSES = ['COMPLETED', 'PENDING', 'FAILED', 'RETURNED', 'CANCELLED'];
const KINDS = ['PAYMENT', 'REFUND', 'CHARGEBACK', 'SETTLEMENT', 'PAYOUT', 'VERIFICATION'];
const NAMES = ['q', 'status', 'kind', 'currency', 'accountId', 'startDate', 'endDate', 'mode'] as const;
const LIMIT = 25;
/** Whole codes of currencies, parted by commas. */
const CODES = /^[a-z]{3}(,[a-z]{3})*$/i;

export function Transactions() {
  const { company, isAdministrator, nameOf, may } = useSession();
  const { id, query: place } = useRoute();
  const times = useTimes();
  const filters = useFilters(NAMES);
  const { values, set } = filters;
  const pages = usePages(`${filters.key}${company}`);
  // The filter's values are checked by the server, which names the one that is wrong.
  const asked = { ...values, company } as never as Record<string, string>;
  const query = useQuery('/api/v1/transactions', { query: { ...asked, limit: LIMIT, cursor: pages.cursor } });
  useNews('transactions', (news) => news.length > 0 && !pages.cursor && query.reload(), [pages.cursor]);
  const rows = query.data?.data.transactions;
  const { pagination } = query.data?.data ?? {};

  const received = t.payments.appear(may('manage:secrets') ? (text) => <a href={href('settings/receivers')}>{text}</a> : null);

  type Row = NonNullable<typeof rows>[number];
  const all: Named<Row>[] = [
    { id: 'time', name: t.common.time, cell: (row) => <a href={href('transactions', row.id, place)}><time dateTime={row.transactionTime ?? ''}>{times.short(row.transactionTime)}</time></a> },
    { id: 'amount', name: t.common.amount, number: true, cell: (row) => <strong>{money(row.amount, row.currency)}</strong> },
    { id: 'status', name: t.common.status, cell: (row) => <Badge status={row.status} /> },
    { id: 'kind', name: t.common.kind, cell: (row) => words(row.kind) },
    { id: 'reference', name: t.common.reference, cell: (row) => <span class="long">{row.merchantRefNum ?? row.externalId}</span> },
    { id: 'method', name: t.common.method, cell: (row) => words(row.paymentMethod) },
    ...(isAdministrator && !company ? [{ id: 'company', name: t.common.company, cell: (row: Row) => nameOf(row.companyId) }] : []),
  ];
  const { columns, tools } = useListTools('transactions', all);

  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>{t.common.transactions}</h1>
        <ExportLink href={urlOf('/api/v1/transactions.csv', { query: { ...asked, bom: 'true' } })} name="transactions.csv" />
      </div>
      <FilterBar filters={filters}>
        <Text search label={t.payments.search} placeholder={t.payments.searchHint} value={values['q'] ?? ''} onChange={(next) => set('q', next)} />
        <Select label={t.common.status} value={values['status'] ?? ''} options={options(t.common.any, STATUSES, words)} onChange={(next) => set('status', next)} />
        <Select label={t.common.kind} value={values['kind'] ?? ''} options={options(t.common.any, KINDS, words)} onChange={(next) => set('kind', next)} />
        <Text label={t.common.currency} placeholder={t.payments.eur} value={values['currency'] ?? ''} accepts={(next) => CODES.test(next)} onChange={(next) => set('currency', next.toUpperCase())} />
        <Text label={t.common.account} placeholder={t.common.wholeId} value={values['accountId'] ?? ''} onChange={(next) => set('accountId', next)} />
        {isSpan(values['startDate'], values['endDate']) ? <Span /> : (
          <>
            <Text label={t.common.from} type="date" value={values['startDate'] ?? ''} onChange={(next) => set('startDate', next)} />
            <Text label={t.common.to} type="date" value={values['endDate'] ?? ''} onChange={(next) => set('endDate', next)} />
          </>
        )}
        <Select label={t.common.mode} value={values['mode'] ?? ''} options={[['', t.common.live], ['test', t.common.test]]} onChange={(next) => set('mode', next)} />
      </FilterBar>
      {tools}
      <Listed query={query} rows={rows} pages={pages} empty={<NothingFound filters={filters} none={t.payments.noTransactions} hint={received} />}>
        <Table caption={t.common.transactions} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} marked={(row) => row.id === id} />
        {pages.pager(pagination?.nextCursor, pagination?.total, pagination?.totalIsExact)}
        <Totals asked={asked} />
      </Listed>
      {id && <Detail key={id} id={id} mayPayload={may('read:events')} onClose={() => navigate(href('transactions', null, place))} />}
    </>
  );
}

/** Moments, as a bar of the overview leads to, which the fields for dates cannot show. */
function isSpan(start: string | undefined, end: string | undefined): boolean {
  return Boolean(start?.includes('T') && end?.includes('T'));
}

/** The span that is listed, in the zone in which it was chosen. */
function Span() {
  const { query } = useRoute();
  const times = useTimes(query['zone']);
  const clear = () => changeQuery({ startDate: '', endDate: '', zone: '' });
  return (
    <div class="span">
      <span>{t.payments.made(times.days(query['startDate'], query['endDate']), times.zone)}</span>
      <button type="button" class="small" onClick={clear}>{t.payments.anyTime}</button>
    </div>
  );
}

function Detail({ id, mayPayload, onClose }: { id: string; mayPayload: boolean; onClose: () => void }) {
  const { nameOf } = useSession();
  const times = useTimes();
  const [asOf, setAsOf] = useState<string>();
  const query = useQuery('/api/v1/transactions/{id}', { path: { id }, query: { asOf } });
  useNews('transactions', (news) => news.some((own) => own.id === id) && query.reload(), [id]);
  const answer = query.data?.data;
  // While another moment is asked for, what is shown stays; the stops are those of the present.
  const shown = useRef(answer);
  const row = answer ?? shown.current;
  shown.current = row;
  const moments = useRef<string[]>([]);
  if (answer && !answer.asOf) moments.current = momentsOf(answer.events);
  return (
    <Dialog drawer title={row ? `${words(row.kind)} ${row.merchantRefNum ?? row.externalId}` : t.payments.transaction} onClose={onClose}>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!row && !query.error && <Loading rows={8} />}
      {row && (
        <>
          <Timeline moments={moments.current} asOf={asOf} onChange={setAsOf} />
          {row.isApproximate && <p>{t.payments.incomplete}</p>}
          <p class="headline"><span>{money(row.amount, row.currency)}</span> <Badge status={row.status} /></p>
          <Facts
            facts={[
              [t.payments.netbanxId, <Id text={row.externalId} of={t.payments.theNetbanxId} />],
              [t.common.reference, <Id text={row.merchantRefNum} of={t.payments.theReference} />],
              [t.payments.statusAsSent, row.rawStatus],
              [t.payments.reason, row.failureReason],
              [t.payments.outcome, row.outcome && words(row.outcome)],
              [t.payments.madeAt, times.full(row.transactionTime)],
              [t.payments.statusReached, times.full(row.statusTime)],
              [t.common.method, words(row.paymentMethod)],
              [t.common.account, row.accountId && <a href={href('transactions', null, { accountId: row.accountId, mode: modeOf(row) })}>{row.accountId}</a>],
              [t.common.company, nameOf(row.companyId)],
              [t.common.mode, words(row.mode)],
            ]}
          />
          <h3>{row.asOf ? t.payments.hadHappened : t.payments.happened}</h3>
          <ol class="history">
            {row.events.map((event) => <li key={event.id}><EventLine event={event} withPayload={mayPayload} /></li>)}
          </ol>
        </>
      )}
    </Dialog>
  );
}

/** The moments at which webhooks of a transaction were received, the oldest first, each once. */
function momentsOf(events: { receivedAt?: string | null }[]): string[] {
  const all = events.flatMap((event) => event.receivedAt ?? []);
  return [...new Set(all)].sort();
}

/** Goes back through a transaction's history: a slider with a stop for each webhook, and the present at its end. */
function Timeline({ moments, asOf, onChange }: { moments: string[]; asOf: string | undefined; onChange: (asOf?: string) => void }) {
  const times = useTimes();
  // A last webhook makes what is there now, so it needs no stop of its own.
  const stops = moments.slice(0, -1);
  if (stops.length === 0) return null;
  const found = asOf ? stops.indexOf(asOf) : -1;
  const place = found < 0 ? stops.length : found;
  const told = (at: number) => (stops[at] ? t.payments.asOf(times.full(stops[at])) : t.payments.asOfNow);
  return (
    <div class="timeline">
      <label>
        <span>{t.payments.goBack}</span>
        <input
          type="range"
          min={0}
          max={stops.length}
          step={1}
          value={place}
          aria-valuetext={told(place)}
          onInput={(input) => onChange(stops[Number(input.currentTarget.value)])}
        />
      </label>
      <p aria-live="polite">
        <strong>{told(place)}</strong>
        {asOf && <> <button type="button" onClick={() => onChange()}>{t.payments.backToNow}</button></>}
      </p>
    </div>
  );
}
