import { useEffect, useState } from 'preact/hooks';

/** A place in the dashboard: `#/transactions/ID?status=FAILED`. Filters stand in it, so that it can be shared. */
export interface Route {
  page: string;
  id: string | null;
  query: Record<string, string>;
}

export function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', id = null] = path.split('/').map(decoded);
  return { page, id: id || null, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** What is no text in percent signs, as in an address that was cut off, is shown as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place; the company that is looked at stays, unless `query` names another or none. */
export function href(page: string, id?: string | null, query: Record<string, string | undefined> = {}): string {
  const { company } = parse(location.hash).query;
  const kept = Object.entries({ company, ...query }).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const search = new URLSearchParams(kept).toString();
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ''}${search ? `?${search}` : ''}`;
}

export function navigate(to: string, replace = false): void {
  if (replace) {
    history.replaceState(null, '', to);
    dispatchEvent(new HashChangeEvent('hashchange'));
  } else {
    location.hash = to;
  }
}

/** Changes some of what the address says after its `?`, and leaves alone what else it says by now; an empty text leaves one out. */
export function changeQuery(change: Record<string, string | undefined>): void {
  const { page, id, query } = parse(location.hash);
  navigate(href(page, id, { ...query, ...change }), true);
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parse(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}
