import { endSession, messageOf } from '../../api/client';
import type { Identity } from '../../session';
import { Logo } from '../../shell';
import { t } from '../../texts';
import { LanguageChoice } from '../../ui/language';
import { useToast } from '../../ui/toasts';
import { SetUp } from './set-up';

/** All that is open to somebody of whom a second factor is demanded and who has none yet. */
export function Enrolling({ identity, onDone, onSignedOut }: { identity: Identity; onDone: () => Promise<void>; onSignedOut: () => void }) {
  const tell = useToast();
  const signOut = () => void endSession().then(onSignedOut, (error) => tell(t.shell.stillSignedIn(messageOf(error)), true));
  return (
    <main class="alone">
      <Logo />
      <h1>{t.account.setUpFactor}</h1>
      <p>{t.account.demanded(identity.email ?? identity.actor)}</p>
      <SetUp onDone={() => void onDone()} />
      <button type="button" class="plain" onClick={signOut}>{t.common.signOut}</button>
      <LanguageChoice />
    </main>
  );
}
