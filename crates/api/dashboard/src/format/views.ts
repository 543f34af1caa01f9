import { useEffect, useState } from 'preact/hooks';

/** What a list was filtered by, under a name that somebody gave it. */
export interface View {
  name: string;
  /** What its address says after the `?`: filters, columns. */
  query: Record<string, string>;
}

/** Names of views are at most that long. */
export const NAME_LENGTH = 60;
/** So many views are kept of a list, of each user. */
export const VIEWS = 30;

const KEY = 'netbanx.views';
/** Tells the other components of this tab that views changed; other tabs hear it from the storage. */
const CHANGED = 'netbanx.views.changed';

/** All views of this browser, by user and page. */
type Kept = Record<string, View[]>;

function load(): Kept {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {}) as Kept;
  } catch {
    return {};
  }
}

function isView(one: unknown): one is View {
  const { name, query } = (one ?? {}) as Partial<View>;
  return typeof name === 'string' && typeof query === 'object' && query !== null;
}

/** The views of a user on a page, by their names. */
function viewsOf(key: string): View[] {
  const own: unknown = load()[key];
  return Array.isArray(own) ? own.filter(isView) : [];
}

export interface Views {
  views: readonly View[];
  /** Keeps it, in the place of one of that name; whether it is kept: there may be too many, or no storage. */
  save: (view: View) => boolean;
  remove: (name: string) => void;
}

/** A user's saved views of a page. They are kept in this browser, and written one by one, so that tabs do not undo each other's. */
export function useViews(actor: string, page: string): Views {
  const key = `${actor} ${page}`;
  const [views, setViews] = useState(() => viewsOf(key));
  useEffect(() => {
    const changed = () => setViews(viewsOf(key));
    changed();
    addEventListener('storage', changed);
    addEventListener(CHANGED, changed);
    return () => {
      removeEventListener('storage', changed);
      removeEventListener(CHANGED, changed);
    };
  }, [key]);
  const write = (next: View[]) => {
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...load(), [key]: next }));
      dispatchEvent(new Event(CHANGED));
      return true;
    } catch {
      return false;
    }
  };
  return {
    views,
    save: (view) => {
      const others = viewsOf(key).filter((own) => own.name !== view.name);
      return others.length < VIEWS && write([...others, view].sort((a, b) => a.name.localeCompare(b.name)));
    },
    remove: (name) => void write(viewsOf(key).filter((own) => own.name !== name)),
  };
}
