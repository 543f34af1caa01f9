import { useMemo } from 'preact/hooks';
import { language } from '../../format/language';
import { timeZones } from '../../format/prefs';
import { t } from '../../texts';
import { Select, Text } from '../../ui/parts';
import { comparisons, intervals, type Period } from './period';

/** From when to when, in which zone, compared with what. */
export function Picker({ period, own, viewers, onChange }: {
  period: Period;
  /** The zone that it begins with: the company's, or the viewer's where that has none. */
  own: string;
  viewers: string;
  onChange: (change: Record<string, string>) => void;
}) {
  const { range, from, to, zone, interval, compare } = period;
  const zones = useMemo(() => {
    const yours = [viewers, t.overview.yours(viewers)] as const;
    const first = own === viewers ? [yours] : [[own, t.overview.companys(own)] as const, yours];
    const others = [...new Set([...timeZones(), zone])].filter((name) => name !== own && name !== viewers);
    return [...first, ...others.map((name) => [name, name] as const)];
  }, [own, viewers, zone, language]);
  // An hour has no days, and it is compared with the hour before.
  if (range === 'hour') return null;
  const setDay = (name: string) => (next: string) => next && onChange({ [name]: next });
  return (
    <form class="filters" aria-label={t.overview.period} onSubmit={(event) => event.preventDefault()}>
      {range === 'custom' && (
        <>
          <Text label={t.common.from} type="date" value={from} onChange={setDay('from')} />
          <Text label={t.overview.toInclusive} type="date" value={to} onChange={setDay('to')} />
          <Select label={t.overview.by} value={interval} options={intervals()} onChange={(next) => onChange({ interval: next })} />
        </>
      )}
      <Select label={t.common.timeZone} value={zone} options={zones} onChange={(next) => onChange({ zone: next })} />
      <Select label={t.overview.compareWith} value={compare} options={comparisons()} onChange={(next) => onChange({ compare: next })} />
    </form>
  );
}
