import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { useLive, useNews, type Transaction } from '../../api/live';
import { money, useTimes, words } from '../../format/format';
import { href } from '../../router';
import { t } from '../../texts';
import { Badge, Card, Empty } from '../../ui/parts';

const SHOWN = 12;

/** The latest transactions as they come; drawn at most once for each frame that the screen shows. */
export function Ticker() {
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
    <Card title={t.overview.liveTransactions} aside={<a href={href('transactions')}>{t.overview.allTransactions}</a>} class="ticker">
      {rows.length === 0 ? <Empty title={t.overview.waitingForNext} /> : (
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
