import { useNews } from '../api/live';
import { useQuery } from '../api/query';
import { money } from '../format/format';
import { t } from '../texts';
import { Facts } from '../ui/parts';

/** What the whole list adds up to, by currency. */
export function Totals({ asked }: { asked: Record<string, string> }) {
  const query = useQuery('/api/v1/transactions/totals', { query: asked });
  useNews('transactions', (news) => news.length > 0 && query.reload());
  const told = query.data?.data;
  if (!told?.count) return null;
  return (
    <section aria-label={t.payments.totals} class="totals">
      <Facts
        facts={told.byCurrency.map((own) => [
          t.payments.countIn(own.count, own.currency === 'XXX' ? null : own.currency),
          t.payments.sums(money(own.completedAmount, own.currency), money(own.refundedAmount, own.currency), money(own.chargebackAmount, own.currency), money(own.netAmount, own.currency)),
        ] as const)}
      />
      {!told.isExact && <p class="hint">{t.payments.sumsOfSome(told.count)}</p>}
    </section>
  );
}
