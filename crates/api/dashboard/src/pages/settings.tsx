import { lazy } from '../lazy';
import { href, useRoute } from '../router';
import { useSession } from '../session';

const TABS = [
  ['receivers', 'Receivers', lazy(async () => (await import('./settings/receivers')).Receivers)],
  ['tokens', 'API tokens', lazy(async () => (await import('./settings/tokens')).Tokens)],
  ['users', 'Users', lazy(async () => (await import('./settings/users')).Users)],
  ['companies', 'Companies', lazy(async () => (await import('./settings/companies')).Companies)],
  ['alerts', 'Alerts', lazy(async () => (await import('./settings/alerts')).Alerts)],
  ['audit', 'Audit log', lazy(async () => (await import('./settings/audit')).Audit)],
] as const;

export function Settings() {
  const { id } = useRoute();
  const { company } = useSession();
  const [name, , View] = TABS.find(([own]) => own === id) ?? TABS[0];
  return (
    <>
      <h1 tabIndex={-1}>Settings</h1>
      <nav class="tabs" aria-label="Settings">
        {TABS.map(([own, title, { load }]) => (
          <a key={own} href={href('settings', own)} aria-current={own === name ? 'page' : undefined} onPointerEnter={load} onFocus={load}>{title}</a>
        ))}
      </nav>
      <View key={`${name} ${company ?? ''}`} />
    </>
  );
}
