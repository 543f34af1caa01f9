import { useNews } from '../api/live';
import { useQuery } from '../api/query';
import { count, money } from '../format/format';
import { Facts } from '../ui/parts';

/** What the whole list adds up to, by currency. */
export function Totals({ asked }: { asked: Record<string, string> }) {
  const query = useQuery('/api/v1/transactions/totals', { query: asked });
  useNews('transactions', (news) => news.length > 0 && query.reload());
  const told = query.data?.data;
  if (!told?.count) return null;
  return (
    <section aria-label="Totals" class="totals">
      <Facts
        facts={told.byCurrency.map((own) => [
          `${count(own.count)} in ${own.currency === 'XXX' ? 'no currency' : own.currency}`,
          <>
            {money(own.completedAmount, own.currency)} paid · {money(own.refundedAmount, own.currency)} refunded ·{' '}
            {money(own.chargebackAmount, own.currency)} charged back · <strong>{money(own.netAmount, own.currency)} net</strong>
          </>,
        ] as const)}
      />
      {!told.isExact && <p class="hint">There are more: these are the sums of {count(told.count)} of them. Fewer filters, or narrower ones, have exact sums.</p>}
    </section>
  );
}
