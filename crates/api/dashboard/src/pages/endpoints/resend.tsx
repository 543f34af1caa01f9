import { useState } from 'preact/hooks';
import { post } from '../../api/client';
import { useTimes } from '../../format/format';
import { clockIn, momentIn } from '../../format/moments';
import { t } from '../../texts';
import { Dialog } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
import { Choice } from '../../ui/parts';
import { useToast } from '../../ui/toasts';

const DAY_MS = 86_400_000;

/** Sends again what failed since a moment, or all of a range of time. */
export function Resend({ id, onClose, onDone }: { id: string; onClose: () => void; onDone: () => void }) {
  const { zone } = useTimes();
  const tell = useToast();
  const [what, setWhat] = useState<'failed' | 'range'>('failed');
  const [from, setFrom] = useState(() => clockIn(zone, new Date(Date.now() - DAY_MS)));
  const [until, setUntil] = useState(() => clockIn(zone, new Date(Date.now() + 60_000)));

  const { submit, problem, isBusy } = useSubmit(async () => {
    const begin = momentIn(zone, from);
    const asked = what === 'failed' ? { failedSince: begin } : { from: begin, until: momentIn(zone, until) };
    const { messages } = (await post('/api/v1/endpoints/{id}/resend', asked, { path: { id } })).data;
    tell(messages === 0 ? t.endpoints.nothingToResend : t.endpoints.onTheWay(messages));
    onDone();
  });
  return (
    <Dialog title={t.endpoints.sendAgain} onClose={onClose}>
      <form onSubmit={submit}>
        <Choice label={t.endpoints.whatAgain} value={what} options={[['failed', t.endpoints.allFailed], ['range', t.endpoints.rangeOfTime]]} onChange={setWhat} />
        <p class="hint">
          {what === 'failed'
            ? t.endpoints.failedHint
            : t.endpoints.rangeHint}
          {' '}{t.endpoints.keepsId}
        </p>
        <label class="field">
          <span>{what === 'failed' ? t.endpoints.sinceIn(zone) : t.endpoints.fromIn(zone)}</span>
          <input type="datetime-local" required value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
        </label>
        {what === 'range' && (
          <label class="field">
            <span>{t.endpoints.untilIn(zone)}</span>
            <input type="datetime-local" required value={until} onInput={(event) => setUntil(event.currentTarget.value)} />
          </label>
        )}
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{t.endpoints.resend}</button></div>
      </form>
    </Dialog>
  );
}
