import { useState } from 'preact/hooks';
import { messageOf, post } from '../../api/client';
import { count as countText, counted } from '../../format/format';
import { Confirm, Dialog } from '../../ui/parts';
import { useToast } from '../../ui/toasts';

/** Takes over what the report says: of one item, or of all that are open. It is asked before, since it cannot be taken back. */
export function TakeOver({ run, number, name, count, onDone }: {
  run: string;
  number: number | 'all';
  /** What it is about, for those who hear the page. */
  name?: string;
  count: number;
  onDone: () => void;
}) {
  const tell = useToast();
  const [isAsked, setAsked] = useState(false);
  const isAll = number === 'all';
  const take = async () => {
    try {
      const { takenOver, left } = (await post('/api/v1/reconciliations/{id}/items/{number}/take-over', undefined as never, { path: { id: run, number } })).data;
      const why = Object.entries(left as Record<string, number>).map(([reason, many]) => (isAll ? `${countText(many)} not: ${reason}` : reason));
      tell([takenOver > 0 || isAll ? `${countText(takenOver)} taken over` : 'Not taken over', ...why].join('; '), takenOver === 0);
    } catch (error) {
      tell(messageOf(error), true);
    }
    onDone();
  };
  return (
    <>
      <button type="button" class={isAll ? '' : 'small'} onClick={() => setAsked(true)}>Take over{isAll ? ' all…' : '…'}{name && <span class="unseen"> {name}</span>}</button>
      {isAsked && (
        <Confirm
          title={isAll ? `Take over ${counted(count, 'difference')}?` : 'Take over what the report says?'}
          text="It is stored as an event beside the webhooks, with the report as its source, and noted in the audit log. Nothing that a webhook said is overwritten; a later webhook still counts. It cannot be taken back."
          action="Take over"
          onDone={(confirmed) => {
            setAsked(false);
            if (confirmed) void take();
          }}
        />
      )}
    </>
  );
}

/** Leaves an item alone, in later comparisons too; it must be said why. */
export function Ignore({ run, number, name, onDone }: { run: string; number: number; name: string; onDone: () => void }) {
  const tell = useToast();
  const [isAsked, setAsked] = useState(false);
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState('');
  const close = () => {
    setAsked(false);
    setProblem('');
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await post('/api/v1/reconciliations/{id}/items/{number}/ignore', { reason: reason.trim() }, { path: { id: run, number } });
      tell('Ignored, in later comparisons too');
      close();
      onDone();
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return (
    <>
      <button type="button" class="small" onClick={() => setAsked(true)}>Ignore…<span class="unseen"> {name}</span></button>
      {isAsked && (
        <Dialog title="Ignore this difference" onClose={close}>
          <form onSubmit={submit}>
            <p class="hint">It is left alone in later comparisons too, as long as it is the same. The reason stands beside it and in the audit log.</p>
            <label class="field">
              <span>Reason</span>
              <input required maxLength={255} value={reason} aria-invalid={problem ? true : undefined} onInput={(event) => setReason(event.currentTarget.value)} />
            </label>
            <p role="alert" class="problem">{problem}</p>
            <div class="actions"><button type="submit" class="primary" disabled={!reason.trim()}>Ignore</button></div>
          </form>
        </Dialog>
      )}
    </>
  );
}
