import { useEffect, useRef, useState } from 'preact/hooks';
import { useLiveState } from './api/live';
import { words } from './format/format';
import { language } from './format/language';
import { timeZones, usePrefs, type Theme } from './format/prefs';
import { lazy, type Lazy } from './lazy';
import { changeQuery, href, navigate, useRoute } from './router';
import { useSession } from './session';
import { t } from './texts';
import { LanguageChoice } from './ui/language';
import { Dialog } from './ui/dialog';
import { Empty, Select } from './ui/parts';

interface Page {
  name: string;
  title: () => string;
  permission: string;
  key: string;
  icon: string;
  view: Lazy<object>;
}

/** The overview says what is there from the beginning. */
const firstTexts = async () => {};

/** In the order of the navigation. What one may not see is not offered. */
const PAGES: Page[] = [
  { name: '', title: () => t.shell.overview, permission: 'read:analytics', key: 'o', icon: 'M3 12l6-6 4 4 7-7M3 20h18', view: lazy(async () => (await import('./pages/overview')).Overview, firstTexts) },
  { name: 'transactions', title: () => t.common.transactions, permission: 'read:transactions', key: 't', icon: 'M4 7h13l-3-3M20 17H7l3 3', view: lazy(async () => (await import('./pages/transactions')).Transactions) },
  { name: 'accounts', title: () => t.common.accounts, permission: 'read:accounts', key: 'a', icon: 'M12 11a4 4 0 100-8 4 4 0 000 8zM4 21a8 8 0 0116 0', view: lazy(async () => (await import('./pages/accounts')).Accounts) },
  { name: 'webhooks', title: () => t.common.webhooks, permission: 'read:events', key: 'w', icon: 'M4 6h16v12H4zM4 7l8 6 8-6', view: lazy(async () => (await import('./pages/webhooks')).Webhooks) },
  { name: 'reconciliation', title: () => t.shell.reconciliation, permission: 'read:transactions', key: 'r', icon: 'M4 7h9M4 12h6M4 17h9M15 13l3 3 4-7', view: lazy(async () => (await import('./pages/reconciliation')).Reconciliation) },
  { name: 'endpoints', title: () => t.shell.endpoints, permission: 'manage:secrets', key: 'n', icon: 'M3 12h12M11 8l4 4-4 4M19 4v16', view: lazy(async () => (await import('./pages/endpoints')).Endpoints) },
  { name: 'queue', title: () => t.shell.queue, permission: 'manage:queue', key: 'q', icon: 'M4 6h16M4 12h16M4 18h10', view: lazy(async () => (await import('./pages/queue')).Queue) },
  { name: 'system', title: () => t.shell.system, permission: 'admin', key: 's', icon: 'M3 12h4l3-8 4 16 3-8h4', view: lazy(async () => (await import('./pages/system')).System) },
  { name: 'settings', title: () => t.shell.settings, permission: 'manage:secrets', key: 'e', icon: 'M14 7a5 5 0 105 5M12 12l8-8M17 7l2 2', view: lazy(async () => (await import('./pages/settings')).Settings) },
];

/** Everybody's; it is reached by their name. */
const OWN: Page = { name: 'account', title: () => t.shell.ownAccount, permission: '', key: '', icon: '', view: lazy(async () => (await import('./pages/account')).Account) };

/** Loads a page that is likely to be shown. */
export function preload(name: string): void {
  [...PAGES, OWN].find((page) => page.name === name)?.view.load();
}

export function Shell() {
  const session = useSession();
  const route = useRoute();
  const [isOpen, setOpen] = useState(false);
  const [showKeys, setShowKeys] = useState(false);
  const main = useRef<HTMLElement>(null);
  const pages = PAGES.filter((page) => session.may(page.permission));
  // Who may see little has a first page all the same: where the overview is none of theirs, the first that is.
  const first = pages[0] ?? OWN;
  const page = [...pages, OWN].find((own) => own.name === route.page) ?? (route.page === '' ? first : undefined);

  useShortcuts(pages, () => setShowKeys(true));
  const visited = useRef(0);
  // A reader hears where it is; not at the first page, where nobody moved yet.
  const focusHeading = () => visited.current > 1 && main.current?.querySelector('h1')?.focus();
  useEffect(() => {
    setOpen(false);
    visited.current += 1;
    focusHeading();
  }, [route.page]);
  useEffect(() => {
    document.title = t.shell.title(page?.title() ?? t.shell.notFound);
  }, [page, language]);

  return (
    <div class="shell">
      <a class="skip" href="#content" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>{t.shell.skip}</a>
      <header class="top">
        <button type="button" class="plain menu" aria-expanded={isOpen} aria-controls="navigation" onClick={() => setOpen(!isOpen)}>
          <Icon path="M4 6h16M4 12h16M4 18h16" /><span class="unseen">{t.shell.menu}</span>
        </button>
        <a class="brand" href={href('')} aria-label={t.shell.home}><Logo /><span>{t.shell.brand}</span></a>
        {session.isAdministrator && session.companies.length > 0 && <CompanyChoice />}
        <Connection />
        <Preferences onKeys={() => setShowKeys(true)} />
      </header>
      <nav id="navigation" class={isOpen ? 'open' : ''} aria-label={t.common.pages}>
        <ul>
          {pages.map((own) => (
            <li key={own.name}>
              <a href={href(own.name)} aria-current={own === page ? 'page' : undefined} onPointerEnter={own.view.load} onFocus={own.view.load}><Icon path={own.icon} />{own.title()}</a>
            </li>
          ))}
        </ul>
      </nav>
      <main ref={main} id="content" tabIndex={-1}>
        {page ? <page.view key={`${page.name} ${session.company ?? ''}`} onShown={focusHeading} /> : (
          <>
            <h1 tabIndex={-1}>{t.shell.notFound}</h1>
            <Empty title={t.shell.noSuchPage}><a href={href(first.name)}>{t.shell.goTo(first.title())}</a></Empty>
          </>
        )}
      </main>
      {showKeys && <Keys pages={pages} onClose={() => setShowKeys(false)} />}
    </div>
  );
}

