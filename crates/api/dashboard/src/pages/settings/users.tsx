import { useState } from 'preact/hooks';
import { post, remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { useTimes, words } from '../../format/format';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Confirm, Dialog } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
import { Badge, Empty, Select } from '../../ui/parts';
import { Listed, Table, type Column } from '../../ui/table';
import { useAction, useToast } from '../../ui/toasts';

type User = Schemas['User'];

const ROLES = ['read-only', 'member', 'company-administrator', 'administrator'];

export function Users() {
  const { identity, isOfCompany, nameOf } = useSession();
  const times = useTimes();
  const act = useAction();
  const [isAdding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<User>();
  const [reset, setReset] = useState<User>();
  const query = useQuery('/api/v1/users');
  const rows = query.data?.data.users.filter((row) => isOfCompany(row.companyId));

  const columns: Column<User>[] = [
    { name: t.common.email, cell: (row) => <strong>{row.email}</strong> },
    { name: t.common.role, cell: (row) => words(row.role) },
    { name: t.common.company, cell: (row) => (row.companyId ? nameOf(row.companyId) : t.common.allCompanies) },
    { name: t.common.state, cell: (row) => <Badge status={row.lockedUntil ? 'locked-out' : 'active'} /> },
    { name: t.settings.signsInBy, cell: (row) => (row.provider ? t.settings.byProvider : row.secondFactor ? t.settings.byBoth : t.settings.byPassword) },
    { name: t.settings.added, cell: (row) => times.short(row.createdAt) },
    {
      name: t.common.actions,
      cell: (row) => `user:${row.id}` !== identity.actor && (
        <>
          {row.secondFactor && <button type="button" class="small" onClick={() => setReset(row)}>{t.settings.resetFactor}<span class="unseen"> {t.settings.ofUser(row.email)}</span></button>}{' '}
          <button type="button" class="small" onClick={() => setRemoved(row)}>{t.common.remove}<span class="unseen"> {row.email}</span></button>
        </>
      ),
    },
  ];

  return (
    <>
      <div class="bar"><p class="hint">{t.settings.people}</p><button type="button" class="primary" onClick={() => setAdding(true)}>{t.settings.newUser}</button></div>
      <Listed query={query} rows={rows} empty={<Empty title={t.settings.noUsers} />}>
        <Table caption={t.settings.users} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      </Listed>
      {isAdding && <Add onClose={() => setAdding(false)} onDone={() => { setAdding(false); query.reload(); }} />}
      {reset && (
        <Confirm
          title={t.settings.resetAsk(reset.email)}
          text={t.settings.resetWhat}
          action={t.settings.reset}
          onDone={(confirmed) => {
            setReset(undefined);
            if (confirmed) void act(t.settings.resetDone, () => remove('/api/v1/users/{id}/second-factor', { path: { id: reset.id } })).then(query.reload);
          }}
        />
      )}
      {removed && (
        <Confirm
          title={t.settings.removeAsk(removed.email)}
          text={t.settings.removeWhat}
          action={t.common.remove}
          onDone={(confirmed) => {
            setRemoved(undefined);
            if (confirmed) void act(t.common.removed, () => remove('/api/v1/users/{id}', { path: { id: removed.id } })).then(query.reload);
          }}
        />
      )}
    </>
  );
}

function Add({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const { companies, company: looked, isAdministrator } = useSession();
  const tell = useToast();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState('member');
  const [company, setCompany] = useState(looked ?? companies[0]?.slug ?? '');
  const needsCompany = isAdministrator && role !== 'administrator';
  const { submit, problem, isBusy } = useSubmit(async () => {
    await post('/api/v1/users', { email, password, role, company: needsCompany ? company : undefined });
    tell(t.settings.userAdded);
    onDone();
  });
  return (
    <Dialog title={t.settings.newUser} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field"><span>{t.common.email}</span><input type="email" required autocomplete="off" value={email} onInput={(event) => setEmail(event.currentTarget.value)} /></label>
        <label class="field">
          <span>{t.settings.passwordField}</span>
          <input type="password" required minLength={12} maxLength={200} autocomplete="new-password" value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <Select label={t.common.role} value={role} options={ROLES.filter((own) => isAdministrator || own !== 'administrator').map((own) => [own, words(own)] as const)} onChange={setRole} />
        {needsCompany && <Select label={t.common.company} value={company} options={companies.map((own) => [own.slug, own.name] as const)} onChange={setCompany} />}
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{t.settings.add}</button></div>
      </form>
    </Dialog>
  );
}
