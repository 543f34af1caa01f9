import { useState } from 'preact/hooks';
import { messageOf, post, remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes } from '../../format/format';
import { useSession } from '../../session';
import { Badge, Code, Confirm, Dialog, Empty, Select } from '../../ui/parts';
import { Listed, Table, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';

type Token = Schemas['Token'];

const PERMISSIONS = ['read:transactions', 'read:accounts', 'read:analytics', 'read:events', 'manage:queue', 'manage:secrets', 'admin'];

export function Tokens() {
  const { nameOf } = useSession();
  const times = useTimes();
  const act = useAction();
  const [isAdding, setAdding] = useState(false);
  const [made, setMade] = useState<string>();
  const [ended, setEnded] = useState<Token>();
  const query = useQuery('/api/v1/tokens');
  const rows = query.data?.data.tokens;

  const columns: Column<Token>[] = [
    { name: 'Name', cell: (row) => <strong>{row.name}</strong> },
    { name: 'State', cell: (row) => <Badge status={row.revokedAt ? 'revoked' : row.expiresAt && row.expiresAt < new Date().toISOString() ? 'expired' : 'active'} /> },
    { name: 'Company', cell: (row) => (row.companyId ? nameOf(row.companyId) : 'All companies') },
    { name: 'Permissions', cell: (row) => row.permissions.join(', ') },
    { name: 'Created', cell: (row) => times.short(row.createdAt) },
    { name: 'Expires', cell: (row) => (row.expiresAt ? times.short(row.expiresAt) : 'never') },
    { name: 'Actions', cell: (row) => !row.revokedAt && <button type="button" class="small" onClick={() => setEnded(row)}>Revoke<span class="unseen"> {row.name}</span></button> },
  ];

  return (
    <>
      <div class="bar"><p class="hint">For programs that use the API.</p><button type="button" class="primary" onClick={() => setAdding(true)}>New token</button></div>
      <Listed query={query} rows={rows} empty={<Empty title="No tokens yet" />}>
        <Table caption="API tokens" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      </Listed>
      {isAdding && <Add onClose={() => setAdding(false)} onDone={(token) => { setAdding(false); setMade(token); query.reload(); }} />}
      {made && (
        <Dialog title="The new token" onClose={() => setMade(undefined)}>
          <p>It is shown this once.</p>
          <Code>{made}</Code>
        </Dialog>
      )}
      {ended && (
        <Confirm
          title={`Revoke ${ended.name}?`}
          text="Programs that use it are refused within a second."
          action="Revoke"
          onDone={(confirmed) => {
            setEnded(undefined);
            if (confirmed) void act('Revoked', () => remove('/api/v1/tokens/{id}', { path: { id: ended.id } })).then(query.reload);
          }}
        />
      )}
    </>
  );
}

function Add({ onClose, onDone }: { onClose: () => void; onDone: (token: string) => void }) {
  const { companies, isAdministrator, may } = useSession();
  const [name, setName] = useState('');
  const [company, setCompany] = useState('');
  const [days, setDays] = useState('90');
  const [permissions, setPermissions] = useState<string[]>(PERMISSIONS.slice(0, 4));
  const [problem, setProblem] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      const made = await post('/api/v1/tokens', { name, permissions, company: company || undefined, expiresDays: days ? Number(days) : undefined });
      onDone(made.data.token);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return (
    <Dialog title="New token" onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field"><span>Name</span><input required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
        {isAdministrator && (
          <Select label="Company" value={company} options={[['', 'All companies'], ...companies.map((own) => [own.slug, own.name] as const)]} onChange={setCompany} />
        )}
        <fieldset>
          <legend>Permissions</legend>
          {PERMISSIONS.filter(may).map((own) => (
            <label class="check" key={own}>
              <input
                type="checkbox"
                checked={permissions.includes(own)}
                onChange={(event) => setPermissions((old) => (event.currentTarget.checked ? [...old, own] : old.filter((other) => other !== own)))}
              />
              <span>{own}</span>
            </label>
          ))}
        </fieldset>
        <Select label="Expires after" value={days} options={[['30', '30 days'], ['90', '90 days'], ['365', 'a year'], ['', 'never']]} onChange={setDays} />
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary">Create token</button></div>
      </form>
    </Dialog>
  );
}
