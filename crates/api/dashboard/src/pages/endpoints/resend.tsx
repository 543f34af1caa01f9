import { useState } from 'preact/hooks';
import { messageOf, post } from '../../api/client';
import { counted, useTimes } from '../../format/format';
import { clockIn, momentIn } from '../../format/moments';
import { Choice, Dialog } from '../../ui/parts';
import { useToast } from '../../ui/toasts';

const DAY_MS = 86_400_000;

/** Sends again what failed since a moment, or all of a range of time. */
export function Resend({ id, onClose, onDone }: { id: string; onClose: () => void; onDone: () => void }) {
  const { zone } = useTimes();
  const tell = useToast();
  const [what, setWhat] = useState<'failed' | 'range'>('failed');
  const [from, setFrom] = useState(() => clockIn(zone, new Date(Date.now() - DAY_MS)));
  const [until, setUntil] = useState(() => clockIn(zone, new Date(Date.now() + 60_000)));
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const begin = momentIn(zone, from);
    const asked = what === 'failed' ? { failedSince: begin } : { from: begin, until: momentIn(zone, until) };
    try {
      const { messages } = (await post('/api/v1/endpoints/{id}/resend', asked, { path: { id } })).data;
      tell(messages === 0 ? 'There is nothing to send again' : `${counted(messages, 'message')} on the way`);
      onDone();
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Send messages again" onClose={onClose}>
      <form onSubmit={submit}>
        <Choice label="What is sent again" value={what} options={[['failed', 'All failed since'], ['range', 'A range of time']]} onChange={setWhat} />
        <p class="hint">
          {what === 'failed'
            ? 'Messages made since then that failed for good, after their tenth attempt.'
            : 'Every message of these event types made in that time, delivered or not, 100,000 at most. A new endpoint is told so of what was before it.'}
          {' '}Each keeps its id, by which the other end knows it.
        </p>
        <label class="field">
          <span>{what === 'failed' ? 'Since' : 'From'} ({zone})</span>
          <input type="datetime-local" required value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
        </label>
        {what === 'range' && (
          <label class="field">
            <span>Until ({zone})</span>
            <input type="datetime-local" required value={until} onInput={(event) => setUntil(event.currentTarget.value)} />
          </label>
        )}
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>Re-send</button></div>
      </form>
    </Dialog>
  );
}
