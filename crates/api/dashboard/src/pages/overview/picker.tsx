import { useMemo } from 'preact/hooks';
import { timeZones } from '../../format/prefs';
import { Select, Text } from '../../ui/parts';
import { COMPARISONS, dayOf, INTERVALS, type Period } from './period';

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
    const yours = [viewers, `${viewers} (yours)`] as const;
    const first = own === viewers ? [yours] : [[own, `${own} (the company's)`] as const, yours];
    const others = [...new Set([...timeZones(), zone])].filter((name) => name !== own && name !== viewers);
    return [...first, ...others.map((name) => [name, name] as const)];
  }, [own, viewers, zone]);
  // An hour has no days, and it is compared with the hour before.
  if (range === 'hour') return null;
  const setDay = (name: string) => (next: string) => dayOf(next) && onChange({ [name]: next });
  return (
    <form class="filters" aria-label="Period" onSubmit={(event) => event.preventDefault()}>
      {range === 'custom' && (
        <>
          <Text label="From" type="date" value={from} onChange={setDay('from')} />
          <Text label="To, inclusive" type="date" value={to} onChange={setDay('to')} />
          <Select label="By" value={interval} options={INTERVALS} onChange={(next) => onChange({ interval: next })} />
        </>
      )}
      <Select label="Time zone" value={zone} options={zones} onChange={(next) => onChange({ zone: next })} />
      <Select label="Compare with" value={compare} options={COMPARISONS} onChange={(next) => onChange({ compare: next })} />
    </form>
  );
}
