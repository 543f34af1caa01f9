import { useEffect, useState } from 'preact/hooks';
import { messageOf, post } from '../../api/client';
import { Code } from '../../ui/parts';

interface Secret {
  secret: string;
  otpauthUri: string;
}

/** The password, then the secret for one's app, then its first code, then the recovery codes. */
export function SetUp({ onDone }: { onDone: () => void }) {
  const [password, setPassword] = useState('');
  const [secret, setSecret] = useState<Secret>();
  const [code, setCode] = useState('');
  const [codes, setCodes] = useState<string[]>();
  const [problem, setProblem] = useState('');
  const step = (work: () => Promise<void>) => async (event: Event) => {
    event.preventDefault();
    setProblem('');
    try {
      await work();
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  const begin = step(async () => setSecret((await post('/api/v1/account/second-factor', { password })).data));
  const confirm = step(async () => setCodes((await post('/api/v1/account/second-factor/confirm', { code })).data.recoveryCodes));

  if (codes) return <RecoveryCodes codes={codes} onDone={onDone} />;
  if (!secret) {
    return (
      <form onSubmit={begin}>
        <label class="field">
          <span>Your password</span>
          <input type="password" required autocomplete="current-password" value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary">Continue</button></div>
      </form>
    );
  }
  return (
    <form onSubmit={confirm}>
      <p>Scan this with an authenticator app, or type the key into it. Both are shown this once.</p>
      <Qr text={secret.otpauthUri} />
      <Code>{secret.secret}</Code>
      <p><a href={secret.otpauthUri}>Open in an app on this device</a></p>
      <label class="field">
        <span>The code that the app shows now</span>
        <input required maxLength={10} inputMode="numeric" autocomplete="one-time-code" value={code} onInput={(event) => setCode(event.currentTarget.value)} />
      </label>
      <p role="alert" class="problem">{problem}</p>
      <div class="actions"><button type="submit" class="primary">Turn on</button></div>
    </form>
  );
}

/** Shown once. */
export function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  return (
    <>
      <p>If you lose your phone, each of these codes signs you in once. Keep them where your phone is not; they are shown this once.</p>
      <Code>{codes.join('\n')}</Code>
      <div class="actions"><button type="button" class="primary" onClick={onDone}>I have kept them</button></div>
    </>
  );
}

/** Drawn here; nobody else learns the text. What draws it is loaded when it is needed. */
function Qr({ text }: { text: string }) {
  const [path, setPath] = useState<{ d: string; size: number }>();
  useEffect(() => {
    void import('uqr').then(({ encode }) => {
      const { data, size } = encode(text, { border: 2 });
      setPath({ d: data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join(''), size });
    });
  }, [text]);
  if (!path) return null;
  return (
    <svg class="qr" role="img" aria-label="QR code of the key below" viewBox={`0 0 ${path.size} ${path.size}`} shape-rendering="crispEdges">
      <path d={path.d} fill="#000" />
    </svg>
  );
}
