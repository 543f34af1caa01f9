import { useState } from 'preact/hooks';
import { messageOf, post } from '../../api/client';
import { words } from '../../format/format';
import { t } from '../../texts';
import { Confirm, Dialog } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
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
      const why = Object.entries(left as Record<string, number>).map(([reason, many]) => (isAll ? t.reconciliation.notTaken(many, reason) : reason));
      tell([takenOver > 0 || isAll ? t.reconciliation.taken(takenOver) : t.reconciliation.notTakenOver, ...why].join('; '), takenOver === 0);
    } catch (error) {
      tell(messageOf(error), true);
    }
    onDone();
  };
  return (
    <>
      <button type="button" class={isAll ? '' : 'small'} onClick={() => setAsked(true)}>{isAll ? t.reconciliation.takeOverAll : t.reconciliation.takeOverOne}{name && <span class="unseen"> {name}</span>}</button>
      {isAsked && (
        <Confirm
          title={isAll ? t.reconciliation.takeOverAsk(count) : t.reconciliation.takeOverThis}
          text={t.reconciliation.takeOverWhat}
          action={t.reconciliation.takeOver}
          onDone={(confirmed) => {
            setAsked(false);
            if (confirmed) void take();
          }}
        />
      )}
    </>
  );
}

/** Asks Netbanx itself; what it says that is new becomes an event. The item stays: the next comparison tells whether it is settled. */
export function Ask({ run, number, name }: { run: string; number: number; name: string }) {
  const tell = useToast();
  const [isAsking, setAsking] = useState(false);
  const ask = async () => {
    setAsking(true);
    try {
      const { outcome, found } = (await post('/api/v1/reconciliations/{id}/items/{number}/ask', undefined as never, { path: { id: run, number } })).data;
      const statuses = found.map(({ status }) => words(status)).join(', ');
      tell(outcome === 'unknown' ? t.reconciliation.askedUnknown : outcome === 'stored' ? t.reconciliation.askedStored(statuses) : t.reconciliation.askedSame(statuses));
    } catch (error) {
      tell(messageOf(error), true);
    }
    setAsking(false);
  };
  return <button type="button" class="small" disabled={isAsking} onClick={() => void ask()}>{t.reconciliation.ask}<span class="unseen"> {name}</span></button>;
}

/** Leaves an item alone, in later comparisons too; it must be said why. */
export function Ignore({ run, number, name, onDone }: { run: string; number: number; name: string; onDone: () => void }) {
  const tell = useToast();
  const [isAsked, setAsked] = useState(false);
  const [reason, setReason] = useState('');
  const { submit, problem, isBusy } = useSubmit(async () => {
    await post('/api/v1/reconciliations/{id}/items/{number}/ignore', { reason: reason.trim() }, { path: { id: run, number } });
    tell(t.reconciliation.ignoredNow);
    setAsked(false);
    onDone();
  });
  return (
    <>
      <button type="button" class="small" onClick={() => setAsked(true)}>{t.reconciliation.ignoreOne}<span class="unseen"> {name}</span></button>
      {isAsked && (
        <Dialog title={t.reconciliation.ignoreThis} onClose={() => setAsked(false)}>
          <form onSubmit={submit}>
            <p class="hint">{t.reconciliation.ignoreHint}</p>
            <label class="field">
              <span>{t.reconciliation.reason}</span>
              <input required maxLength={255} value={reason} aria-invalid={problem ? true : undefined} onInput={(event) => setReason(event.currentTarget.value)} />
            </label>
            <p role="alert" class="problem">{problem}</p>
            <div class="actions"><button type="submit" class="primary" disabled={isBusy || !reason.trim()}>{t.reconciliation.ignore}</button></div>
          </form>
        </Dialog>
      )}
    </>
  );
}
