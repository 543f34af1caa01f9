import { count, money, percent, useTimes, words } from '../../format/format';
import { changeQuery, useRoute } from '../../router';
import { t } from '../../texts';
import type { Before } from '../../texts/en/overview';
import { Bars } from '../../ui/chart';
import { Card, Choice, Empty } from '../../ui/parts';
import { NONE, type Amounts, type Analytics } from './amounts';
import { beforeOf, type Period } from './period';
import { Series } from './series';
import { Ticker } from './ticker';

/** What happened in the period, as tiles, over time and by what it has in common. */
export function Figures({ data, period }: { data: Analytics; period: Period }) {
  const wanted = useRoute().query['currency'] ?? '';
  const currencies = [...data.transactions.byCurrency].sort((a, b) => b.count - a.count).map((own) => own.currency);
  const currency = currencies.includes(wanted) ? wanted : (currencies[0] ?? 'XXX');
  const of = (all: Amounts[]) => all.find((own) => own.currency === currency) ?? { ...NONE, currency };
  const earlier = data.comparison ?? data.previous;
  const now = of(data.transactions.byCurrency);
  const before = of(earlier.transactions.byCurrency);
  const against = beforeOf(period);
  const { transactions, webhooks } = data;
  return (
    <>
      <div class="bar">
        {currencies.length > 1
          ? <Choice label={t.common.currency} value={currency} options={currencies.map((own) => [own, own === 'XXX' ? t.common.without : own] as const)} onChange={(next) => changeQuery({ currency: next })} />
          : <span />}
        <Updated data={data} period={period} />
      </div>
      <div class="tiles money">
        <Tile name={t.overview.volume} value={money(now.completedAmount, currency)} now={now.completedAmount} before={before.completedAmount} against={against} lead />
        <Tile name={t.overview.net} value={money(now.netAmount, currency)} now={now.netAmount} before={before.netAmount} against={against} />
        <Tile name={t.overview.refunds} value={money(now.refundedAmount, currency)} now={now.refundedAmount} before={before.refundedAmount} against={against} lessIsGood />
        <Tile name={t.overview.chargebacks} value={money(now.chargebackAmount, currency)} now={now.chargebackAmount} before={before.chargebackAmount} against={against} lessIsGood />
        <Tile
          name={t.overview.approvalRate}
          value={percent(transactions.approvalRate)}
          now={transactions.approvalRate ?? 0}
          before={earlier.transactions.approvalRate ?? 0}
          against={against}
          inPoints
        />
        <Tile name={t.common.transactions} value={count(transactions.total)} now={transactions.total} before={earlier.transactions.total} against={against}>
          {t.overview.failedAndPending(transactions.failed, transactions.pending)}
        </Tile>
        <Tile name={t.common.webhooks} value={count(webhooks.total)} now={webhooks.total} before={earlier.webhooks.total} against={against}>
          {t.overview.duplicatesAndFailed(webhooks.duplicates, webhooks.failed)}
        </Tile>
      </div>
      <div class="columns">
        <div class="stack">
          <Series data={data} period={period} currency={currency} />
          <div class="columns even">
            <Card title={t.overview.paymentMethods}>
              {data.paymentMethods.length === 0 ? <Empty title={t.overview.noPayments} /> : (
                <Bars rows={data.paymentMethods.map((own) => ({ name: words(own.paymentMethod), value: own.count, note: noteOf(own) }))} />
              )}
            </Card>
            <Card title={t.overview.failureReasons}>
              {data.failureReasons.length === 0 ? <Empty title={t.overview.nothingFailed} /> : (
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

/** Of a method's payments: how many, and which part of those that completed or failed was completed. Where none did, nothing failed either. */
function noteOf({ count: all, completed, failed }: Analytics['paymentMethods'][number]): string {
  const decided = completed + failed;
  return decided === 0 ? t.overview.noneDecided(all) : t.overview.completedShare(all, decided, percent(completed / decided));
}

/** As of when the figures are, of which days, and of which they are compared with. */
function Updated({ data, period }: { data: Analytics; period: Period }) {
  const times = useTimes(period.shownZone);
  const { comparison } = data;
  const days = times.days(data.from, data.until);
  return (
    <span class="hint">
      {!period.isPlain && `${comparison ? t.overview.compared(days, times.days(comparison.from, comparison.to)) : days} · `}
      {t.overview.asOf(times.full(data.generatedAt), times.zone)}
    </span>
  );
}

/** From so much growth on it is told in times, not in per cent. */
const MANIFOLD = 10;

function Tile({ name, value, now, before, against, lessIsGood = false, inPoints = false, lead = false, children }: {
  name: string;
  value: string;
  now: number;
  before: number;
  /** What `before` is of. */
  against: Before;
  lessIsGood?: boolean;
  /** A share: its change is told in percentage points. */
  inPoints?: boolean;
  lead?: boolean;
  children?: preact.ComponentChildren;
}) {
  const change = before === 0 ? null : inPoints ? now - before : (now - before) / Math.abs(before);
  const size = Math.abs(change ?? 0);
  const changed = inPoints ? t.overview.points(size * 100) : size >= MANIFOLD ? `${count(size)}×` : percent(size);
  const tone = change === null || change === 0 ? '' : change > 0 !== lessIsGood ? 'good' : 'bad';
  return (
    <section class={`tile ${lead ? 'lead' : ''}`}>
      <h2>{name}</h2>
      <p class="value">{value}</p>
      <p class={`change ${tone}`}>
        {change === null ? (now === 0 ? t.overview.asBefore : t.overview.noneIn(against)) : `${change > 0 ? '▲' : change < 0 ? '▼' : '='} ${t.overview.against(changed, against)}`}
      </p>
      {children && <p class="hint">{children}</p>}
    </section>
  );
}
