import { useEffect, useRef, useState } from 'preact/hooks';
import { get, messageOf, post, Problem } from '../api/client';
import { href, navigate, useRoute } from '../router';
import { Logo } from '../shell';
import { t } from '../texts';
import { LanguageChoice } from '../ui/language';

/** What the address says where the provider's sign-in led back here. */
const refusals = (): Record<string, string> => ({
  'provider-refused': t.shell.providerRefused,
  'provider-unavailable': t.shell.providerAway,
});

/** What is wrong with what was entered, in the language of the page; anything else as the API says it. */
function sayRefused(error: unknown): string {
  const kind = error instanceof Problem ? error.kind : '';
  return kind === 'sign-in-failed' ? t.shell.signInWrong : kind === 'second-factor-wrong' ? t.shell.codeWrong : messageOf(error);
}

/** `hasEnded` where somebody was signed in until now. */
export function SignIn({ hasEnded = false, onSignedIn }: { hasEnded?: boolean; onSignedIn: () => Promise<void> }) {
  const { query } = useRoute();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [needsCode, setNeedsCode] = useState(false);
  const [problem, setProblem] = useState(query.problem ? (refusals()[query.problem] ?? t.shell.signInFailed) : hasEnded ? t.shell.sessionEnded : '');
  const [isBusy, setBusy] = useState(false);
  const [hasProvider, setHasProvider] = useState(false);
  const codeField = useRef<HTMLInputElement>(null);

  useEffect(() => {
    // Without an answer there is the password all the same.
    get('/api/v1/session/methods').then((methods) => setHasProvider(methods.data.oidc), () => {});
  }, []);
  useEffect(() => {
    if (needsCode) codeField.current?.focus();
  }, [needsCode]);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem('');
    try {
      await post('/api/v1/session', { email, password, code: needsCode ? code : undefined });
      if (query.problem) navigate(href(''), true);
      await onSignedIn();
    } catch (error) {
      const kind = error instanceof Problem ? error.kind : '';
      if (kind === 'second-factor-required') setNeedsCode(true);
      else setProblem(sayRefused(error));
      if (kind === 'second-factor-wrong') setCode('');
      // The password is asked for again, too: it may be that one.
      if (kind === 'sign-in-failed') setNeedsCode(false);
      setBusy(false);
    }
  };

  return (
    <main class="alone">
      <Logo />
      <h1>{t.shell.signIn}</h1>
      <form onSubmit={submit}>
        <label class="field">
          <span>{t.common.email}</span>
          <input type="email" name="email" required autocomplete="username" value={email} onInput={(event) => setEmail(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t.common.password}</span>
          <input
            type="password"
            name="password"
            required
            autocomplete="current-password"
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        {needsCode && (
          <label class="field">
            <span>{t.shell.code}</span>
            <input
              ref={codeField}
              name="code"
              required
              maxLength={64}
              autocomplete="one-time-code"
              spellcheck={false}
              value={code}
              onInput={(event) => setCode(event.currentTarget.value)}
            />
          </label>
        )}
        <p role="alert" class="problem">{problem}</p>
        <button type="submit" class="primary" disabled={isBusy}>{isBusy ? t.shell.signingIn : t.shell.signIn}</button>
        {hasProvider && <a class="button" href="/api/v1/session/oidc">{t.shell.signInByProvider}</a>}
      </form>
      <p class="hint">{t.shell.noAccount}{' '}<code>netbanx user add --help</code></p>
      <LanguageChoice />
    </main>
  );
}
