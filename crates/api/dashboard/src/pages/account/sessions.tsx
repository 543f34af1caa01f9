import { remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes } from '../../format/format';
import { t } from '../../texts';
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
  const end = (row: OwnSession) => act(t.account.sessionEnded, () => remove('/api/v1/account/sessions/{id}', { path: { id: row.id } })).then(query.reload);
  const endOthers = () => act(t.account.othersEnded, () => remove('/api/v1/account/sessions')).then(query.reload);

  const columns: Column<OwnSession>[] = [
    { name: t.account.browser, cell: (row) => <>{row.userAgent ?? t.common.unknown} {row.isThis && <Badge status="this-session" />}</> },
    { name: t.account.address, cell: (row) => row.address ?? '–' },
    { name: t.account.signedIn, cell: (row) => times.short(row.createdAt) },
    { name: t.account.lastUsed, cell: (row) => times.short(row.lastUsedAt) },
    { name: t.common.actions, cell: (row) => !row.isThis && <button type="button" class="small" onClick={() => end(row)}>{t.account.end}<span class="unseen"> {t.account.theSessionOf(times.short(row.createdAt))}</span></button> },
  ];
  const others = rows?.some((row) => !row.isThis);
  return (
    <Card title={t.account.where} aside={others && <button type="button" onClick={endOthers}>{t.account.endOthers}</button>}>
      <Listed query={query} rows={rows} empty={<Empty title={t.account.nowhere} />}>
        <Table caption={t.account.sessions} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      </Listed>
    </Card>
  );
}
