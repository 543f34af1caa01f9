import { href, useRoute } from '../router';
import { useSession } from '../session';
import { Alerts } from './settings/alerts';
import { Audit } from './settings/audit';
import { Companies } from './settings/companies';
import { Receivers } from './settings/receivers';
import { Tokens } from './settings/tokens';
import { Users } from './settings/users';

const TABS = [
  ['receivers', 'Receivers', Receivers],
  ['tokens', 'API tokens', Tokens],
  ['users', 'Users', Users],
  ['companies', 'Companies', Companies],
  ['alerts', 'Alerts', Alerts],
  ['audit', 'Audit log', Audit],
] as const;

export function Settings() {
  const { id } = useRoute();
  const { company } = useSession();
  const [name, , View] = TABS.find(([own]) => own === id) ?? TABS[0];
  return (
    <>
      <h1 tabIndex={-1}>Settings</h1>
      <nav class="tabs" aria-label="Settings">
        {TABS.map(([own, title]) => <a key={own} href={href('settings', own)} aria-current={own === name ? 'page' : undefined}>{title}</a>)}
      </nav>
      <View key={company ?? ''} />
    </>
  );
}
