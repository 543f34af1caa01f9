import { useState } from 'preact/hooks';
import { messageOf, post, remove, type Schemas } from '../../api/client';
import { useQuery } from '../../api/query';
import { milliseconds, span, useTimes, words } from '../../format/format';
import { useSession } from '../../session';
import { t } from '../../texts';
import { Confirm, Dialog, Once } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
import { Badge, Card, Code, Copied, Empty, Select } from '../../ui/parts';
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
    <Listed query={query} rows={receivers} empty={<Empty title={t.settings.noReceivers}>{t.settings.addCompany}</Empty>}>
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
  const name = t.settings.receiverOf(words(receiver.endpoint), receiver.company?.name ?? null);

  const revoke = (key: Key) =>
    act(t.settings.keyEnded(key.version), () =>
      remove('/api/v1/receivers/{endpoint}/keys/{version}', {
        path: { endpoint: receiver.endpoint, version: key.version },
        query: { company: receiver.company?.slug },
      }),
    ).then((done) => done && onChanged());

  return (
    <Card title={name} aside={<Badge status={active.length === 0 ? 'no-key' : active.length === 1 ? 'active' : 'ending'} />}>
      <div class="copied"><code class="break">{url}</code><Copied text={url} label={t.common.copyUrl} /></div>
      {receiver.keys.length === 0 && <p class="hint">{t.settings.noKey}</p>}
      <ul class="keys">
        {receiver.keys.map((key) => (
          <li key={key.version}>
            <span><strong>{t.settings.key(key.version)}</strong> ({key.encoding}) · {state(key, times.full)}</span>
            {key.isActive && <button type="button" class="small" onClick={() => setEnded(key)}>{t.settings.endNow}<span class="unseen"> {t.settings.theKey(key.version)}</span></button>}
          </li>
        ))}
      </ul>
      <div class="actions">
        {active.length > 0 && <TestButton receiver={receiver} />}
        <button type="button" onClick={() => setRotating(true)}>{active.length > 0 ? t.settings.rotateKey : t.settings.setKey}</button>
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
        <Dialog title={t.settings.newKey} onClose={() => setMade(undefined)}>
          <Once onKept={() => setMade(undefined)}>
            <p>{t.settings.newKeyHint}</p>
            <Code>{made}</Code>
          </Once>
        </Dialog>
      )}
      {ended && (
        <Confirm
          title={t.settings.endAsk(ended.version)}
          text={t.settings.endWhat}
          action={t.settings.endIt}
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
  if (!key.isActive) return t.settings.keyState.ended(time(key.activeUntil));
  return key.activeUntil ? t.settings.keyState.ends(time(key.activeUntil)) : t.settings.keyState.active(time(key.activeFrom));
}

function Rotate({ receiver, onClose, onDone }: { receiver: Receiver; onClose: () => void; onDone: (key: string | null | undefined) => void }) {
  const [key, setKey] = useState('');
  const [encoding, setEncoding] = useState('utf8');
  const [grace, setGrace] = useState('24');
  const hasKey = receiver.keys.some((own) => own.isActive);
  const { submit, problem, isBusy } = useSubmit(async () => {
    const set = await post(
      '/api/v1/receivers/{endpoint}/keys',
      { company: receiver.company?.slug, key: key || undefined, encoding, graceHours: Number(grace) },
      { path: { endpoint: receiver.endpoint } },
    );
    onDone(set.data.key);
  });
  return (
    <Dialog title={hasKey ? t.settings.rotateKey : t.settings.setKey} onClose={onClose}>
      <form onSubmit={submit}>
        <label class="field">
          <span>{t.settings.portalsKey}</span>
          <input type="password" autocomplete="off" value={key} onInput={(event) => setKey(event.currentTarget.value)} />
        </label>
        <Select label={t.settings.encoding} value={encoding} options={[['utf8', t.settings.asText], ['base64', t.settings.base64], ['hex', t.settings.hexadecimal]]} onChange={setEncoding} />
        {hasKey && (
          <Select
            label={t.settings.graceFor}
            value={grace}
            options={[['0', t.settings.noGrace], ['1', span(1, 'hour')], ['24', span(24, 'hour')], ['168', span(7, 'day')], ['720', span(30, 'day')]]}
            onChange={setGrace}
          />
        )}
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{hasKey ? t.settings.rotate : t.settings.set}</button></div>
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
      setTold({ isGood: answer.ok, text: answer.ok ? t.settings.accepted(took) : t.settings.refused(answer.status, body.detail ?? '') });
      onTested?.();
    } catch (error) {
      // A browser says of its own requests in its own words that nobody answered.
      setTold({ isGood: false, text: error instanceof TypeError ? t.shell.apiAway : messageOf(error) });
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" onClick={test} disabled={isBusy}>{t.settings.sendTest}</button>
      <span role="status" class={told && !told.isGood ? 'problem' : 'hint'}>{told?.text}</span>
      {line && (
        <Dialog title={t.settings.fromShell} onClose={() => setLine(undefined)}>
          <p>{t.settings.fromShellHint}</p>
          <Code>{line}</Code>
        </Dialog>
      )}
    </>
  );
}
