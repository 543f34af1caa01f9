import type { Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes } from '../../format/format';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Empty } from '../../ui/parts';
import { Listed, Table, usePages, type Column } from '../../ui/table';

type Entry = Schemas['AuditEntry'];

/** Who changed what. */
export function Audit() {
  const { nameOf, isAdministrator } = useSession();
  const times = useTimes();
  const pages = usePages('audit');
  const query = useQuery('/api/v1/audit', { query: { cursor: pages.cursor } });
  const rows = query.data?.data.entries;
  const columns: Column<Entry>[] = [
    { name: t.settings.when, cell: (row) => <time dateTime={row.at ?? ''}>{times.short(row.at)}</time> },
    { name: t.settings.who, cell: (row) => <span class="break">{row.actor}</span> },
    { name: t.settings.action, cell: (row) => <code>{row.action}</code> },
    { name: t.settings.detail, cell: (row) => <code class="break">{JSON.stringify(row.detail)}</code> },
    ...(isAdministrator ? [{ name: t.common.company, cell: (row: Entry) => (row.companyId ? nameOf(row.companyId) : '–') }] : []),
  ];
  return (
    <Listed query={query} rows={rows} empty={<Empty title={t.settings.noEntries} />}>
      <Table caption={t.settings.audit} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      {pages.pager(query.data?.data.nextCursor)}
    </Listed>
  );
}
