import type { Schemas } from '../api/client';
import { useQuery } from '../api/query';
import { count, duration, percent } from '../format/format';
import { Card, Facts, Failure } from '../ui/parts';

/** How often it is asked again: it is measured anew each time. */
const EVERY = 30_000;

/** How late webhooks come and how many come again, of one company or of all. */
export function Receipt({ company, mode }: { company: string | undefined; mode: 'live' | 'test' }) {
  const query = useQuery('/api/v1/receipt', { query: { company, mode } }, EVERY);
  const told = query.data?.data;
  if (query.error) return <Card title="Receipt"><Failure error={query.error} retry={query.reload} /></Card>;
  // The list above it says already that there are none.
  if (!told?.day.received) return null;
  return (
    <Card title="Receipt" aside={<span class="hint">{mode === 'test' ? 'Test' : 'Live'} webhooks</span>}>
      <div class="columns even">
        <Span title="Last hour" span={told.hour} />
        <Span title="Last 24 hours" span={told.day} />
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
          ['Netbanx’s time to our receipt: half within', duration(span.delayP50Ms)],
          ['95 of 100 within', duration(span.delayP95Ms)],
          ['Slowest', duration(span.delayMaxMs)],
          ['Redelivered', received ? `${count(redeliveries)} of ${count(received)} (${percent(redeliveries / received)})` : null],
        ]}
      />
      {span.isSampled && <p class="hint">There are more: the times are of the newest {count(span.timed)}.</p>}
    </section>
  );
}
