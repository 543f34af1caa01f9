import { useState } from 'preact/hooks';
import { patch } from '../../api/client';
import { timeZones } from '../../format/prefs';
import { useSession, type Company } from '../../session';
import { Dialog, Empty, Select } from '../../ui/parts';
import { Table, type Column } from '../../ui/table';
import { useAction } from '../../ui/toasts';

/** By whose days each company's figures are counted. */
export function Companies() {
  const { companies, reload } = useSession();
  const act = useAction();
  const [changed, setChanged] = useState<Company>();
  const columns: Column<Company>[] = [
    { name: 'Company', cell: (row) => <strong>{row.name}</strong> },
    { name: 'In paths', cell: (row) => row.slug },
    { name: 'Time zone', cell: (row) => row.timeZone ?? 'UTC, as none is set' },
    { name: 'Actions', cell: (row) => <button type="button" class="small" onClick={() => setChanged(row)}>Change<span class="unseen"> {row.name}</span></button> },
  ];
  const set = (id: string, timeZone: string | null) =>
    act('Changed', () => patch('/api/v1/companies/{id}', { timeZone }, { path: { id } })).then((done) => {
      if (!done) return;
      setChanged(undefined);
      reload();
    });
  return (
    <>
      <p class="hint">A company’s figures are those of the days of its time zone, unless somebody asks for another.</p>
      {companies.length === 0
        ? <Empty title="No companies">An operator adds one: netbanx company add.</Empty>
        : <Table caption="Companies" columns={columns} rows={companies} keyOf={(row) => row.id} />}
      {changed && <Change company={changed} onClose={() => setChanged(undefined)} onSet={set} />}
    </>
  );
}

function Change({ company, onClose, onSet }: { company: Company; onClose: () => void; onSet: (id: string, zone: string | null) => void }) {
  const [zone, setZone] = useState(company.timeZone ?? '');
  const names = [...new Set([...timeZones(), ...(company.timeZone ? [company.timeZone] : [])])];
  const submit = (event: Event) => {
    event.preventDefault();
    onSet(company.id, zone || null);
  };
  return (
    <Dialog title={company.name} onClose={onClose}>
      <form onSubmit={submit}>
        <Select label="Time zone" value={zone} options={[['', 'None of its own'], ...names.map((name) => [name, name] as const)]} onChange={setZone} />
        <div class="actions"><button type="submit" class="primary">Save</button></div>
      </form>
    </Dialog>
  );
}