function CompanyChoice() {
  const { companies, company } = useSession();
  const { set } = usePrefs();
  const options = [['', t.common.allCompanies], ...companies.map((own) => [own.slug, own.name] as const)] as const;
  const choose = (slug: string) => {
    set({ company: slug });
    changeQuery({ company: slug });
  };
  return <Select hidden label={t.common.company} value={company ?? ''} options={options} onChange={choose} />;
}

/** Whether news come; when they do not, since when it is tried again. */
function Connection() {
  const { state, retryAt, retry } = useLiveState();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (state !== 'lost') return undefined;
    const beat = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(beat);
  }, [state]);
  const seconds = Math.max(0, Math.ceil((retryAt - now) / 1000));
  return (
    <div class={`connection ${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      {state === 'live' && <span>{t.shell.streaming}</span>}
      {state === 'connecting' && <span>{t.shell.connecting}</span>}
      {state === 'lost' && (
        <>
          <span>{t.shell.lost}<span class="wide">{t.shell.againIn(seconds)}</span></span>
          <button type="button" class="small" onClick={retry}>{t.shell.retryNow}</button>
        </>
      )}
    </div>
  );
}

function Preferences({ onKeys }: { onKeys: () => void }) {
  const { identity, signOut } = useSession();
  const { prefs, set } = usePrefs();
  const [isOpen, setOpen] = useState(false);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <>
      <button type="button" class="plain account" onClick={() => setOpen(true)}>
        <Icon path="M12 11a4 4 0 100-8 4 4 0 000 8zM4 21a8 8 0 0116 0" />
        <span class="wide">{identity.email ?? identity.actor}</span>
        <span class="unseen">{t.shell.preferences}</span>
      </button>
      {isOpen && (
        <Dialog title={t.shell.preferences} onClose={() => setOpen(false)}>
          <p>{identity.email ?? identity.actor}{identity.role && ` · ${words(identity.role)}`}</p>
          <Select
            label={t.shell.theme}
            value={prefs.theme}
            options={[['auto', t.shell.themeAuto], ['light', t.shell.themeLight], ['dark', t.shell.themeDark]]}
            onChange={(theme) => set({ theme: theme as Theme })}
          />
          <Select
            label={t.common.timeZone}
            value={prefs.timeZone}
            options={[['', t.shell.browserZone(zone)], ...timeZones().map((name) => [name, name] as const)]}
            onChange={(timeZone) => set({ timeZone })}
          />
          <LanguageChoice />
          <div class="actions">
            <a class="button" href={href(OWN.name)} onPointerEnter={OWN.view.load} onFocus={OWN.view.load} onClick={() => setOpen(false)}>{t.shell.ownAccount}</a>
            <button type="button" onClick={() => { setOpen(false); onKeys(); }}>{t.shell.keyboard}</button>
            <button type="button" onClick={() => { setOpen(false); signOut(); }}>{t.common.signOut}</button>
          </div>
        </Dialog>
      )}
    </>
  );
}

/** `g` and a letter go to a page, `/` to the search, `?` tells all of it. */
function useShortcuts(pages: Page[], onHelp: () => void): void {
  useEffect(() => {
    let isGoing = false;
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest('input, select, textarea, dialog')) return;
      const page = isGoing ? pages.find((own) => own.key === event.key) : undefined;
      isGoing = event.key === 'g';
      if (page) navigate(href(page.name));
      else if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('[data-search]');
        if (search) {
          event.preventDefault();
          search.focus();
        }
      } else if (event.key === '?') onHelp();
      else if (event.key === 'j' || event.key === 'k') step(event.key === 'j' ? 1 : -1);
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [pages.map((page) => page.name).join()]);
}

/** From row to row of the page's table. */
function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('tbody tr a, tbody tr button.link')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  rows[at === -1 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))]?.focus();
}

function Keys({ pages, onClose }: { pages: Page[]; onClose: () => void }) {
  const keys: [string, string][] = [
    ...pages.map((page): [string, string] => [`g ${page.key}`, page.title()]),
    ['/', t.shell.keySearch],
    ['j, k', t.shell.keyRows],
    [t.shell.keyEnter, t.shell.keyOpen],
    [t.shell.keyEscape, t.shell.keyClose],
    ['?', t.shell.keyHelp],
  ];
  return (
    <Dialog title={t.shell.keyboard} onClose={onClose}>
      <dl class="facts">{keys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
    </Dialog>
  );
}

function Icon({ path }: { path: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path d="M7 21l6-7 5 4 7-9" fill="none" stroke="var(--on-accent)" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
