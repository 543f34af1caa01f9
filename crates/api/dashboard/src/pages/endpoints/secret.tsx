import { Code, Dialog } from '../../ui/parts';

const NODE = `// npm install standardwebhooks
import { Webhook } from "standardwebhooks";
const event = new Webhook(secret).verify(body, headers);`;

const PYTHON = `# pip install standardwebhooks
from standardwebhooks import Webhook
event = Webhook(secret).verify(body, headers)`;

/** An endpoint's new key, and what the other end does with it. */
export function Secret({ secret, isRotated = false, onClose }: { secret: string; isRotated?: boolean; onClose: () => void }) {
  return (
    <Dialog title="The endpoint’s key" onClose={onClose}>
      <p>
        It is shown this once and kept encrypted. Give it to the system behind the URL, which verifies each message with it.
        {isRotated && ' For a day messages are signed with the previous key, too.'}
      </p>
      <Code wrap>{secret}</Code>
      <details>
        <summary>How to verify</summary>
        <p class="hint">
          Signed by <a href="https://www.standardwebhooks.com" target="_blank" rel="noreferrer">Standard Webhooks</a>: verify the raw body, refuse a
          time more than five minutes off, and remember the <code>webhook-id</code>, since a message may come more than once.
        </p>
        <h3>Node</h3>
        <Code wrap>{NODE}</Code>
        <h3>Python</h3>
        <Code wrap>{PYTHON}</Code>
      </details>
      <div class="actions"><button type="button" class="primary" onClick={onClose}>I have kept it</button></div>
    </Dialog>
  );
}
