import { useState } from 'preact/hooks';
import { patch } from '../../api/client';
import { timeZones } from '../../format/prefs';
import { useSession, type Company } from '../../session';
import { t } from '../../texts';
import { Dialog } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
import { Empty, Select } from '../../ui/parts';
import { Table, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';

/** By whose days each company's figures are counted. */
export function Companies() {
  const { companies, reload } = useSession();
  const act = useAction();
  const [changed, setChanged] = useState<Company>();
  const columns: Column<Company>[] = [
    { name: t.common.company, cell: (row) => <strong>{row.name}</strong> },
    { name: t.settings.inPaths, cell: (row) => row.slug },
    { name: t.common.timeZone, cell: (row) => row.timeZone ?? t.settings.noZone },
    { name: t.common.actions, cell: (row) => <button type="button" class="small" onClick={() => setChanged(row)}>{t.settings.change}<span class="unseen"> {row.name}</span></button> },
  ];
  const set = (id: string, timeZone: string | null) =>
    act(t.settings.changed, () => patch('/api/v1/companies/{id}', { timeZone }, { path: { id } })).then((done) => {
      if (!done) return;
      setChanged(undefined);
      reload();
    });
  return (
    <>
      <p class="hint">{t.settings.companiesHint}</p>
      {companies.length === 0
        ? <Empty title={t.settings.noCompanies}>{t.settings.operatorAdds}</Empty>
        : <Table caption={t.settings.companies} columns={columns} rows={companies} keyOf={(row) => row.id} />}
      {changed && <Change company={changed} onClose={() => setChanged(undefined)} onSet={set} />}
    </>
  );
}

function Change({ company, onClose, onSet }: { company: Company; onClose: () => void; onSet: (id: string, zone: string | null) => Promise<void> }) {
  const [zone, setZone] = useState(company.timeZone ?? '');
  const names = [...new Set([...timeZones(), ...(company.timeZone ? [company.timeZone] : [])])];
  const { submit, isBusy } = useSubmit(() => onSet(company.id, zone || null));
  return (
    <Dialog title={company.name} onClose={onClose}>
      <form onSubmit={submit}>
        <Select label={t.common.timeZone} value={zone} options={[['', t.settings.ownZone], ...names.map((name) => [name, name] as const)]} onChange={setZone} />
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{t.common.save}</button></div>
      </form>
    </Dialog>
  );
}
