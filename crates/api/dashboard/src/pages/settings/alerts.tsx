import { useState } from 'preact/hooks';
import { post, remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes } from '../../format/format';
import { useSession } from '../../session';
import { Badge, Code, Confirm, Dialog, Empty } from '../../ui/parts';
import { Listed, Table, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';
import { ChannelForm, KINDS } from './channel-form';

type Channel = Schemas['AlertChannel'];

export function Alerts() {
  const { company, nameOf } = useSession();
  const times = useTimes();
  const act = useAction();
  const [edited, setEdited] = useState<Channel | 'new'>();
  const [made, setMade] = useState<string>();
  const [ended, setEnded] = useState<Channel>();
  const [said, setSaid] = useState<Schemas['AlertChannelTest']>();
  const query = useQuery('/api/v1/alert-channels', { query: { company } });
  const rows = query.data?.data.channels;
  const test = (channel: Channel) => act('Tested', async () => {
    setSaid((await post('/api/v1/alert-channels/{id}/test', undefined as never, { path: { id: channel.id } })).data);
  });

  const columns: Column<Channel>[] = [
    { name: 'Name', cell: (row) => <strong>{row.name}</strong> },
    { name: 'State', cell: (row) => <Badge status={row.state} /> },
    { name: 'Alerts of', cell: (row) => (row.companyId ? nameOf(row.companyId) : 'The platform') },
    { name: 'Goes to', cell: (row) => `${KINDS.find(([kind]) => kind === row.kind)?.[1] ?? row.kind}: ${row.target}` },
    { name: 'Quiet', cell: (row) => (row.quietHours ? `${row.quietHours.from}–${row.quietHours.until} ${row.quietHours.zone}` : 'never') },
    { name: 'Created', cell: (row) => times.short(row.createdAt) },
    {
      name: 'Actions',
      cell: (row) => (
        <>
          <button type="button" class="small" onClick={() => void test(row)}>Test<span class="unseen"> {row.name}</span></button>
          <button type="button" class="small" onClick={() => setEdited(row)}>Change<span class="unseen"> {row.name}</span></button>
          <button type="button" class="small" onClick={() => setEnded(row)}>Remove<span class="unseen"> {row.name}</span></button>
        </>
      ),
    },
  ];

  return (
    <>
      <div class="bar"><p class="hint">Told once when an alert begins and once when it is over.</p><button type="button" class="primary" onClick={() => setEdited('new')}>New channel</button></div>
      <Listed query={query} rows={rows} empty={<Empty title="Nobody is told of alerts yet" />}>
        <Table caption="Alert channels" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      </Listed>
      {edited && (
        <ChannelForm
          channel={edited === 'new' ? undefined : edited}
          onClose={() => setEdited(undefined)}
          onDone={(secret) => { setEdited(undefined); setMade(secret); query.reload(); }}
        />
      )}
      {made && (
        <Dialog title="The new channel's key" onClose={() => setMade(undefined)}>
          <p>It signs what is sent there (Standard Webhooks), and is shown this once.</p>
          <Code>{made}</Code>
        </Dialog>
      )}
      {said && (
        <Dialog title={said.delivered ? 'The test arrived' : 'The test did not arrive'} onClose={() => setSaid(undefined)}>
          <p>The other end said: {said.detail}</p>
        </Dialog>
      )}
      {ended && (
        <Confirm
          title={`Remove ${ended.name}?`}
          text="It is told of no alert any more, and what it was told is forgotten."
          action="Remove"
          onDone={(confirmed) => {
            setEnded(undefined);
            if (confirmed) void act('Removed', () => remove('/api/v1/alert-channels/{id}', { path: { id: ended.id } })).then(query.reload);
          }}
        />
      )}
    </>
  );
}
