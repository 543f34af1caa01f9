import { t } from '../../texts';
import { Dialog, Once } from '../../ui/dialog';
import { Code } from '../../ui/parts';

// Not a text: a program.
const NODE = `// npm install standardwebhooks
import { Webhook } from "standardwebhooks";
const event = new Webhook(secret).verify(body, headers);`;

// Not a text: a program.
const PYTHON = `# pip install standardwebhooks
from standardwebhooks import Webhook
event = Webhook(secret).verify(body, headers)`;

/** An endpoint's new key, and what the other end does with it. */
export function Secret({ secret, isRotated = false, onClose }: { secret: string; isRotated?: boolean; onClose: () => void }) {
  return (
    <Dialog title={t.endpoints.keyTitle} onClose={onClose}>
      <Once onKept={onClose}>
        <p>
          {t.endpoints.keyHint}
          {isRotated && ` ${t.endpoints.keyRotated}`}
        </p>
        <Code wrap>{secret}</Code>
        <details>
          <summary>{t.endpoints.howToVerify}</summary>
          <p class="hint">
            {t.endpoints.verify(
              <a href="https://www.standardwebhooks.com" target="_blank" rel="noreferrer">{t.endpoints.standard}</a>,
              <code>webhook-id</code>,
            )}
          </p>
          <h3>{t.endpoints.node}</h3>
          <Code wrap>{NODE}</Code>
          <h3>{t.endpoints.python}</h3>
          <Code wrap>{PYTHON}</Code>
        </details>
      </Once>
    </Dialog>
  );
}
