import type { Schemas } from '../api/client';
import { useQuery } from '../api/query';
import { duration } from '../format/format';
import { t } from '../texts';
import { Card, Facts, Failure } from '../ui/parts';

/** How often it is asked again: it is measured anew each time. */
const EVERY = 30_000;

/** How late webhooks come and how many come again, of one company or of all. */
export function Receipt({ company, mode }: { company: string | undefined; mode: 'live' | 'test' }) {
  const query = useQuery('/api/v1/receipt', { query: { company, mode } }, EVERY);
  const told = query.data?.data;
  if (query.error) return <Card title={t.webhooks.receipt}><Failure error={query.error} retry={query.reload} /></Card>;
  // The list above it says already that there are none.
  if (!told?.day.received) return null;
  return (
    <Card title={t.webhooks.receipt} aside={<span class="hint">{t.webhooks.ofMode[mode]}</span>}>
      <div class="columns even">
        <Span title={t.webhooks.lastHour} span={told.hour} />
        <Span title={t.webhooks.lastDay} span={told.day} />
      </div>
    </Card>
  );
}

function Span({ title, span }: { title: string; span: Schemas['ReceiptSpan'] }) {
  const { received, redeliveries } = span;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <Facts
        facts={[
          [t.webhooks.halfWithin, duration(span.delayP50Ms)],
          [t.webhooks.mostWithin, duration(span.delayP95Ms)],
          [t.webhooks.slowest, duration(span.delayMaxMs)],
          [t.webhooks.redelivered, received ? t.webhooks.redeliveries(redeliveries, received) : null],
        ]}
      />
      {span.isSampled && <p class="hint">{t.webhooks.newestOf(span.timed)}</p>}
    </section>
  );
}
