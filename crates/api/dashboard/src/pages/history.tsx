import { useMemo, useState } from 'preact/hooks';
import type { Schemas } from '../api/client';
import { useQuery } from '../api/query';
import { listed, span, useTimes } from '../format/format';
import { t } from '../texts';
import { Chart, type Line } from '../ui/chart';
import { Card, Choice, Empty, Failure, Loading } from '../ui/parts';

export type Sample = Schemas['Sample'];

/** One line of a chart: what of a minute it shows. */
export interface Told {
  name: string;
  color: string;
  of: (sample: Sample) => number | null | undefined;
}

const MINUTE = 60;
const EVERY = 30_000;
const hoursToChoose = () => (['1', '6', '24'] as const).map((own) => [own, span(Number(own), 'hour')] as const);

/** The minutes of the last hours as one chart after the other, from the API's own samples. */
export function History({ charts }: { charts: { title: string; lines: Told[]; valueOf: (value: number) => string }[] }) {
  const [hours, setHours] = useState<'1' | '6' | '24'>('6');
  const query = useQuery('/api/performance/history', { query: { hours: Number(hours) } }, EVERY);
  const samples = query.data?.data.samples;
  const { times, minutes } = useMemo(() => everyMinute(samples ?? []), [samples]);
  const shown = useTimes();
  const timeOf = (seconds: number) => shown.axis(seconds, 'hour');
  const clock = (seconds: number) => shown.short(new Date(seconds * 1000).toISOString());
  return (
    <Card title={t.operations.lastHours} aside={<Choice label={t.operations.reach} value={hours} options={hoursToChoose()} onChange={setHours} />}>
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!samples && !query.error && <Loading rows={4} />}
      {samples && times.length < 2 && <Empty title={t.operations.nothingToDraw}>{t.operations.eachMinute}</Empty>}
      {samples && times.length >= 2 && (
        <div class="columns even">
          {charts.map(({ title, lines, valueOf }) => {
            const drawn: Line[] = lines.map(({ name, color, of }) => ({ name, color, values: minutes.map((minute) => (minute ? (of(minute) ?? null) : null)) }));
            return (
              <section key={title} aria-label={title}>
                <h3>{title}</h3>
                <Chart
                  times={times}
                  lines={drawn}
                  valueOf={valueOf}
                  timeOf={timeOf}
                  nameOf={clock}
                  height={200}
                  label={t.operations.chart(listed(lines.map((line) => line.name)), clock(times[0] ?? 0), clock(times[times.length - 1] ?? 0), highest(drawn, valueOf))}
                />
              </section>
            );
          })}
        </div>
      )}
    </Card>
  );
}

/** What a reader of the screen is told in the place of the lines. */
function highest(lines: Line[], valueOf: (value: number) => string): string {
  return listed(lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    return `${name} ${known.length ? valueOf(Math.max(...known)) : '–'}`;
  }));
}

/** A place for each minute between the first and the last, so that one that nobody measured is a gap and not a slope. */
function everyMinute(samples: Sample[]): { times: number[]; minutes: (Sample | undefined)[] } {
  const known = new Map<number, Sample>();
  for (const sample of samples) if (sample.at) known.set(Math.floor(Date.parse(sample.at) / 1000 / MINUTE) * MINUTE, sample);
  const starts = [...known.keys()].sort((a, b) => a - b);
  const times: number[] = [];
  for (let at = starts[0] ?? 0; at <= (starts[starts.length - 1] ?? -1); at += MINUTE) times.push(at);
  return { times, minutes: times.map((at) => known.get(at)) };
}
