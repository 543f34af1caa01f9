import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';

export type Theme = 'auto' | 'light' | 'dark';

/** What a viewer chose; kept in this browser. */
export interface Prefs {
  theme: Theme;
  /** IANA name; empty: the browser's own. */
  timeZone: string;
  /** Whose data an administrator looks at, by slug; empty: all. */
  company: string;
}

const KEY = 'netbanx.dashboard';
const DEFAULTS: Prefs = { theme: 'auto', timeZone: '', company: '' };

function load(): Prefs {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return { ...DEFAULTS, ...(kept as Partial<Prefs>) };
  } catch {
    return DEFAULTS;
  }
}

export interface PrefsStore {
  prefs: Prefs;
  set: (change: Partial<Prefs>) => void;
}

export const PrefsContext = createContext<PrefsStore>({ prefs: DEFAULTS, set: () => {} });

export function usePrefs(): PrefsStore {
  return useContext(PrefsContext);
}

export function usePrefsStore(): PrefsStore {
  const [prefs, setPrefs] = useState(load);
  useEffect(() => {
    document.documentElement.dataset['theme'] = prefs.theme;
    try {
      localStorage.setItem(KEY, JSON.stringify(prefs));
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  }, [prefs]);
  return { prefs, set: (change) => setPrefs((old) => ({ ...old, ...change })) };
}

export function timeZones(): string[] {
  const all = (Intl as { supportedValuesOf?: (key: string) => string[] }).supportedValuesOf?.('timeZone') ?? [];
  return ['UTC', ...all.filter((zone) => zone !== 'UTC')];
}
