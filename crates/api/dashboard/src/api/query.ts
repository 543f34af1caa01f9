import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get, getCached, urlOf, type Answer, type GetPath, type Options } from './client';

export interface Query<T> {
  data: T | undefined;
  error: Error | undefined;
  isLoading: boolean;
  /** Asks again, at most once in `GAP` however often it is called. */
  reload: () => void;
}

/** The least time between two questions for the same thing: the server's answers are that old anyway. */
const GAP = 2_000;

/** What the API answers; what was known stays while it is asked again. `every` milliseconds, if given. */
export function useQuery<P extends GetPath>(path: P, options: Parameters<typeof get<P>>[1] = {}, every?: number): Query<Answer<P>> {
  const url = urlOf(path, options as Options<unknown>);
  const [state, setState] = useState<{ url: string; data?: Answer<P>; error?: Error; isLoading: boolean }>({ url, isLoading: true });
  const [round, setRound] = useState(0);
  const asked = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>();

  const reload = useCallback(() => {
    if (timer.current) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      setRound((n) => n + 1);
    }, Math.max(0, asked.current + GAP - Date.now()));
  }, []);
  useEffect(() => {
    const stop = new AbortController();
    asked.current = Date.now();
    setState((old) => ({ ...(old.url === url ? old : { url }), url, isLoading: true }));
    getCached(path, options, stop.signal).then(
      ({ body, isStale }) => {
        setState({ url, data: body, isLoading: false });
        if (isStale) reload();
      },
      (error: Error) => {
        if (error.name !== 'AbortError') setState((old) => ({ url, data: old.url === url ? old.data : undefined, error, isLoading: false }));
      },
    );
    return () => stop.abort();
  }, [url, round]);

  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (!every) return undefined;
    // A page that nobody sees asks nothing.
    const beat = setInterval(() => document.hidden || setRound((n) => n + 1), every);
    return () => clearInterval(beat);
  }, [every]);

  const own = state.url === url ? state : { isLoading: true };
  return { data: 'data' in own ? own.data : undefined, error: 'error' in own ? own.error : undefined, isLoading: own.isLoading, reload };
}
