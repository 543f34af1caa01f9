import { lazy } from '../lazy';
import { href, useRoute } from '../router';
import { useSession } from '../session';
import { t } from '../texts';

const TABS = [
  ['receivers', lazy(async () => (await import('./settings/receivers')).Receivers)],
  ['tokens', lazy(async () => (await import('./settings/tokens')).Tokens)],
  ['users', lazy(async () => (await import('./settings/users')).Users)],
  ['companies', lazy(async () => (await import('./settings/companies')).Companies)],
  ['alerts', lazy(async () => (await import('./settings/alerts')).Alerts)],
  ['audit', lazy(async () => (await import('./settings/audit')).Audit)],
] as const;

export function Settings() {
  const { id } = useRoute();
  const { company } = useSession();
  const [name, View] = TABS.find(([own]) => own === id) ?? TABS[0];
  return (
    <>
      <h1 tabIndex={-1}>{t.settings.title}</h1>
      <nav class="tabs" aria-label={t.settings.title}>
        {TABS.map(([own, { load }]) => (
          <a key={own} href={href('settings', own)} aria-current={own === name ? 'page' : undefined} onPointerEnter={load} onFocus={load}>{t.settings[own]}</a>
        ))}
      </nav>
      <View key={`${name} ${company ?? ''}`} />
    </>
  );
}
