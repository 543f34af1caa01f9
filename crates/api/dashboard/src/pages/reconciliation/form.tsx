import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { messageOf, Problem } from '../../api/client';
import { percent, words } from '../../format/format';
import { useSession } from '../../session';
import { Dialog, Select } from '../../ui/parts';
import { Columns, columnsOf } from './columns';
import { upload } from './upload';

const KINDS = ['PAYMENT', 'REFUND', 'CHARGEBACK', 'SETTLEMENT', 'PAYOUT', 'VERIFICATION'];
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
  const text = (name: string, label: string, placeholder: string) => (
    <Told of={name} problem={problem}>
      <label class="field">
        <span>{label}</span>
        <input
          maxLength={255}
          placeholder={placeholder}
          autocomplete="off"
          aria-invalid={problem?.parameter === name || undefined}
          value={texts[name] ?? ''}
          onInput={(event) => setTexts({ ...texts, [name]: event.currentTarget.value })}
        />
      </label>
    </Told>
  );
  const isAtField = ['body', 'company', ...OPTIONS].includes(problem?.parameter ?? '');

  return (
    <Dialog title="Compare a report" onClose={onClose}>
      <form ref={form} onSubmit={submit} aria-busy={sent !== undefined}>
        <Told of="body" problem={problem}>
          <label class="field">
            <span>Report (CSV, also gzipped, 256 MiB at most)</span>
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
            <Select label="Company" value={slug} options={companies.map((own) => [own.slug, own.name] as const)} onChange={setSlug} />
          </Told>
        )}
        <div class="filters">
          <Select label="Transactions" value={mode} options={[['live', 'Live'], ['test', 'Test']]} onChange={setMode} />
          <Select
            label="Amounts"
            value={amounts}
            options={[['', 'As the mapping says, else in minor units'], ['minor', 'In minor units: 3740'], ['major', 'In major units: 37.40']]}
            onChange={setAmounts}
          />
        </div>
        <label class="check">
          <input type="checkbox" checked={hasComma} onChange={(event) => setComma(event.currentTarget.checked)} />
          <span>Decimals have a comma: 37,40</span>
        </label>
        <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>How the report is read</summary>
          <div class="options">
            {text('mapping', 'Read it as was saved under', 'For example bank')}
            <Told of="columns" problem={problem}><Columns report={report} value={columns} onChange={setColumns} /></Told>
            {text('timeFormat', 'Format of times (empty: ISO 8601)', '%d/%m/%Y %H:%M')}
            <fieldset>
              <legend>The report has these kinds alone</legend>
              <p class="hint">None: all. Transactions of other kinds are not missing there.</p>
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
            {text('saveMapping', 'Save all of this for the next report as', 'For example bank')}
          </div>
        </details>
        <p role="alert" class="problem">{problem && !isAtField ? problem.message : ''}</p>
        {sent !== undefined && (
          <div>
            <p role="status">{sent < 1 ? `Sending, ${percent(sent)}` : 'Sent: the first rows are being read'}</p>
            <progress max={1} value={sent} aria-label="Sent of the report" />
          </div>
        )}
        <div class="actions">
          <button type="submit" class="primary" disabled={sent !== undefined}>Compare</button>
          {sent !== undefined && <button type="button" onClick={() => stop.current?.abort()}>Stop</button>}
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
