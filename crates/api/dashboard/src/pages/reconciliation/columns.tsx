import { useEffect, useState } from 'preact/hooks';
import { t } from '../../texts';

/** The fields of a row, by the names of the API. */
const FIELDS = ['id', 'merchantRefNum', 'kind', 'status', 'amount', 'currency', 'time'] as const;

/** What leaves a field out. */
const NONE = '-';
/** How much of a report is looked at for the names of its columns. */
const BEGINNING = 16_384;

/** Which column is which field, where the usual names do not tell; as far as the report shows its columns, they are offered. */
export function Columns({ report, value, onChange }: {
  report: File | undefined;
  value: Record<string, string>;
  onChange: (value: Record<string, string>) => void;
}) {
  const offered = useHeader(report);
  return (
    <fieldset>
      <legend>{t.reconciliation.columns}</legend>
      <p class="hint">{t.reconciliation.columnsHint(<kbd>{NONE}</kbd>)}</p>
      <div class="filters">
        {FIELDS.map((name) => (
          <label class="field" key={name}>
            <span>{t.reconciliation.fields[name]}</span>
            <input
              list="columns-of-the-report"
              maxLength={120}
              placeholder={t.reconciliation.recognised}
              autocomplete="off"
              value={value[name] ?? ''}
              onInput={(event) => onChange({ ...value, [name]: event.currentTarget.value })}
            />
          </label>
        ))}
      </div>
      <datalist id="columns-of-the-report">{offered.map((name) => <option key={name} value={name} />)}</datalist>
    </fieldset>
  );
}

/** The same as the API takes it; none where nothing was named. */
export function columnsOf(value: Record<string, string>): string | undefined {
  const named = Object.entries(value).map(([field, column]) => [field, column.trim()] as const).filter(([, column]) => column);
  return named.map(([field, column]) => `${field}=${column === NONE ? '' : column}`).join() || undefined;
}

/** The names in a report's first line; none where it is compressed or has no such line. */
function useHeader(report: File | undefined): string[] {
  const [names, setNames] = useState<string[]>([]);
  useEffect(() => {
    let isWanted = true;
    setNames([]);
    void report?.slice(0, BEGINNING).text().then((text) => isWanted && setNames(headerOf(text)), () => {});
    return () => { isWanted = false; };
  }, [report]);
  return names;
}

function headerOf(text: string): string[] {
  const line = text.replace(/^\ufeff/, '').split(/\r?\n/, 1)[0] ?? '';
  // What is not text is shown to nobody.
  if (/[\0-\x08\ufffd]/.test(line)) return [];
  const separator = [',', ';', '\t', '|'].sort((one, other) => line.split(other).length - line.split(one).length)[0] ?? ',';
  const names = line.split(separator).map((name) => name.trim().replace(/^"(.*)"$/, '$1'));
  return [...new Set(names.filter(Boolean))];
}
