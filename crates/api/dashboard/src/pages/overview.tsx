import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Schemas } from '../api/client';
import { useLive, useNews, type Transaction } from '../api/live';
import { useQuery } from '../api/query';
import { count, money, percent, shortMoney, useTimes, words } from '../format/format';
import { href, navigate, useRoute } from '../router';
import { useSession } from '../session';
import { Bars, Chart, type Line } from '../ui/chart';
import { Badge, Card, Choice, Empty, Failure, Loading } from '../ui/parts';
import { FirstRun } from './first-run';

type Range = 'hour' | 'day' | 'week' | 'month';
type Analytics = Schemas['Analytics'];
type Amounts = Schemas['Amounts'];

const RANGES = [['hour', 'Hour'], ['day', 'Day'], ['week', 'Week'], ['month', 'Month']] as const;
const NONE: Amounts = { currency: 'XXX', count: 0, completedAmount: 0, refundedAmount: 0, chargebackAmount: 0, netAmount: 0 };

export function Overview() {
  const { company, may } = useSession();
  const [isUsed, setUsed] = useState(false);
  // Whether anything ever came: asked until something did.
  const first = useQuery('/api/v1/events', { query: { limit: 1, company } });
  useNews('transactions', (news) => news.length > 0 && setUsed(true));
  const isEmpty = may('read:events') && !isUsed && first.data?.data.pagination.total === 0;
  useNews('figures', () => isEmpty && first.reload(), [isEmpty]);
  return isEmpty ? <FirstRun onTested={first.reload} /> : <Figures />;
}

function Figures() {
  const { company } = useSession();
  const route = useRoute();
  const range = (RANGES.find(([name]) => name === route.query['range'])?.[0] ?? 'day') as Range;
  const query = useQuery('/api/v1/analytics', { query: { timeRange: range, company } });
  const [hour, setHour] = useState<Analytics>();
  useNews('figures', (figures) => (range === 'hour' ? setHour(figures) : query.reload()), [range]);
  const asked = query.data?.data;
  const data = range === 'hour' && hour && (!asked || (hour.generatedAt ?? '') > (asked.generatedAt ?? '')) ? hour : asked;

  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Overview</h1>
        <Choice label="Range" value={range} options={RANGES} onChange={(next) => navigate(href('', null, { range: next }), true)} />
      </div>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!data && !query.error && <Loading rows={6} />}
      {data && <Shown data={data} range={range} />}
    </>
  );
}

function Shown({ data, range }: { data: Analytics; range: Range }) {
  const [wanted, setWanted] = useState('');
  const currencies = [...data.transactions.byCurrency].sort((a, b) => b.count - a.count).map((own) => own.currency);
  const currency = currencies.includes(wanted) ? wanted : (currencies[0] ?? 'XXX');
  const of = (all: Amounts[]) => all.find((own) => own.currency === currency) ?? { ...NONE, currency };
  const now = of(data.transactions.byCurrency);
  const before = of(data.previous.transactions.byCurrency);
  const period = `the ${range} before`;
  return (
    <>
      <div class="bar">
        {currencies.length > 1
          ? <Choice label="Currency" value={currency} options={currencies.map((own) => [own, own === 'XXX' ? 'None' : own] as const)} onChange={setWanted} />
          : <span />}
        <Updated at={data.generatedAt} />
      </div>
      <div class="tiles money">
        <Tile name="Volume" value={money(now.completedAmount, currency)} now={now.completedAmount} before={before.completedAmount} period={period} lead />
        <Tile name="Net" value={money(now.netAmount, currency)} now={now.netAmount} before={before.netAmount} period={period} />
        <Tile name="Refunds" value={money(now.refundedAmount, currency)} now={now.refundedAmount} before={before.refundedAmount} period={period} lessIsGood />
        <Tile name="Chargebacks" value={money(now.chargebackAmount, currency)} now={now.chargebackAmount} before={before.chargebackAmount} period={period} lessIsGood />
        <Tile
          name="Approval rate"
          value={percent(data.transactions.approvalRate)}
          now={data.transactions.approvalRate ?? 0}
          before={data.previous.transactions.approvalRate ?? 0}
          period={period}
          inPoints
        />
        <Tile name="Transactions" value={count(data.transactions.total)} now={data.transactions.total} before={data.previous.transactions.total} period={period}>
          {count(data.transactions.failed)} failed · {count(data.transactions.pending)} pending
        </Tile>
        <Tile name="Webhooks" value={count(data.webhooks.total)} now={data.webhooks.total} before={data.previous.webhooks.total} period={period}>
          {count(data.webhooks.duplicates)} duplicates · {count(data.webhooks.failed)} failed
        </Tile>
      </div>
      <div class="columns">
        <div class="stack">
          <SeriesCard data={data} range={range} currency={currency} />
          <div class="columns even">
            <Card title="Payment methods">
              {data.paymentMethods.length === 0 ? <Empty title="No payments in this range" /> : (
                <Bars rows={data.paymentMethods.map((own) => ({ name: words(own.paymentMethod), value: own.count, note: `${count(own.count)} · ${percent(own.completed / Math.max(1, own.completed + own.failed))} completed` }))} />
              )}
            </Card>
            <Card title="Failure reasons">
              {data.failureReasons.length === 0 ? <Empty title="Nothing failed in this range" /> : (
                <Bars rows={data.failureReasons.map((own) => ({ name: own.reason, value: own.count, note: count(own.count) }))} />
              )}
            </Card>
          </div>
        </div>
        <Ticker />
      </div>
    </>
  );
}

