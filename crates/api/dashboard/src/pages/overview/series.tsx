import { useMemo, useState } from 'preact/hooks';
import { count, listed, money, shortMoney, useTimes, type Grain } from '../../format/format';
import { language } from '../../format/language';
import { href, navigate } from '../../router';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Chart, type Line } from '../../ui/chart';
import { Card, Choice } from '../../ui/parts';
import { NONE, type Amounts, type Analytics } from './amounts';
import { edgesOf, type Period } from './period';

const HOUR = 3_600_000;

/** The period by its intervals; each leads to its transactions, by its bar or by its row in the table. */
export function Series({ data, period, currency }: { data: Analytics; period: Period; currency: string }) {
  const { may } = useSession();
  const [what, setWhat] = useState<'volume' | 'count'>('volume');
  const times = useTimes(period.shownZone);
  const edges = useMemo(() => edgesOf(data), [data]);
  const { starts, lines } = useMemo(() => {
    const volume = (own: { byCurrency: Amounts[] }) => (own.byCurrency.find((one) => one.currency === currency) ?? NONE).completedAmount;
    const net = (own: { byCurrency: Amounts[] }) => (own.byCurrency.find((one) => one.currency === currency) ?? NONE).netAmount;
    const isVolume = what === 'volume';
    const shown: Line[] = isVolume
      ? [
          { name: t.overview.volumeIn(currency), color: '--chart-1', values: data.series.map(volume), isBar: true },
          { name: t.overview.netIn(currency), color: '--chart-2', values: data.series.map(net) },
        ]
      : [
          { name: t.overview.completed, color: '--chart-1', values: data.series.map((point) => point.completed), isBar: true },
          { name: t.overview.failed, color: '--chart-3', values: data.series.map((point) => point.failed) },
        ];
    if (data.comparison) {
      // Point by point; a day more or less, as months have, is left out or empty.
      const earlier = data.series.map((_, n) => data.comparison?.series[n]);
      const name = t.overview.ofBefore[period.compare](isVolume ? t.overview.volumeIn(currency) : t.overview.completed);
      shown.push({ name, color: '--muted', values: earlier.map((own) => (own ? (isVolume ? volume(own) : own.completed) : null)) });
    }
    return { starts: edges.slice(0, -1).map((at) => at / 1000), lines: shown };
  }, [data, edges, currency, what, period.compare, language]);

  const step = (edges[1] ?? 0) - (edges[0] ?? 0);
  const grain: Grain = step > 27 * 24 * HOUR ? 'month' : step > 20 * HOUR ? 'day' : 'hour';
  const valueOf = (value: number) => (what === 'volume' ? shortMoney(value, currency) : count(value));
  const exact = (value: number | null | undefined) => (what === 'volume' ? money(value, currency) : count(value));
  const startOf = (seconds: number) => (grain === 'hour' ? times.short(new Date(seconds * 1000).toISOString()) : grain === 'day' ? times.day(new Date(seconds * 1000).toISOString()) : times.axis(seconds, grain));
  /** The list of what was made between two edges. */
  const listOf = (n: number) => href('transactions', null, { startDate: iso(edges[n]), endDate: iso(edges[n + 1]), zone: period.zone });
  const mayList = may('read:transactions');
  const reach = period.range === 'custom' ? times.days(data.from, data.until) : t.overview.last[period.range];
  return (
    <Card
      class="wide-card"
      title={t.overview.overTime}
      aside={<Choice label={t.overview.series} value={what} options={[['volume', t.overview.volume], ['count', t.overview.counted]]} onChange={setWhat} />}
    >
      <Chart
        times={starts}
        lines={lines}
        valueOf={valueOf}
        timeOf={(seconds) => times.axis(seconds, grain)}
        nameOf={startOf}
        pointName={grain === 'hour' ? t.common.time : t.common.date}
        zone={period.shownZone}
        height={Math.min(420, Math.max(220, innerHeight / 4))}
        label={t.overview.chart(listed(lines.map((line) => line.name)), reach)}
        onPick={mayList ? (n) => navigate(listOf(n)) : undefined}
      />
      {mayList && <p class="hint">{t.overview.barLeads}</p>}
      <details>
        <summary>{t.overview.numbers}</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label={t.overview.chartNumbers}>
          <table>
            <thead><tr><th scope="col">{t.common.from}</th>{lines.map((line) => <th key={line.name} scope="col" class="number">{line.name}</th>)}</tr></thead>
            <tbody>
              {data.series.map((point, n) => (
                <tr key={point.start}>
                  <th scope="row">{mayList ? <a href={listOf(n)}>{startOf(starts[n] ?? 0)}</a> : startOf(starts[n] ?? 0)}</th>
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

function iso(at: number | undefined): string | undefined {
  return at === undefined || Number.isNaN(at) ? undefined : new Date(at).toISOString().replace('.000Z', 'Z');
}
