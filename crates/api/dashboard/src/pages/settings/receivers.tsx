import { useState } from 'preact/hooks';
import { messageOf, post, remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { milliseconds, useTimes, words } from '../../format/format';
import { useSession } from '../../session';
import { Badge, Card, Code, Confirm, Copied, Dialog, Empty, Select } from '../../ui/parts';
import { Listed } from '../../ui/table';
import { useAction } from '../../ui/toasts';

type Receiver = Schemas['Receiver'];
type Key = Receiver['keys'][number];

/** What is pasted into the portal; ingress shares this page's address where no other is set. */
export function urlOfReceiver(receiver: { url?: string | null; path: string }): string {
  return receiver.url ?? `${location.origin}${receiver.path}`;
}

export function Receivers() {
  const { company } = useSession();
  const query = useQuery('/api/v1/receivers', { query: { company } });
  const receivers = query.data?.data.receivers;
  return (
    <Listed query={query} rows={receivers} empty={<Empty title="No receivers">An operator adds a company: netbanx company add.</Empty>}>
      <div class="columns even">
        {receivers?.map((receiver) => <One key={receiver.path} receiver={receiver} onChanged={query.reload} />)}
      </div>
    </Listed>
  );
}

function One({ receiver, onChanged }: { receiver: Receiver; onChanged: () => void }) {
  const times = useTimes();
  const act = useAction();
  const [isRotating, setRotating] = useState(false);
  const [made, setMade] = useState<string>();
  const [ended, setEnded] = useState<Key>();
  const active = receiver.keys.filter((key) => key.isActive);
  const url = urlOfReceiver(receiver);
  const name = `${words(receiver.endpoint)}${receiver.company ? ` · ${receiver.company.name}` : ' · default'}`;

  const revoke = (key: Key) =>
    act(`Key ${key.version} ended`, () =>
      remove('/api/v1/receivers/{endpoint}/keys/{version}', {
        path: { endpoint: receiver.endpoint, version: key.version },
        query: { company: receiver.company?.slug },
      }),
    ).then((done) => done && onChanged());

  return (
    <Card title={name} aside={<Badge status={active.length === 0 ? 'no key' : active.length === 1 ? 'active' : 'ending'} />}>
      <div class="copied"><code class="break">{url}</code><Copied text={url} label="Copy URL" /></div>
      {receiver.keys.length === 0 && <p class="hint">No key yet: everything that is sent here is refused.</p>}
      <ul class="keys">
        {receiver.keys.map((key) => (
          <li key={key.version}>
            <span><strong>Key {key.version}</strong> ({key.encoding}) · {state(key, times.full)}</span>
            {key.isActive && <button type="button" class="small" onClick={() => setEnded(key)}>End now<span class="unseen"> key {key.version}</span></button>}
          </li>
        ))}
      </ul>
      <div class="actions">
        {active.length > 0 && <TestButton receiver={receiver} />}
        <button type="button" onClick={() => setRotating(true)}>{active.length > 0 ? 'Rotate key' : 'Set a key'}</button>
      </div>
      {isRotating && (
        <Rotate
          receiver={receiver}
          onClose={() => setRotating(false)}
          onDone={(key) => {
            setRotating(false);
            setMade(key ?? undefined);
            onChanged();
          }}
        />
      )}
      {made && (
        <Dialog title="The new key" onClose={() => setMade(undefined)}>
          <p>Enter it in the Netbanx portal now. It is shown this once and kept encrypted.</p>
          <Code>{made}</Code>
        </Dialog>
      )}
      {ended && (
        <Confirm
          title={`End key ${ended.version}?`}
          text="Webhooks signed with it are refused from now on."
          action="End it"
          onDone={(confirmed) => {
            setEnded(undefined);
            if (confirmed) void revoke(ended);
          }}
        />
      )}
    </Card>
  );
}

function state(key: Key, time: (at: string | null | undefined) => string): string {
  if (!key.isActive) return `ended ${time(key.activeUntil)}`;
  return key.activeUntil ? `ends ${time(key.activeUntil)}` : `active since ${time(key.activeFrom)}`;
}

function Rotate({ receiver, onClose, onDone }: { receiver: Receiver; onClose: () => void; onDone: (key: string | null | undefined) => void }) {
  const [key, setKey] = useState('');
  const [encoding, setEncoding] = useState('utf8');
  const [grace, setGrace] = useState('24');
  const [problem, setProblem] = useState('');
  const hasKey = receiver.keys.some((own) => own.isActive);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      const set = await post(
        '/api/v1/receivers/{endpoint}/keys',
        { company: receiver.company?.slug, key: key || undefined, encoding, graceHours: Number(grace) },
        { path: { endpoint: receiver.endpoint } },
      );
      onDone(set.data.key);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return (
    <Dialog title={hasKey ? 'Rotate key' : 'Set a key'} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field">
          <span>The portal's key (empty: a new one is made)</span>
          <input type="password" autocomplete="off" value={key} onInput={(event) => setKey(event.currentTarget.value)} />
        </label>
        <Select label="Encoding" value={encoding} options={[['utf8', 'Text, as it is'], ['base64', 'Base64'], ['hex', 'Hexadecimal']]} onChange={setEncoding} />
        {hasKey && (
          <Select
            label="Previous key stays active for"
            value={grace}
            options={[['0', 'no time: it ends now'], ['1', '1 hour'], ['24', '24 hours'], ['168', '7 days'], ['720', '30 days']]}
            onChange={setGrace}
          />
        )}
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary">{hasKey ? 'Rotate' : 'Set'}</button></div>
      </form>
    </Dialog>
  );
}

/** Sends a signed webhook to the receiver's own URL, as the portal would, and tells what it answered. */
export function TestButton({ receiver, onTested }: { receiver: Receiver; onTested?: () => void }) {
  const [told, setTold] = useState<{ isGood: boolean; text: string }>();
  const [line, setLine] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const test = async () => {
    setBusy(true);
    try {
      const webhook = (await post('/api/v1/receivers/{endpoint}/test', { company: receiver.company?.slug }, { path: { endpoint: receiver.endpoint } })).data;
      if (new URL(urlOfReceiver(webhook)).origin !== location.origin) {
        // This page may talk to its own host alone.
        setLine(`curl -H 'Content-Type: application/json' -H 'Signature: ${webhook.signature}' -d '${webhook.body}' ${urlOfReceiver(webhook)}`);
        setBusy(false);
        return;
      }
      const begun = performance.now();
      const answer = await fetch(urlOfReceiver(webhook), {
        method: 'POST',
        headers: { 'content-type': 'application/json', signature: webhook.signature },
        body: webhook.body,
        credentials: 'omit',
      });
      const took = milliseconds(performance.now() - begun);
      const body = (await answer.json().catch(() => ({}))) as { detail?: string };
      setTold({ isGood: answer.ok, text: answer.ok ? `Accepted in ${took}` : `Refused with ${answer.status}: ${body.detail ?? ''}` });
      onTested?.();
    } catch (error) {
      setTold({ isGood: false, text: messageOf(error) });
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" onClick={test} disabled={isBusy}>Send a test</button>
      <span role="status" class={told && !told.isGood ? 'problem' : 'hint'}>{told?.text}</span>
      {line && (
        <Dialog title="Send it from a shell" onClose={() => setLine(undefined)}>
          <p>Ingress is at another address than this page. The webhook is signed with the newest key and of mode test.</p>
          <Code>{line}</Code>
        </Dialog>
      )}
    </>
  );
}
