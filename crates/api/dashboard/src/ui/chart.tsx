import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { language } from '../format/language';
import { t } from '../texts';
import 'uplot/dist/uPlot.min.css';

export interface Line {
  name: string;
  /** A custom property of the style sheet. */
  color: string;
  values: (number | null)[];
  isBar?: boolean;
}

/** Lines and bars over time. What it shows is told in words beside it: the canvas is an image to a screen reader. */
export function Chart({ times, lines, label, valueOf, timeOf, nameOf = timeOf, pointName = t.common.time, height = 240, zone, onPick }: {
  /** Seconds since 1970. */
  times: number[];
  lines: Line[];
  label: string;
  valueOf: (value: number) => string;
  timeOf: (seconds: number) => string;
  /** A point's own time, where it is told more exactly than on the axis. */
  nameOf?: (seconds: number) => string;
  /** What that is called: a time, or a day. */
  pointName?: string;
  height?: number;
  /** In whose days the axis has its marks; the browser's own where there is none. */
  zone?: string;
  /** A click on a point's bar, for those who use a mouse: others need another way to the same. */
  onPick?: (index: number) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const shape = lines.map((line) => line.name).join('|');
  const formats = useRef({ valueOf, timeOf, nameOf, onPick });
  formats.current = { valueOf, timeOf, nameOf, onPick };
  // Bars stand around their moments: half a step more is needed at both ends.
  const half = useRef(0);
  half.current = lines.some((line) => line.isBar) ? ((times[1] ?? 0) - (times[0] ?? 0)) / 2 : 0;

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const make = () => {
      plot.current?.destroy();
      const style = getComputedStyle(document.documentElement);
      const color = (name: string) => style.getPropertyValue(name).trim();
      const axis: uPlot.Axis = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui' };
      const bars = uPlot.paths.bars?.({ size: [0.75, 64] });
      const made = new uPlot(
        {
          width: element.clientWidth || 300,
          height,
          legend: { live: true },
          cursor: { y: false, drag: { setScale: false } },
          tzDate: (at) => (zone ? uPlot.tzDate(new Date(at * 1000), zone) : new Date(at * 1000)),
          scales: { x: { range: (_, low, high) => [low - half.current, high + half.current] }, y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] } },
          axes: [
            { ...axis, values: (_, ticks) => ticks.map((tick) => formats.current.timeOf(tick)), space: 70 },
            { ...axis, values: (_, ticks) => ticks.map((tick) => formats.current.valueOf(tick)), size: 72 },
          ],
          series: [
            { value: (_, at) => (at === null || at === undefined ? '–' : formats.current.nameOf(at)), label: pointName },
            ...lines.map((line, n) => ({
              label: line.name,
              stroke: color(line.color),
              fill: line.isBar ? `${color(line.color)}66` : n === 0 ? `${color(line.color)}22` : undefined,
              paths: line.isBar ? bars : undefined,
              width: 2,
              points: { show: false },
              value: (_: uPlot, value: number | null) => (value === null || value === undefined ? '–' : formats.current.valueOf(value)),
            })),
          ],
        },
        [times, ...lines.map((line) => line.values)] as uPlot.AlignedData,
        element,
      );
      made.over.addEventListener('click', () => typeof made.cursor.idx === 'number' && formats.current.onPick?.(made.cursor.idx));
      plot.current = made;
    };
    make();
    const sized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    sized.observe(element);
    // Colours are the theme's.
    const themed = new MutationObserver(make);
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    return () => {
      sized.disconnect();
      themed.disconnect();
      scheme.removeEventListener('change', make);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape, height, zone, language, pointName]);

  useEffect(() => {
    plot.current?.setData([times, ...lines.map((line) => line.values)] as uPlot.AlignedData);
  }, [times, lines]);

  return <div class={`chart ${onPick ? 'picked' : ''}`} ref={box} role="img" aria-label={label} />;
}

/** Shares of a whole as bars, with their numbers beside them. */
export function Bars({ rows }: { rows: readonly { name: string; value: number; note?: string }[] }) {
  const most = Math.max(1, ...rows.map((row) => row.value));
  return (
    <ul class="bars">
      {rows.map((row) => (
        <li key={row.name}>
          <span class="name">{row.name}</span>
          <span class="note">{row.note ?? row.value}</span>
          <progress max={most} value={row.value} aria-label={row.name} />
        </li>
      ))}
    </ul>
  );
}
