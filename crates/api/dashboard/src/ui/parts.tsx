import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../api/client';
import { words } from '../format/format';
import { dayOf } from '../format/moments';
import { t } from '../texts';

/** A status as a word, with a mark that does not rest on its colour alone. */
export function Badge({ status }: { status: string | null | undefined }) {
  const tone = TONES[status ?? ''] ?? 'neutral';
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{MARKS[tone]}</span>
      {words(status)}
    </span>
  );
}

const TONES: Record<string, string> = {
  COMPLETED: 'good', ENABLED: 'good', ACTIVE: 'good', APPROVED: 'good', healthy: 'good', operational: 'good', WON: 'good', active: 'good', enabled: 'good', delivered: 'good', finished: 'good', 'taken-over': 'good',
  FAILED: 'bad', RETURNED: 'bad', DISABLED: 'bad', away: 'bad', critical: 'bad', LOST: 'bad', CLOSED: 'bad', failing: 'bad', failed: 'bad', disabled: 'bad', unreadable: 'bad', stopped: 'bad', missingHere: 'bad', malformed: 'bad',
  PENDING: 'wait', IN_REVIEW: 'wait', SUBMITTED: 'wait', degraded: 'wait', warning: 'wait', stalled: 'wait', paused: 'wait', ending: 'wait', refused: 'wait', conflict: 'wait', running: 'wait', open: 'wait', missingThere: 'wait', differing: 'wait',
};
const MARKS: Record<string, string> = { good: '●', bad: '▲', wait: '◐', neutral: '○' };

export function Card({ title, aside, children, class: name = '' }: {
  title?: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  class?: string;
}) {
  return (
    <section class={`card ${name}`}>
      {title && (
        <header>
          <h2>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

export function Loading({ rows = 3 }: { rows?: number }) {
  return (
    <div class="loading" role="status" aria-label={t.common.loading}>
      {Array.from({ length: rows }, (_, n) => <span key={n} />)}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <strong>{t.common.notLoaded}</strong>
      <p>{messageOf(error)}</p>
      {retry && <button type="button" onClick={retry}>{t.common.tryAgain}</button>}
    </div>
  );
}

/** One of a few, all in sight. */
export function Choice<T extends string>({ label, value, options, onChange }: {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([own, name]) => (
        <button type="button" key={own} aria-pressed={own === value} onClick={() => onChange(own)}>{name}</button>
      ))}
    </div>
  );
}

export function Select({ label, value, options, onChange, hidden = false }: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
  hidden?: boolean;
}) {
  return (
    <label class="field">
      <span class={hidden ? 'unseen' : ''}>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([own, name]) => <option key={own} value={own}>{name}</option>)}
      </select>
    </label>
  );
}

/** A text that takes effect when one stops typing. What `accepts` refuses, as half of a code, does not, and is dropped when one leaves. */
export function Text({ label, value, onChange, placeholder, type = 'text', search = false, accepts = () => true }: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  type?: string;
  search?: boolean;
  accepts?: (value: string) => boolean;
}) {
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  // What has taken effect is shown as it is typed: a blank at its end may be followed by another word.
  useEffect(() => {
    if (!timer.current) setTyped((old) => (old.trim() === value ? old : value));
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const isWhole = (next: string) => next === '' || (accepts(next) && (!type.startsWith('date') || dayOf(next.slice(0, 10)) !== undefined));
  const change = (event: JSX.TargetedEvent<HTMLInputElement>) => {
    const next = event.currentTarget.value;
    clearTimeout(timer.current);
    timer.current = undefined;
    // A date of which a part is missing so far has no value at all.
    setTyped(next);
    if (event.currentTarget.validity.badInput || !isWhole(next.trim())) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      onChange(next.trim());
    }, 300);
  };
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type={type}
        value={typed}
        placeholder={placeholder}
        maxLength={255}
        onInput={change}
        onBlur={(event) => (event.currentTarget.validity.badInput || !isWhole(typed.trim())) && setTyped(value)}
        data-search={search ? '' : undefined}
        autocomplete="off"
        spellcheck={false}
      />
    </label>
  );
}

/** An id, and a click that copies it. */
export function Id({ text, of }: { text: string | null | undefined; of: string }) {
  if (!text) return <>–</>;
  return <span class="id"><span class="break">{text}</span><Copied text={text} of={of} /></span>;
}

/** What a click copies; `of` says what that is where there are several. */
export function Copied({ text, label = t.common.copy, of }: { text: string; label?: string; of?: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 2_000);
    } catch {
      // Without permission for the clipboard the text can still be selected.
    }
  };
  return <button type="button" class="small" onClick={copy} aria-live="polite">{done ? t.common.copied : label}{of && <span class="unseen"> {of}</span>}</button>;
}

/** A file of what is listed, which begins as spreadsheets need it; its amounts are the API's. */
export function ExportLink({ href, name }: { href: string; name: string }) {
  return (
    <span class="export">
      <span class="hint" id="export-hint">{t.common.minorUnits}</span>
      <a class="button" href={href} download={name} aria-describedby="export-hint">{t.common.exportCsv}</a>
    </span>
  );
}

/** A text as it is, to be copied; `wrap` breaks its lines where they are too long. */
export function Code({ children, wrap = false }: { children: string; wrap?: boolean }) {
  return (
    <div class={wrap ? 'code wrap' : 'code'}>
      <pre tabIndex={0}>{children}</pre>
      <Copied text={children} />
    </div>
  );
}

/** One number and what it is; `isBad` marks it by more than its colour. */
export function Figure({ name, value, isBad = false }: { name: string; value: string; isBad?: boolean }) {
  return (
    <section class="tile">
      <h2>{name}</h2>
      <p class={`value ${isBad ? 'bad' : ''}`}>{isBad && <span aria-hidden="true">▲ </span>}{value}</p>
    </section>
  );
}

/** Names and values. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === null || value === undefined || value === '' ? '–' : value}</dd>
        </div>
      ))}
    </dl>
  );
}