function Updated({ at }: { at: string | null | undefined }) {
  const times = useTimes();
  return <span class="hint">As of {times.full(at)} ({times.zone})</span>;
}

function Tile({ name, value, now, before, period, lessIsGood = false, inPoints = false, lead = false, children }: {
  name: string;
  value: string;
  now: number;
  before: number;
  period: string;
  lessIsGood?: boolean;
  /** A share: its change is told in percentage points. */
  inPoints?: boolean;
  lead?: boolean;
  children?: preact.ComponentChildren;
}) {
  const change = before === 0 ? null : inPoints ? now - before : (now - before) / Math.abs(before);
  const changed = change === null ? '' : inPoints ? `${count(Math.abs(change) * 100)} points` : percent(Math.abs(change));
  const tone = change === null || change === 0 ? '' : change > 0 !== lessIsGood ? 'good' : 'bad';
  return (
    <section class={`tile ${lead ? 'lead' : ''}`}>
      <h2>{name}</h2>
      <p class="value">{value}</p>
      <p class={`change ${tone}`}>
        {change === null ? (now === 0 ? 'as before' : `none in ${period}`) : `${change > 0 ? '▲' : change < 0 ? '▼' : '='} ${changed} against ${period}`}
      </p>
      {children && <p class="hint">{children}</p>}
    </section>
  );
}

function SeriesCard({ data, range, currency }: { data: Analytics; range: Range; currency: string }) {
  const [what, setWhat] = useState<'volume' | 'count'>('volume');
  const times = useTimes();
  const { at, lines } = useMemo(() => {
    const starts = data.series.map((point) => new Date(point.start ?? 0).getTime() / 1000);
    const amounts = data.series.map((point) => point.byCurrency.find((own) => own.currency === currency) ?? NONE);
    const shown: Line[] = what === 'volume'
      ? [
          { name: `Volume ${currency}`, color: '--chart-1', values: amounts.map((own) => own.completedAmount) },
          { name: `Net ${currency}`, color: '--chart-2', values: amounts.map((own) => own.netAmount) },
        ]
      : [
          { name: 'Completed', color: '--chart-1', values: data.series.map((point) => point.completed) },
          { name: 'Failed', color: '--chart-3', values: data.series.map((point) => point.failed) },
        ];
    return { at: starts, lines: shown };
  }, [data, currency, what]);
  const valueOf = (value: number) => (what === 'volume' ? shortMoney(value, currency) : count(value));
  const timeOf = (seconds: number) => times.axis(seconds, range === 'week' || range === 'month');
  const exact = (value: number | null | undefined) => (what === 'volume' ? money(value, currency) : count(value));
  return (
    <Card
      class="wide-card"
      title="Over time"
      aside={<Choice label="Series" value={what} options={[['volume', 'Volume'], ['count', 'Count']]} onChange={setWhat} />}
    >
      <Chart times={at} lines={lines} valueOf={valueOf} timeOf={timeOf} height={Math.min(420, Math.max(220, innerHeight / 4))} label={`${lines.map((line) => line.name).join(' and ')} in the last ${range}; the table below has the numbers`} />
      <details>
        <summary>Numbers</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label="Numbers of the chart">
          <table>
            <thead><tr><th scope="col">From</th>{lines.map((line) => <th key={line.name} scope="col" class="number">{line.name}</th>)}</tr></thead>
            <tbody>
              {data.series.map((point, n) => (
                <tr key={point.start}>
                  <th scope="row">{times.short(point.start)}</th>
                  {lines.map((line) => <td key={line.name} class="number">{exact(line.values[n])}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </Card>
  );
}

const SHOWN = 12;

/** The latest transactions as they come; drawn at most once for each frame that the screen shows. */
function Ticker() {
  const times = useTimes();
  const live = useLive();
  const [rows, setRows] = useState<Transaction[]>([]);
  const frame = useRef(0);
  const show = useCallback(() => {
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0;
      const all = [...(live?.recent.values() ?? [])];
      setRows(all.sort((a, b) => (b.updatedAt ?? '').localeCompare(a.updatedAt ?? '')).slice(0, SHOWN));
    });
  }, [live]);
  useNews('transactions', show, [show]);
  // What came before this page was opened.
  useEffect(() => {
    show();
    return () => cancelAnimationFrame(frame.current);
  }, [show]);
  return (
    <Card title="Live transactions" aside={<a href={href('transactions')}>All</a>} class="ticker">
      {rows.length === 0 ? <Empty title="Waiting for the next webhook" /> : (
        <ol>
          {rows.map((row) => (
            <li key={row.id}>
              <a href={href('transactions', row.id)}>
                <span class="amount">{money(row.amount, row.currency)}</span>
                <Badge status={row.status} />
                <span class="what">{words(row.kind)}{row.merchantRefNum ? ` · ${row.merchantRefNum}` : ''}</span>
                <time dateTime={row.updatedAt ?? ''}>{times.short(row.updatedAt)}</time>
              </a>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
