import { useState } from 'preact/hooks';
import { messageOf, post, remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes, words } from '../../format/format';
import { useSession } from '../../session';
import { Badge, Confirm, Dialog, Empty, Select } from '../../ui/parts';
import { Listed, Table, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';

type User = Schemas['User'];

const ROLES = ['read-only', 'member', 'company-administrator', 'administrator'];

export function Users() {
  const { nameOf, identity } = useSession();
  const times = useTimes();
  const act = useAction();
  const [isAdding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<User>();
  const [reset, setReset] = useState<User>();
  const query = useQuery('/api/v1/users');
  const rows = query.data?.data.users;

  const columns: Column<User>[] = [
    { name: 'E-mail', cell: (row) => <strong>{row.email}</strong> },
    { name: 'Role', cell: (row) => words(row.role) },
    { name: 'Company', cell: (row) => (row.companyId ? nameOf(row.companyId) : 'All companies') },
    { name: 'State', cell: (row) => <Badge status={row.lockedUntil ? 'locked out' : 'active'} /> },
    { name: 'Signs in by', cell: (row) => (row.provider ? 'the provider' : row.secondFactor ? 'password and code' : 'password') },
    { name: 'Added', cell: (row) => times.short(row.createdAt) },
    {
      name: 'Actions',
      cell: (row) => `user:${row.id}` !== identity.actor && (
        <>
          {row.secondFactor && <button type="button" class="small" onClick={() => setReset(row)}>Reset second factor<span class="unseen"> of {row.email}</span></button>}{' '}
          <button type="button" class="small" onClick={() => setRemoved(row)}>Remove<span class="unseen"> {row.email}</span></button>
        </>
      ),
    },
  ];

  return (
    <>
      <div class="bar"><p class="hint">People who sign in here.</p><button type="button" class="primary" onClick={() => setAdding(true)}>New user</button></div>
      <Listed query={query} rows={rows} empty={<Empty title="No users yet" />}>
        <Table caption="Users" columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      </Listed>
      {isAdding && <Add onClose={() => setAdding(false)} onDone={() => { setAdding(false); query.reload(); }} />}
      {reset && (
        <Confirm
          title={`Reset the second factor of ${reset.email}?`}
          text="For somebody who lost their phone and their recovery codes: it is off then, and their sessions end."
          action="Reset"
          onDone={(confirmed) => {
            setReset(undefined);
            if (confirmed) void act('Reset', () => remove('/api/v1/users/{id}/second-factor', { path: { id: reset.id } })).then(query.reload);
          }}
        />
      )}
      {removed && (
        <Confirm
          title={`Remove ${removed.email}?`}
          text="Their sessions end within a second."
          action="Remove"
          onDone={(confirmed) => {
            setRemoved(undefined);
            if (confirmed) void act('Removed', () => remove('/api/v1/users/{id}', { path: { id: removed.id } })).then(query.reload);
          }}
        />
      )}
    </>
  );
}

function Add({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const { companies, isAdministrator } = useSession();
  const act = useAction();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState('member');
  const [company, setCompany] = useState(companies[0]?.slug ?? '');
  const [problem, setProblem] = useState('');
  const needsCompany = isAdministrator && role !== 'administrator';
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await post('/api/v1/users', { email, password, role, company: needsCompany ? company : undefined });
      void act('Added', async () => {});
      onDone();
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return (
    <Dialog title="New user" onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field"><span>E-mail</span><input type="email" required autocomplete="off" value={email} onInput={(event) => setEmail(event.currentTarget.value)} /></label>
        <label class="field">
          <span>Password, at least 12 characters</span>
          <input type="password" required minLength={12} maxLength={200} autocomplete="new-password" value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <Select label="Role" value={role} options={ROLES.filter((own) => isAdministrator || own !== 'administrator').map((own) => [own, words(own)] as const)} onChange={setRole} />
        {needsCompany && <Select label="Company" value={company} options={companies.map((own) => [own.slug, own.name] as const)} onChange={setCompany} />}
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary">Add</button></div>
      </form>
    </Dialog>
  );
}
