import { useState } from 'preact/hooks';
import { post, remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { span, useTimes } from '../../format/format';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Confirm, Dialog, Once } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
import { Badge, Code, Empty, Select } from '../../ui/parts';
import { Listed, Table, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';

type Token = Schemas['Token'];

const PERMISSIONS = ['read:transactions', 'read:accounts', 'read:analytics', 'read:events', 'manage:queue', 'manage:secrets', 'admin'];

export function Tokens() {
  const { isOfCompany, nameOf } = useSession();
  const times = useTimes();
  const act = useAction();
  const [isAdding, setAdding] = useState(false);
  const [made, setMade] = useState<string>();
  const [ended, setEnded] = useState<Token>();
  const query = useQuery('/api/v1/tokens');
  const rows = query.data?.data.tokens.filter((row) => isOfCompany(row.companyId));

  const columns: Column<Token>[] = [
    { name: t.common.name, cell: (row) => <strong>{row.name}</strong> },
    { name: t.common.state, cell: (row) => <Badge status={row.revokedAt ? 'revoked' : row.expiresAt && row.expiresAt < new Date().toISOString() ? 'expired' : 'active'} /> },
    { name: t.common.company, cell: (row) => (row.companyId ? nameOf(row.companyId) : t.common.allCompanies) },
    { name: t.settings.permissions, cell: (row) => row.permissions.join(', ') },
    { name: t.common.created, cell: (row) => times.short(row.createdAt) },
    { name: t.settings.expires, cell: (row) => (row.expiresAt ? times.full(row.expiresAt) : t.common.never) },
    { name: t.common.actions, cell: (row) => !row.revokedAt && <button type="button" class="small" onClick={() => setEnded(row)}>{t.settings.revoke}<span class="unseen"> {row.name}</span></button> },
  ];

  return (
    <>
      <div class="bar"><p class="hint">{t.settings.forPrograms}</p><button type="button" class="primary" onClick={() => setAdding(true)}>{t.settings.newToken}</button></div>
      <Listed query={query} rows={rows} empty={<Empty title={t.settings.noTokens} />}>
        <Table caption={t.settings.tokens} columns={columns} rows={rows ?? []} keyOf={(row) => row.id} />
      </Listed>
      {isAdding && <Add onClose={() => setAdding(false)} onDone={(token) => { setAdding(false); setMade(token); query.reload(); }} />}
      {made && (
        <Dialog title={t.settings.theNewToken} onClose={() => setMade(undefined)}>
          <Once onKept={() => setMade(undefined)}>
            <p>{t.common.onceOnly}</p>
            <Code>{made}</Code>
          </Once>
        </Dialog>
      )}
      {ended && (
        <Confirm
          title={t.settings.revokeAsk(ended.name)}
          text={t.settings.revokeWhat}
          action={t.settings.revoke}
          onDone={(confirmed) => {
            setEnded(undefined);
            if (confirmed) void act(t.settings.revoked, () => remove('/api/v1/tokens/{id}', { path: { id: ended.id } })).then(query.reload);
          }}
        />
      )}
    </>
  );
}

function Add({ onClose, onDone }: { onClose: () => void; onDone: (token: string) => void }) {
  const { companies, company: looked, isAdministrator, may } = useSession();
  const [name, setName] = useState('');
  const [company, setCompany] = useState(looked ?? '');
  const [days, setDays] = useState('90');
  const [permissions, setPermissions] = useState<string[]>(PERMISSIONS.slice(0, 4));
  const { submit, problem, isBusy } = useSubmit(async () => {
    const made = await post('/api/v1/tokens', { name, permissions, company: company || undefined, expiresDays: days ? Number(days) : undefined });
    onDone(made.data.token);
  });
  return (
    <Dialog title={t.settings.newToken} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field"><span>{t.common.name}</span><input required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
        {isAdministrator && (
          <Select label={t.common.company} value={company} options={[['', t.common.allCompanies], ...companies.map((own) => [own.slug, own.name] as const)]} onChange={setCompany} />
        )}
        <fieldset>
          <legend>{t.settings.permissions}</legend>
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
        <Select label={t.settings.expiresAfter} value={days} options={[['30', span(30, 'day')], ['90', span(90, 'day')], ['365', span(1, 'year')], ['', t.common.never]]} onChange={setDays} />
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{t.settings.createToken}</button></div>
      </form>
    </Dialog>
  );
}
