import { useState } from 'preact/hooks';
import { post, remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes } from '../../format/format';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Confirm, Dialog, Once } from '../../ui/dialog';
import { Badge, Code, Empty } from '../../ui/parts';
import { Listed, Table, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';
import { ChannelForm, kindOf } from './channel-form';

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
  const test = (channel: Channel) => act(t.settings.tested, async () => {
    setSaid((await post('/api/v1/alert-channels/{id}/test', undefined as never, { path: { id: channel.id } })).data);
  });

  const columns: Column<Channel>[] = [
    { name: t.common.name, cell: (row) => <strong>{row.name}</strong> },
    { name: t.common.state, cell: (row) => <Badge status={row.state} /> },
    { name: t.settings.alertsOf, cell: (row) => (row.companyId ? nameOf(row.companyId) : t.settings.platform) },
    { name: t.settings.goesTo, cell: (row) => t.settings.target(kindOf(row.kind), row.target) },
    { name: t.settings.quiet, cell: (row) => (row.quietHours ? `${row.quietHours.from}–${row.quietHours.until} ${row.quietHours.zone}` : t.common.never) },
    { name: t.common.created, cell: (row) => times.short(row.createdAt) },
    {
      name: t.common.actions,
      cell: (row) => (
        <>
          <button type="button" class="small" onClick={() => void test(row)}>{t.common.test}<span class="unseen"> {row.name}</span></button>
          <button type="button" class="small" onClick={() => setEdited(row)}>{t.settings.change}<span class="unseen"> {row.name}</span></button>
          <button type="button" class="small" onClick={() => setEnded(row)}>{t.common.remove}<span class="unseen"> {row.name}</span></button>
        </>
      ),
    },
  ];

  return (
    <>
      <div class="bar"><p class="hint">{t.settings.toldOnce}</p><button type="button" class="primary" onClick={() => setEdited('new')}>{t.settings.newChannel}</button></div>
      <Listed query={query} rows={rows} empty={<Empty title={t.settings.noChannels} />}>
        <Table caption={t.settings.channels} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      </Listed>
      {edited && (
        <ChannelForm
          channel={edited === 'new' ? undefined : edited}
          onClose={() => setEdited(undefined)}
          onDone={(secret) => { setEdited(undefined); setMade(secret); query.reload(); }}
        />
      )}
      {made && (
        <Dialog title={t.settings.channelKey} onClose={() => setMade(undefined)}>
          <Once onKept={() => setMade(undefined)}>
            <p>{t.settings.channelKeyHint}</p>
            <Code>{made}</Code>
          </Once>
        </Dialog>
      )}
      {said && (
        <Dialog title={said.delivered ? t.settings.testArrived : t.settings.testLost} onClose={() => setSaid(undefined)}>
          <p>{t.settings.otherEnd(said.detail)}</p>
        </Dialog>
      )}
      {ended && (
        <Confirm
          title={t.settings.removeAsk(ended.name)}
          text={t.settings.channelRemoveWhat}
          action={t.common.remove}
          onDone={(confirmed) => {
            setEnded(undefined);
            if (confirmed) void act(t.common.removed, () => remove('/api/v1/alert-channels/{id}', { path: { id: ended.id } })).then(query.reload);
          }}
        />
      )}
    </>
  );
}
