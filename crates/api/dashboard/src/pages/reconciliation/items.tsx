import { useEffect } from 'preact/hooks';
import type { Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { money, useTimes, words } from '../../format/format';
import { href } from '../../router';
import { t } from '../../texts';
import { FilterBar, modeOf, NothingFound, options, useFilters } from '../../ui/filters';
import { Badge, Empty, Select } from '../../ui/parts';
import { Listed, Table, usePages, type Column } from '../../ui/table';
import { FINDINGS, type Run } from './run';
import { Ask, Ignore, TakeOver } from './settle';

export type Item = Schemas['ReconciliationItem'];

/** What an item tells: the report's row, or our transaction where no row names it. */
interface Detail {
  id?: string | null;
  idHere?: string;
  merchantRefNum?: string | null;
  kind?: string | null;
  status?: string | null;
  /** As the report writes it, where nobody knows what it means. */
  statusWord?: string;
  amount?: number | null;
  currency?: string | null;
  time?: string | null;
  isWholeDay?: boolean;
  line?: number;
  file?: string | null;
  reason?: string;
  transactionId?: string;
  differences?: { field: string; here: string | number | null; there: string | number | null }[];
}

const LIMIT = 25;
/** What a report can be believed in: it has what we have not, or says something else. */
const TAKEN = ['missingHere', 'differing'];
/** Kinds that Netbanx can be asked for. */
const ASKED = ['PAYMENT', 'REFUND', 'SETTLEMENT'];

/** What a comparison found, with why, and what can be done with it. A new `round` has it asked again. */
export function Items({ run, round, mayChange, onChanged }: { run: Run; round: number; mayChange: boolean; onChanged: () => void }) {
  const times = useTimes();
  const filters = useFilters(['finding', 'state']);
  const { values, set } = filters;
  const pages = usePages(filters.key, [t.reconciliation.previous, t.reconciliation.next]);
  // The parameters are checked by the server, which names the one that is wrong.
  const asked = { ...values, limit: LIMIT, cursor: pages.cursor } as never as Record<string, string>;
  const query = useQuery('/api/v1/reconciliations/{id}/items', { path: { id: run.id }, query: asked });
  const rows = query.data?.data.items;
  const next = query.data?.data.nextCursor;
  useEffect(() => {
    if (round > 0) query.reload();
  }, [round]);

  const columns: Column<Item>[] = [
    { name: t.reconciliation.difference, cell: (row) => <><Badge status={row.finding} /><Place detail={detailOf(row)} run={run} /></> },
    { name: t.reconciliation.transaction, cell: (row) => <Transaction row={row} run={run} /> },
    {
      name: t.common.amount,
      number: true,
      cell: (row) => <><strong>{money(detailOf(row).amount, detailOf(row).currency)}</strong><div class="hint">{timeOf(detailOf(row), times.short)}</div></>,
    },
    { name: t.common.status, cell: (row) => <Said detail={detailOf(row)} /> },
    { name: t.reconciliation.reason, cell: (row) => <Reason row={row} /> },
    { name: t.common.state, cell: (row) => <><Badge status={row.state} />{row.state === 'ignored' && <div class="hint break">{row.decision}</div>}</> },
    ...(mayChange ? [{ name: t.common.actions, cell: (row: Item) => <Actions row={row} run={run} onDone={onChanged} /> }] : []),
  ];
  return (
    <>
      <FilterBar filters={filters}>
        <Select label={t.reconciliation.difference} value={values['finding'] ?? ''} options={options(t.common.all, FINDINGS, words)} onChange={(next) => set('finding', next)} />
        <Select label={t.common.state} value={values['state'] ?? ''} options={options(t.common.any, ['open', 'ignored', 'taken-over'], words)} onChange={(next) => set('state', next)} />
      </FilterBar>
      <Listed
        query={query}
        rows={rows}
        pages={pages}
        empty={Object.values(values).some(Boolean)
          ? <NothingFound filters={filters} none="" hint="" />
          : <Empty title={t.reconciliation.nothingDiffers}>{t.reconciliation.nothingDiffersHint}</Empty>}
      >
        <Table caption={t.reconciliation.differences} columns={columns} rows={rows ?? []} keyOf={(row) => String(row.number)} />
      </Listed>
      {rows && (pages.cursor || next) && pages.pager(next)}
    </>
  );
}

function detailOf(row: Item): Detail {
  return row.detail as Detail;
}

function Place({ detail, run }: { detail: Detail; run: Run }) {
  if (!detail.line) return null;
  const isOneFile = ((run.files ?? []) as unknown[]).length < 2;
  return <div class="hint">{!isOneFile && detail.file ? t.reconciliation.lineOf(detail.line, detail.file) : t.reconciliation.line(detail.line)}</div>;
}

/** The transaction's id, by which it is opened where we have it. */
function Transaction({ row, run }: { row: Item; run: Run }) {
  const { transactionId, id, idHere, merchantRefNum } = detailOf(row);
  const name = idHere ?? id ?? merchantRefNum ?? null;
  const isHere = transactionId || (row.state === 'taken-over' && id);
  if (name === null) return <>–</>;
  return (
    <div class="wordy">
      {isHere ? <a class="break" href={transactionId ? href('transactions', transactionId) : href('transactions', null, { q: id ?? undefined, mode: modeOf(run) })}>{name}</a> : <span class="break">{name}</span>}
      {merchantRefNum && merchantRefNum !== name && <div class="hint break">{merchantRefNum}</div>}
    </div>
  );
}

function Said({ detail }: { detail: Detail }) {
  const { status, statusWord } = detail;
  if (!status && !statusWord && !detail.kind) return <>–</>;
  return <>{status ? <Badge status={status} /> : statusWord ?? '–'}{detail.kind && <div class="hint">{words(detail.kind)}</div>}</>;
}

/** Why it differs; of a difference both sides. */
function Reason({ row }: { row: Item }) {
  const { differences = [], reason, currency } = detailOf(row);
  const shown = (field: string, value: string | number | null) => {
    if (value === null) return t.reconciliation.nothing;
    if (field === 'amount' && typeof value === 'number') return money(value, currency);
    return field === 'currency' ? String(value) : words(String(value));
  };
  if (differences.length === 0) return <div class="wordy">{reason ? reason.charAt(0).toUpperCase() + reason.slice(1) : '–'}</div>;
  return (
    <div class="wordy">
      {differences.map(({ field, here, there }) => (
        <div key={field}>{t.reconciliation.bothSides(words(field), shown(field, here), shown(field, there))}</div>
      ))}
    </div>
  );
}

function Actions({ row, run, onDone }: { row: Item; run: Run; onDone: () => void }) {
  if (row.state !== 'open') return <>–</>;
  const { id, idHere, merchantRefNum, kind } = detailOf(row);
  const name = id ?? t.reconciliation.item(row.number);
  const isAskable = row.finding !== 'malformed' && (id || idHere || merchantRefNum) && ASKED.includes(kind ?? 'PAYMENT');
  return (
    <div class="actions">
      {TAKEN.includes(row.finding) && <TakeOver run={run.id} number={row.number} name={name} count={1} onDone={onDone} />}
      {isAskable && <Ask run={run.id} number={row.number} name={name} />}
      <Ignore run={run.id} number={row.number} name={name} onDone={onDone} />
    </div>
  );
}

function timeOf(detail: Detail, short: (at: string | null | undefined) => string): string {
  // A date alone means the whole day.
  return detail.isWholeDay && detail.time ? detail.time.slice(0, 10) : short(detail.time);
}
