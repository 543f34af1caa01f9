import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../texts';

/**
 * A window over the page; Escape and a click beside it close it. Where something was typed into a form of it that is asked about
 * before; and what is shown this once (`Once`) stays until its own button is pressed.
 */
export function Dialog({ title, onClose, children, drawer = false }: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  drawer?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  /** Whether a press of the pointer began beside it: one that began in a field selects text, wherever it ends. */
  const isPressedBeside = useRef(false);
  const isTyped = useRef(false);
  const mayClose = useRef(false);
  const [isAsked, setAsked] = useState(false);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const leave = () => {
    mayClose.current = true;
    dialog.current?.close();
  };
  /** Closes it if nothing is lost by that. */
  const ask = () => {
    const once = dialog.current?.querySelector<HTMLElement>('[data-once] button.primary');
    if (once) once.focus();
    else if (isTyped.current) setAsked(true);
    else leave();
  };
  const closed = () => {
    if (mayClose.current) onClose();
    else {
      // A browser closes it at a second Escape without asking anybody.
      dialog.current?.showModal();
      ask();
    }
  };
  const isBeside = (event: MouseEvent) => {
    const box = dialog.current?.getBoundingClientRect();
    if (!box || event.target !== dialog.current) return false;
    return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
  };
  return (
    <dialog
      ref={dialog}
      class={drawer ? 'drawer' : ''}
      aria-label={title}
      onClose={(event) => event.target === dialog.current && closed()}
      onCancel={(event) => {
        // A field for a file is cancelled, too.
        if (event.target !== dialog.current) return;
        event.preventDefault();
        ask();
      }}
      onInput={(event) => { isTyped.current ||= Boolean((event.target as Element).closest('form')); }}
      onPointerDown={(event) => { isPressedBeside.current = isBeside(event); }}
      onClick={(event) => isPressedBeside.current && isBeside(event) && ask()}
    >
      <div class="inside">
        <header>
          <h2>{title}</h2>
          <button type="button" class="plain close" onClick={ask} aria-label={t.common.close}>✕</button>
        </header>
        {children}
        {isAsked && (
          <Confirm
            title={t.common.dropAsk}
            text={t.common.dropWhat}
            action={t.common.drop}
            keep={t.common.goOn}
            onDone={(confirmed) => {
              setAsked(false);
              if (confirmed) leave();
            }}
          />
        )}
      </div>
    </dialog>
  );
}

/** Asks before what cannot be taken back. */
export function Confirm({ title, text, action, keep = t.common.cancel, onDone }: {
  title: string;
  text: string;
  action: string;
  keep?: string;
  onDone: (confirmed: boolean) => void;
}) {
  return (
    <Dialog title={title} onClose={() => onDone(false)}>
      <p>{text}</p>
      <div class="actions">
        <button type="button" onClick={() => onDone(false)}>{keep}</button>
        <button type="button" class="danger" onClick={() => onDone(true)}>{action}</button>
      </div>
    </Dialog>
  );
}

/** A secret that is shown this once. The dialog that it stands in closes by its button alone. */
export function Once({ children, kept = t.common.kept, onKept }: { children: ComponentChildren; kept?: string; onKept: () => void }) {
  return (
    <div data-once="">
      {children}
      <div class="actions"><button type="button" class="primary" onClick={onKept}>{kept}</button></div>
    </div>
  );
}
