import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { messageOf, Problem } from '../../api/client';
import { useQuery } from '../../api/query';
import { percent, words } from '../../format/format';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Dialog } from '../../ui/dialog';
import { Select } from '../../ui/parts';
import { Columns, columnsOf } from './columns';
import { upload } from './upload';

const KINDS = ['PAYMENT', 'REFUND', 'CHARGEBACK', 'SETTLEMENT', 'PAYOUT', 'VERIFICATION'];
/** An example of one. */
const TIME_FORMAT = '%d/%m/%Y %H:%M';
/** Parameters whose fields are seen only when the options are open. */
const OPTIONS = ['mapping', 'saveMapping', 'columns', 'timeFormat', 'kind'];

/** Sends a report to be compared. `onDone` gets the id of the comparison, which has begun by then. */
export function ReportForm({ onClose, onDone }: { onClose: () => void; onDone: (id: string) => void }) {
  const { companies, company, isAdministrator } = useSession();
  const form = useRef<HTMLFormElement>(null);
  const stop = useRef<AbortController>();
  const [report, setReport] = useState<File>();
  const [slug, setSlug] = useState(company ?? companies[0]?.slug ?? '');
  const [mode, setMode] = useState('live');
  const [amounts, setAmounts] = useState('');
  const [hasComma, setComma] = useState(false);
  const [columns, setColumns] = useState<Record<string, string>>({});
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [kinds, setKinds] = useState<string[]>([]);
  const [isOpen, setOpen] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  /** Which part of the report was sent; none: nothing is being sent. */
  const [sent, setSent] = useState<number>();

  const saved = useQuery('/api/v1/reconciliation-mappings', { query: isAdministrator ? { company: slug } : {} }).data?.data.mappings ?? [];

  useEffect(() => () => stop.current?.abort(), []);
  // What is wrong is where the keyboard goes.
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>('[data-wrong] :is(input, select)')?.focus();
  }, [problem]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!report || sent !== undefined) return;
    stop.current = new AbortController();
    setProblem(undefined);
    setSent(0);
    const own = isAdministrator ? slug : undefined;
    const trimmed = Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, value.trim()]));
    const options = { ...trimmed, company: own, mode, amounts, decimalComma: hasComma || undefined, columns: columnsOf(columns), kind: kinds.join() };
    try {
      onDone(await upload(report, options, setSent, stop.current.signal));
    } catch (error) {
      setSent(undefined);
      if (error instanceof DOMException && error.name === 'AbortError') return;
      const told = error instanceof Problem ? error : new Problem(0, '', messageOf(error));
      if (OPTIONS.includes(told.parameter ?? '')) setOpen(true);
      setProblem(told);
    }
  };
  const text = (name: string, label: string, placeholder: string, list?: string) => (
    <Told of={name} problem={problem}>
      <label class="field">
        <span>{label}</span>
        <input
          maxLength={255}
          placeholder={placeholder}
          autocomplete="off"
          list={list}
          aria-invalid={problem?.parameter === name || undefined}
          value={texts[name] ?? ''}
          onInput={(event) => setTexts({ ...texts, [name]: event.currentTarget.value })}
        />
      </label>
    </Told>
  );
  const isAtField = ['body', 'company', ...OPTIONS].includes(problem?.parameter ?? '');

  return (
    <Dialog title={t.reconciliation.compareReport} onClose={onClose}>
      <form ref={form} onSubmit={submit} aria-busy={sent !== undefined}>
        <Told of="body" problem={problem}>
          <label class="field">
            <span>{t.reconciliation.reportFile}</span>
            <input
              type="file"
              required
              accept=".csv,.txt,.tsv,.gz,text/csv,text/plain,application/gzip"
              aria-invalid={problem?.parameter === 'body' || undefined}
              onChange={(event) => { setReport(event.currentTarget.files?.[0]); setProblem(undefined); }}
            />
          </label>
        </Told>
        {isAdministrator && (
          <Told of="company" problem={problem}>
            <Select label={t.common.company} value={slug} options={companies.map((own) => [own.slug, own.name] as const)} onChange={setSlug} />
          </Told>
        )}
        <div class="filters">
          <Select label={t.common.transactions} value={mode} options={[['live', t.common.live], ['test', t.common.test]]} onChange={setMode} />
          <Select
            label={t.reconciliation.amounts}
            value={amounts}
            options={[['', t.reconciliation.amountsMapping], ['minor', t.reconciliation.amountsMinor], ['major', t.reconciliation.amountsMajor]]}
            onChange={setAmounts}
          />
        </div>
        <label class="check">
          <input type="checkbox" checked={hasComma} onChange={(event) => setComma(event.currentTarget.checked)} />
          <span>{t.reconciliation.decimalComma}</span>
        </label>
        <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>{t.reconciliation.howRead}</summary>
          <div class="options">
            {text('mapping', t.reconciliation.readAs, t.reconciliation.mappingHint, 'mappings')}
            <Told of="columns" problem={problem}><Columns report={report} value={columns} onChange={setColumns} /></Told>
            {text('timeFormat', t.reconciliation.timeFormat, TIME_FORMAT)}
            <fieldset>
              <legend>{t.reconciliation.kindsAlone}</legend>
              <p class="hint">{t.reconciliation.kindsHint}</p>
              <div class="filters">
                {KINDS.map((kind) => (
                  <label class="check" key={kind}>
                    <input
                      type="checkbox"
                      checked={kinds.includes(kind)}
                      onChange={(event) => setKinds((old) => (event.currentTarget.checked ? [...old, kind] : old.filter((other) => other !== kind)))}
                    />
                    <span>{words(kind)}</span>
                  </label>
                ))}
              </div>
            </fieldset>
            {text('saveMapping', t.reconciliation.saveAs, t.reconciliation.mappingHint, 'mappings')}
            <datalist id="mappings">{saved.map(({ name }) => <option key={name} value={name} />)}</datalist>
          </div>
        </details>
        <p role="alert" class="problem">{problem && !isAtField ? problem.message : ''}</p>
        {sent !== undefined && (
          <div>
            <p role="status">{sent < 1 ? t.reconciliation.sending(percent(sent)) : t.reconciliation.sentAll}</p>
            <progress max={1} value={sent} aria-label={t.reconciliation.sentShare} />
          </div>
        )}
        <div class="actions">
          <button type="submit" class="primary" disabled={sent !== undefined}>{t.reconciliation.compare}</button>
          {sent !== undefined && <button type="button" onClick={() => stop.current?.abort()}>{t.reconciliation.stop}</button>}
        </div>
      </form>
    </Dialog>
  );
}

/** A field, with what is wrong with it beneath. */
function Told({ of, problem, children }: { of: string; problem: Problem | undefined; children: ComponentChildren }) {
  const isWrong = problem?.parameter === of;
  return (
    <div data-wrong={isWrong ? '' : undefined}>
      {children}
      {isWrong && <p role="alert" class="problem">{problem.message}</p>}
    </div>
  );
}
