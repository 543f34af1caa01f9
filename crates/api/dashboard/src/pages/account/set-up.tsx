import { useEffect, useState } from 'preact/hooks';
import { post } from '../../api/client';
import { t } from '../../texts';
import { Once } from '../../ui/dialog';
import { useSubmit } from '../../ui/form';
import { Code } from '../../ui/parts';
import { sayWrong } from './wrong';

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
  const { submit, problem, isBusy } = useSubmit(async () => {
    if (secret) setCodes((await post('/api/v1/account/second-factor/confirm', { code })).data.recoveryCodes);
    else setSecret((await post('/api/v1/account/second-factor', { password })).data);
  }, sayWrong);

  if (codes) return <RecoveryCodes codes={codes} onDone={onDone} />;
  if (!secret) {
    return (
      <form onSubmit={submit}>
        <label class="field">
          <span>{t.account.yourPassword}</span>
          <input type="password" required autocomplete="current-password" value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <p role="alert" class="problem">{problem}</p>
        <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{t.account.continue}</button></div>
      </form>
    );
  }
  return (
    <form onSubmit={submit}>
      <p>{t.account.scan}</p>
      <Qr text={secret.otpauthUri} />
      <Code>{secret.secret}</Code>
      <p><a href={secret.otpauthUri}>{t.account.openInApp}</a></p>
      <label class="field">
        <span>{t.account.codeNow}</span>
        <input required maxLength={10} inputMode="numeric" autocomplete="one-time-code" value={code} onInput={(event) => setCode(event.currentTarget.value)} />
      </label>
      <p role="alert" class="problem">{problem}</p>
      <div class="actions"><button type="submit" class="primary" disabled={isBusy}>{t.account.turnOn}</button></div>
    </form>
  );
}

/** Shown once. */
export function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  return (
    <Once kept={t.account.codesKept} onKept={onDone}>
      <p>{t.account.codesHint}</p>
      <Code>{codes.join('\n')}</Code>
    </Once>
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
    <svg class="qr" role="img" aria-label={t.account.qr} viewBox={`0 0 ${path.size} ${path.size}`} shape-rendering="crispEdges">
      <path d={path.d} fill="#000" />
    </svg>
  );
}
