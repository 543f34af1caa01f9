import { useMemo, useState } from 'preact/hooks';
import { count, listed, money, shortMoney, useTimes, type Grain } from '../../format/format';
import { href, navigate } from '../../router';
import { useSession } from '../../session';
import { Chart, type Line } from '../../ui/chart';
import { Card, Choice } from '../../ui/parts';
import { NONE, type Amounts, type Analytics } from './figures';
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
          { name: `Volume ${currency}`, color: '--chart-1', values: data.series.map(volume), isBar: true },
          { name: `Net ${currency}`, color: '--chart-2', values: data.series.map(net) },
        ]
      : [
          { name: 'Completed', color: '--chart-1', values: data.series.map((point) => point.completed), isBar: true },
          { name: 'Failed', color: '--chart-3', values: data.series.map((point) => point.failed) },
        ];
    if (data.comparison) {
      // Point by point; a day more or less, as months have, is left out or empty.
      const earlier = data.series.map((_, n) => data.comparison?.series[n]);
      const name = `${isVolume ? `Volume ${currency}` : 'Completed'}, ${period.compare === 'year' ? 'a year ago' : 'period before'}`;
      shown.push({ name, color: '--muted', values: earlier.map((own) => (own ? (isVolume ? volume(own) : own.completed) : null)) });
    }
    return { starts: edges.slice(0, -1).map((at) => at / 1000), lines: shown };
  }, [data, edges, currency, what, period.compare]);

  const step = (edges[1] ?? 0) - (edges[0] ?? 0);
  const grain: Grain = step > 27 * 24 * HOUR ? 'month' : step > 20 * HOUR ? 'day' : 'hour';
  const valueOf = (value: number) => (what === 'volume' ? shortMoney(value, currency) : count(value));
  const exact = (value: number | null | undefined) => (what === 'volume' ? money(value, currency) : count(value));
  const startOf = (seconds: number) => (grain === 'hour' ? times.short(new Date(seconds * 1000).toISOString()) : times.axis(seconds, grain));
  /** The list of what was made between two edges. */
  const listOf = (n: number) => href('transactions', null, { startDate: iso(edges[n]), endDate: iso(edges[n + 1]), zone: period.zone });
  const mayList = may('read:transactions');
  const reach = period.range === 'custom' ? times.days(data.from, data.until) : `the last ${period.range}`;
  return (
    <Card
      class="wide-card"
      title="Over time"
      aside={<Choice label="Series" value={what} options={[['volume', 'Volume'], ['count', 'Count']]} onChange={setWhat} />}
    >
      <Chart
        times={starts}
        lines={lines}
        valueOf={valueOf}
        timeOf={(seconds) => times.axis(seconds, grain)}
        nameOf={startOf}
        zone={period.shownZone}
        height={Math.min(420, Math.max(220, innerHeight / 4))}
        label={`${listed(lines.map((line) => line.name))}: ${reach}; the table below has the numbers`}
        onPick={mayList ? (n) => navigate(listOf(n)) : undefined}
      />
      {mayList && <p class="hint">A bar leads to its transactions; so does a row of the numbers.</p>}
      <details>
        <summary>Numbers</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label="Numbers of the chart">
          <table>
            <thead><tr><th scope="col">From</th>{lines.map((line) => <th key={line.name} scope="col" class="number">{line.name}</th>)}</tr></thead>
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
