import { remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes } from '../../format/format';
import { Badge, Card, Empty } from '../../ui/parts';
import { Listed, Table, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';

type OwnSession = Schemas['OwnSession'];

/** Where one is signed in. */
export function OwnSessions() {
  const times = useTimes();
  const act = useAction();
  const query = useQuery('/api/v1/account/sessions');
  const rows = query.data?.data.sessions;
  const end = (row: OwnSession) => act('Session ended', () => remove('/api/v1/account/sessions/{id}', { path: { id: row.id } })).then(query.reload);
  const endOthers = () => act('Your other sessions ended', () => remove('/api/v1/account/sessions')).then(query.reload);

  const columns: Column<OwnSession>[] = [
    { name: 'Browser', cell: (row) => <>{row.userAgent ?? 'Unknown'} {row.isThis && <Badge status="this session" />}</> },
    { name: 'Address', cell: (row) => row.address ?? '–' },
    { name: 'Signed in', cell: (row) => times.short(row.createdAt) },
    { name: 'Last used', cell: (row) => times.short(row.lastUsedAt) },
    { name: 'Actions', cell: (row) => !row.isThis && <button type="button" class="small" onClick={() => end(row)}>End<span class="unseen"> the session of {times.short(row.createdAt)}</span></button> },
  ];
  const others = rows?.some((row) => !row.isThis);
  return (
    <Card title="Where you are signed in" aside={others && <button type="button" onClick={endOthers}>End all others</button>}>
      <Listed query={query} rows={rows} empty={<Empty title="Nowhere" />}>
        <Table caption="Your sessions" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      </Listed>
    </Card>
  );
}
