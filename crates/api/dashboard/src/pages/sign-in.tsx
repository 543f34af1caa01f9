import { useState } from 'preact/hooks';
import { messageOf, post } from '../api/client';
import { Logo } from '../shell';

export function SignIn({ onSignedIn }: { onSignedIn: () => Promise<void> }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem('');
    try {
      await post('/api/v1/session', { email, password });
      await onSignedIn();
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };

  return (
    <main class="alone">
      <Logo />
      <h1>Sign in</h1>
      <form onSubmit={submit}>
        <label class="field">
          <span>E-mail</span>
          <input type="email" name="email" required autocomplete="username" value={email} onInput={(event) => setEmail(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            type="password"
            name="password"
            required
            autocomplete="current-password"
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <p role="alert" class="problem">{problem}</p>
        <button type="submit" class="primary" disabled={isBusy}>{isBusy ? 'Signing in…' : 'Sign in'}</button>
      </form>
      <p class="hint">No account yet? An operator adds one: <code>netbanx user add --help</code></p>
    </main>
  );
}
