import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { endSession, get, messageOf, Problem, setCsrf, whenSignedOut } from './api/client';
import { Live, LiveContext } from './api/live';
import { isZone } from './format/format';
import { PrefsContext, usePrefs, usePrefsStore } from './format/prefs';
import { lazy } from './lazy';
import { href, navigate, useRoute } from './router';
import { SessionContext, type Company, type Identity, type Session } from './session';
import { Shell } from './shell';
import { SignIn } from './pages/sign-in';
import { t } from './texts';
import { Toasts, useToast } from './ui/toasts';

const Enrolling = lazy(async () => (await import('./pages/account/enrolling')).Enrolling);

export function App() {
  const prefs = usePrefsStore();
  return (
    <PrefsContext.Provider value={prefs}>
      <Toasts>
        <Gate />
      </Toasts>
    </PrefsContext.Provider>
  );
}

type Known = { state: 'asking' } | { state: 'nobody'; hasEnded?: boolean } | { state: 'away'; why: string } | { state: 'enrolling'; identity: Identity } | { state: 'in'; identity: Identity; companies: Company[] };

/** Nobody is signed in any more, or yet; whoever was is told that their session ended. */
function nobody(before: Known): Known {
  return before.state === 'nobody' ? before : { state: 'nobody', hasEnded: before.state === 'in' || before.state === 'enrolling' };
}

/** Who is signed in: the page of sign-in, or the dashboard. */
function Gate() {
  const [known, setKnown] = useState<Known>({ state: 'asking' });

  const ask = useCallback(async () => {
    try {
      const identity = (await get('/api/v1/session')).data;
      setCsrf(identity.csrfToken ?? null);
      if (identity.mustEnrol) {
        setKnown({ state: 'enrolling', identity });
        return;
      }
      const companies = (await get('/api/v1/companies')).data.companies;
      setKnown({ state: 'in', identity, companies });
    } catch (error) {
      const isRefused = error instanceof Problem && error.status === 401;
      setKnown((before) => (isRefused ? nobody(before) : { state: 'away', why: messageOf(error) }));
    }
  }, []);

  useEffect(() => {
    whenSignedOut(() => setKnown(nobody));
    void ask();
  }, []);
  useEffect(() => {
    if (known.state !== 'away') return undefined;
    const again = setTimeout(ask, 3_000);
    return () => clearTimeout(again);
  }, [known]);

  if (known.state === 'asking') return <main class="alone" aria-busy="true" />;
  if (known.state === 'away') {
    return (
      <main class="alone">
        <h1>{t.shell.notReachable}</h1>
        <p role="alert">{t.shell.triedAgain(known.why)}</p>
        <button type="button" onClick={ask}>{t.shell.tryNow}</button>
      </main>
    );
  }
  if (known.state === 'nobody') return <SignIn hasEnded={known.hasEnded} onSignedIn={ask} />;
  if (known.state === 'enrolling') {
    return <Enrolling identity={known.identity} onDone={ask} onSignedOut={() => setKnown({ state: 'nobody' })} />;
  }
  const { identity, companies } = known;
  return <SignedIn key={identity.actor} identity={identity} companies={companies} onSignedOut={() => setKnown({ state: 'nobody' })} onChanged={ask} />;
}

/** Whether the session has ended, or is of somebody else than that actor. What is not known has not. */
async function hasChanged(actor: string): Promise<boolean> {
  try {
    return (await get('/api/v1/session')).data.actor !== actor;
  } catch (error) {
    return error instanceof Problem && error.status === 401;
  }
}

function SignedIn({ identity, companies, onSignedOut, onChanged }: {
  identity: Identity;
  companies: Company[];
  onSignedOut: () => void;
  /** The session has ended, or is somebody else's: perhaps by another tab. */
  onChanged: () => void;
}) {
  const { prefs } = usePrefs();
  const tell = useToast();
  const isAdministrator = !identity.companyId;
  const find = (slug: string | undefined) => (isAdministrator ? companies.find((company) => company.slug === slug)?.slug : undefined);
  // Whose data is looked at stands in the address, so that tabs do not change each other's and a link shows the same to others. An
  // address that says nothing at all begins with the company of the last time.
  useState(() => {
    const last = location.hash ? undefined : find(prefs.company);
    if (last) navigate(href('', null, { company: last }), true);
  });
  const chosen = find(useRoute().query['company']);
  const { actor } = identity;
  const live = useMemo(() => {
    // All else that a loss may mean is told by the state of the connection.
    const lost = async () => {
      if (!(await hasChanged(actor))) return;
      made.end();
      onChanged();
    };
    const made: Live = new Live(actor, chosen, { onLost: lost, onEnded: onChanged });
    return made;
  }, [actor, chosen]);
  const session = useMemo<Session>(() => {
    const one = companies.find((company) => (chosen ? company.slug === chosen : company.id === identity.companyId));
    const names = new Map(companies.map((company) => [company.id, company.name]));
    return {
      identity,
      companies,
      isAdministrator,
      company: chosen,
      zone: one?.timeZone && isZone(one.timeZone) ? one.timeZone : undefined,
      reload: onChanged,
      may: (permission) => identity.permissions.includes(permission),
      isOfCompany: (id) => !chosen || id === one?.id,
      nameOf: (id) => (id ? (names.get(id) ?? id) : t.common.noCompany),
      signOut: () => {
        void endSession().then(
          () => {
            live.end();
            onSignedOut();
          },
          (error) => tell(t.shell.stillSignedIn(messageOf(error)), true),
        );
      },
    };
  }, [identity, companies, live]);

  const mayFollow = session.may('read:transactions');
  useEffect(() => {
    if (mayFollow) live.open();
    return () => live.close();
  }, [live]);

  return (
    <SessionContext.Provider value={session}>
      <LiveContext.Provider value={live}>
        <Shell />
      </LiveContext.Provider>
    </SessionContext.Provider>
  );
}
