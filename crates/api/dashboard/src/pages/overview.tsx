import { useState } from 'preact/hooks';
import { useNews } from '../api/live';
import { useQuery } from '../api/query';
import { useTimes } from '../format/format';
import { lazy } from '../lazy';
import { changeQuery, useRoute } from '../router';
import { useSession } from '../session';
import { t } from '../texts';
import { Choice, Failure, Loading } from '../ui/parts';
import type { Analytics } from './overview/amounts';
import { Figures } from './overview/figures';
import { periodOf, ranges } from './overview/period';
import { Picker } from './overview/picker';
import { Wrong } from './overview/wrong';

const FirstRun = lazy(async () => (await import('./first-run')).FirstRun);

export function Overview() {
  const { company, may } = useSession();
  const [isUsed, setUsed] = useState(false);
  // Whether anything ever came: asked until something did.
  const first = useQuery('/api/v1/events', { query: { limit: 1, company } });
  useNews('transactions', (news) => news.length > 0 && setUsed(true));
  const isEmpty = may('read:events') && !isUsed && first.data?.data.pagination.total === 0;
  useNews('figures', () => isEmpty && first.reload(), [isEmpty]);
  return isEmpty ? <FirstRun onTested={first.reload} /> : <Chosen />;
}

/** The figures of the period that the address names. */
function Chosen() {
  const { company, zone } = useSession();
  const { query: place } = useRoute();
  const viewers = useTimes().zone;
  const own = zone ?? viewers;
  const period = periodOf(place, own);
  // The parameters are checked by the server, which names the one that is wrong.
  const asked = { ...period.asked, company } as never as Record<string, string>;
  const query = useQuery('/api/v1/analytics', { query: asked });
  const isHour = period.range === 'hour';
  const [hour, setHour] = useState<Analytics>();
  useNews('figures', (figures) => (isHour ? setHour(figures) : query.reload()), [isHour]);
  const told = query.data?.data;
  const data = isHour && hour && (!told || (hour.generatedAt ?? '') > (told.generatedAt ?? '')) ? hour : told;
  // Whoever gets a custom range's address sees the same days, wherever they are.
  const toRange = (range: string) => changeQuery(range === 'custom' ? { range, from: period.from, to: period.to, zone: period.zone } : { range, from: '', to: '', interval: '' });

  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>{t.overview.overview}</h1>
        <Choice label={t.overview.range} value={period.range} options={ranges()} onChange={toRange} />
      </div>
      <Wrong />
      <Picker period={period} own={own} viewers={viewers} onChange={changeQuery} />
      {query.error && <Failure error={query.error} retry={query.reload} />}
      {!data && !query.error && <Loading rows={6} />}
      {data && <Figures data={data} period={period} />}
    </>
  );
}
