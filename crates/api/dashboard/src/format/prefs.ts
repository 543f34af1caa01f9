import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { isLanguage, languageOf, type Language } from './language';

export type Theme = 'auto' | 'light' | 'dark';

/** What a viewer chose; kept in this browser. */
export interface Prefs {
  theme: Theme;
  /** Empty: the first of the browser's languages that the dashboard has. */
  language: Language | '';
  /** IANA name; empty: the browser's own. */
  timeZone: string;
  /** Whose data an administrator last looked at, by slug, for an address that says nothing at all; empty: all. */
  company: string;
  /** The columns that were chosen of a list, by its page; all where there is none. */
  columns: Record<string, string[]>;
}

const KEY = 'netbanx.dashboard';
const DEFAULTS: Prefs = { theme: 'auto', language: '', timeZone: '', company: '', columns: {} };

function load(): Prefs {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return { ...DEFAULTS, ...(kept as Partial<Prefs>) };
  } catch {
    return DEFAULTS;
  }
}

/** The language in which the page begins: the one that was chosen, else the browser's. */
export function firstLanguage(): Language {
  const kept = load().language;
  return isLanguage(kept) ? kept : languageOf(navigator.languages);
}

export interface PrefsStore {
  prefs: Prefs;
  /** What is given changes, or what a function makes of all that is kept by now; the rest stays as other tabs may have set it. */
  set: (change: Partial<Prefs> | ((kept: Prefs) => Partial<Prefs>)) => void;
}

export const PrefsContext = createContext<PrefsStore>({ prefs: DEFAULTS, set: () => {} });

export function usePrefs(): PrefsStore {
  return useContext(PrefsContext);
}

export function usePrefsStore(): PrefsStore {
  const [prefs, setPrefs] = useState(load);
  useEffect(() => {
    document.documentElement.dataset['theme'] = prefs.theme;
  }, [prefs.theme]);
  const set: PrefsStore['set'] = (change) => {
    const kept = load();
    const changed = typeof change === 'function' ? change(kept) : change;
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...kept, ...changed }));
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    setPrefs((old) => ({ ...old, ...changed }));
  };
  return { prefs, set };
}

export function timeZones(): string[] {
  const all = (Intl as { supportedValuesOf?: (key: string) => string[] }).supportedValuesOf?.('timeZone') ?? [];
  return ['UTC', ...all.filter((zone) => zone !== 'UTC')];
}
