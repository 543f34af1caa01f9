import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { complete, t } from './texts';
import { Failure, Loading } from './ui/parts';

/** A part of the dashboard that is loaded when it is first shown, or shortly before. */
export interface Lazy<P> {
  (props: P & { onShown?: () => void }): preact.JSX.Element;
  /** Loads it, so that it is there when it is shown. */
  load: () => void;
}

/** How long after a part could not be loaded it is tried once more. */
const AGAIN_MS = 1_000;
/** How long the server has to say that it is there. */
const PATIENCE_MS = 5_000;
/** When this browser's tab was last reloaded for a part that could not be loaded. */
const RELOADED = 'netbanx.reloaded';
/** A page that was reloaded for that is not again before, in milliseconds: what is missing then is missing for another reason. */
const ONCE_IN_MS = 60_000;

/** The component that `fetched` has, with the texts that it says beside those of the first page; a quiet placeholder until it is there, upon which `onShown` is called. */
export function lazy<P extends object>(fetched: () => Promise<ComponentType<P>>, texts: () => Promise<void> = complete): Lazy<P> {
  let known: ComponentType<P> | undefined;
  let loading: Promise<void> | undefined;
  const load = () => {
    loading ??= withRetry(() => Promise.all([fetched(), texts()])).then(
      ([found]) => { known = found; },
      (error) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  };
  const Shown = ({ onShown, ...props }: P & { onShown?: () => void }) => {
    const [View, setView] = useState(() => known);
    const [isMissing, setMissing] = useState(false);
    const wasLate = useRef(!View);
    useEffect(() => {
      let isWanted = true;
      const fail = async () => {
        if (isWanted && !(await reloadOnce()) && isWanted) setMissing(true);
      };
      if (!View) load().then(() => isWanted && setView(() => known), fail);
      return () => { isWanted = false; };
    }, []);
    const retry = () => {
      setMissing(false);
      load().then(() => setView(() => known), async () => {
        // What is gone from the server for good is found in its newer page.
        if (await isThere()) location.reload();
        else setMissing(true);
      });
    };
    useEffect(() => {
      if (View && wasLate.current) onShown?.();
    }, [View]);
    if (isMissing) return <Failure error={new Error(t.shell.partMissing)} retry={retry} />;
    return View ? <View {...(props as unknown as P)} /> : <Loading rows={6} />;
  };
  return Object.assign(Shown, { load: () => void load().catch(() => {}) });
}

async function withRetry<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch {
    await new Promise((done) => setTimeout(done, AGAIN_MS));
    return work();
  }
}

/** Whether there is a page to load: while the server or the network is away a browser's own page would take the place of this one. */
async function isThere(): Promise<boolean> {
  try {
    return (await fetch('/', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) })).ok;
  } catch {
    return false;
  }
}

/** After a deployment the old version's parts are gone: the page is loaded anew, at the same place. Returns whether it is. */
export async function reloadOnce(): Promise<boolean> {
  if (!(await isThere())) return false;
  try {
    const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
    if (Date.now() - last < ONCE_IN_MS) return false;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    return false;
  }
  location.reload();
  return true;
}
