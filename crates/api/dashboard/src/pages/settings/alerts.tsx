import { useState } from 'preact/hooks';
import { messageOf, post, remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes } from '../../format/format';
import { useSession } from '../../session';
import { Badge, Code, Confirm, Dialog, Empty, Select } from '../../ui/parts';
import { Listed, Table, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';

type Channel = Schemas['AlertChannel'];

const KINDS = [['email', 'E-mail'], ['slack', 'Slack or compatible'], ['pagerduty', 'PagerDuty'], ['webhook', 'Signed webhook']] as const;

export function Alerts() {
  const { company, nameOf } = useSession();
  const times = useTimes();
  const act = useAction();
  const [isAdding, setAdding] = useState(false);
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
          <button type="button" class="small" onClick={() => setEnded(row)}>Remove<span class="unseen"> {row.name}</span></button>
        </>
      ),
    },
  ];

  return (
    <>
      <div class="bar"><p class="hint">Told once when an alert begins and once when it is over.</p><button type="button" class="primary" onClick={() => setAdding(true)}>New channel</button></div>
      <Listed query={query} rows={rows} empty={<Empty title="Nobody is told of alerts yet" />}>
        <Table caption="Alert channels" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      </Listed>
      {isAdding && <Add onClose={() => setAdding(false)} onDone={(secret) => { setAdding(false); setMade(secret); query.reload(); }} />}
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

function Add({ onClose, onDone }: { onClose: () => void; onDone: (secret?: string) => void }) {
  const { companies, isAdministrator } = useSession();
  const [name, setName] = useState('');
  const [company, setCompany] = useState('');
  const [kind, setKind] = useState<string>('email');
  const [target, setTarget] = useState('');
  const [severity, setSeverity] = useState('warning');
  const [hours, setHours] = useState('0');
  const [problem, setProblem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    const to = kind === 'email' ? target.split(/[\s,;]+/).filter(Boolean) : undefined;
    const url = kind === 'slack' || kind === 'webhook' ? target : undefined;
    const routingKey = kind === 'pagerduty' ? target : undefined;
    try {
      const made = await post('/api/v1/alert-channels', {
        name, kind, to, url, routingKey, company: company || undefined, minSeverity: severity, reminderHours: Number(hours),
      });
      onDone(made.data.secret ?? undefined);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  const label = kind === 'email' ? 'Addresses' : kind === 'pagerduty' ? 'Integration key' : 'URL';
  return (
    <Dialog title="New channel" onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field"><span>Name</span><input required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
        {isAdministrator && (
          <Select label="Alerts of" value={company} options={[['', 'The platform'], ...companies.map((own) => [own.slug, own.name] as const)]} onChange={setCompany} />
        )}
        <Select label="Kind" value={kind} options={KINDS} onChange={setKind} />
        <label class="field"><span>{label}</span><input required autoComplete="off" value={target} onInput={(event) => setTarget(event.currentTarget.value)} /></label>
        <Select label="From severity" value={severity} options={[['warning', 'Warnings, too'], ['critical', 'Critical alone']]} onChange={setSeverity} />
        <Select label="Remind" value={hours} options={[['0', 'never'], ['1', 'every hour'], ['4', 'every 4 hours'], ['24', 'every day']]} onChange={setHours} />
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary">Add channel</button></div>
      </form>
    </Dialog>
  );
}
