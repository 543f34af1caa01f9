import type { Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes } from '../../format/format';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Empty } from '../../ui/parts';
import { Listed, Table, usePages, type Column } from '../../ui/table';

type Entry = Schemas['AuditEntry'];

/** By name, and by what the log itself has: a name can change, and whoever is gone has none. */
function Who({ row }: { row: Entry }) {
  const kind = row.actor.split(':')[0];
  const name = row.actorName ?? (kind === 'user' ? t.settings.someUser : kind === 'token' ? t.settings.someToken : kind === 'command' ? t.settings.command : row.actor);
  return <div class="wordy"><span class="break">{name}</span>{row.actor !== kind && <div class="hint break">{row.actor}</div>}</div>;
}

/** Who changed what. */
export function Audit() {
  const { nameOf, isAdministrator } = useSession();
  const times = useTimes();
  const pages = usePages('audit');
  const query = useQuery('/api/v1/audit', { query: { cursor: pages.cursor } });
  const rows = query.data?.data.entries;
  const columns: Column<Entry>[] = [
    { name: t.settings.when, cell: (row) => <time dateTime={row.at ?? ''}>{times.short(row.at)}</time> },
    { name: t.settings.who, cell: (row) => <Who row={row} /> },
    { name: t.settings.action, cell: (row) => <code>{row.action}</code> },
    { name: t.settings.detail, cell: (row) => <code class="break">{JSON.stringify(row.detail)}</code> },
    ...(isAdministrator ? [{ name: t.common.company, cell: (row: Entry) => (row.companyId ? nameOf(row.companyId) : '–') }] : []),
  ];
  return (
    <Listed query={query} rows={rows} pages={pages} empty={<Empty title={t.settings.noEntries} />}>
      <Table caption={t.settings.audit} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      {pages.pager(query.data?.data.nextCursor)}
    </Listed>
  );
}
