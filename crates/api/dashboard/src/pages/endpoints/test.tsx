import { useState } from 'preact/hooks';
import { get, messageOf, post, type Schemas } from '../../api/client';
import { t } from '../../texts';
import { Dialog } from '../../ui/dialog';
import type { Endpoint } from './endpoint';
import { Answer } from './answer';

type Attempt = Schemas['Attempt'];

/** How often it is looked for the answer, and how often at most: an endpoint may take 15 seconds. */
const EVERY_MS = 500;
const LOOKS = 44;

/** Sends a test, and shows what the other end answered. */
export function TestEndpoint({ row, onTested }: { row: Endpoint; onTested: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const [told, setTold] = useState<Attempt | string>();
  const test = async () => {
    setBusy(true);
    try {
      const { messageId } = (await post('/api/v1/endpoints/{id}/test', undefined as never, { path: { id: row.id } })).data;
      setTold((await attemptOf(row.id, messageId)) ?? t.endpoints.testWaits);
      onTested();
    } catch (error) {
      setTold(messageOf(error));
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" onClick={test} disabled={isBusy || row.state !== 'enabled'} aria-busy={isBusy}>{isBusy ? t.endpoints.waitingForAnswer : t.endpoints.sendTest}</button>
      {told && (
        <Dialog title={t.endpoints.testCameTo} onClose={() => setTold(undefined)}>
          {typeof told === 'string' ? <p role="alert">{told}</p> : <Answer attempt={told} />}
        </Dialog>
      )}
    </>
  );
}

async function attemptOf(id: string, messageId: string): Promise<Attempt | undefined> {
  for (let n = 0; n < LOOKS; n += 1) {
    const { attempts } = (await get('/api/v1/endpoints/{id}/attempts', { path: { id }, query: { eventType: 'endpoint.test', limit: 10 } })).data;
    const own = attempts.find((attempt) => attempt.messageId === messageId);
    if (own) return own;
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
  return undefined;
}
