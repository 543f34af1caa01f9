import type { Schemas } from '../../api/client';
import { t } from '../../texts';
import { Badge } from '../../ui/parts';

/** Where a company's own systems are told of what changed. */
export type Endpoint = Schemas['Endpoint'];

/** Whether it is told of anything, and how that goes. */
export function State({ row, time }: { row: Endpoint; time: (at: string | null | undefined) => string }) {
  if (row.state === 'disabled') return <><Badge status="disabled" />{row.reason && <div class="hint">{row.reason}</div>}</>;
  if (row.failingSince) return <><Badge status="failing" /><div class="hint">{t.endpoints.since(time(row.failingSince))}</div></>;
  return <Badge status="enabled" />;
}

/** What it is told of. */
export function typesOf(row: Endpoint): string {
  return row.eventTypes.includes('*') ? t.common.all : row.eventTypes.join(', ');
}
