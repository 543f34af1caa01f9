import { remove, setCsrf } from '../../api/client';
import type { Identity } from '../../session';
import { Logo } from '../../shell';
import { SetUp } from './set-up';

/** All that is open to somebody of whom a second factor is demanded and who has none yet. */
export function Enrolling({ identity, onDone, onSignedOut }: { identity: Identity; onDone: () => Promise<void>; onSignedOut: () => void }) {
  const signOut = () => {
    void remove('/api/v1/session').catch(() => {}).then(() => {
      setCsrf(null);
      onSignedOut();
    });
  };
  return (
    <main class="alone">
      <Logo />
      <h1>Set up a second factor</h1>
      <p>It is demanded of you, {identity.email ?? identity.actor}: from now on you sign in with your password and a code of an app.</p>
      <SetUp onDone={() => void onDone()} />
      <button type="button" class="plain" onClick={signOut}>Sign out</button>
    </main>
  );
}
