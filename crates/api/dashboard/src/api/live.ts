import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Schemas } from './client';
import { urlOf } from './client';

export type Transaction = Schemas['Transaction'];
export type State = 'connecting' | 'live' | 'lost';

interface News {
  transactions: Transaction[];
  figures: Schemas['Analytics'];
}

type Listener<K extends keyof News> = (news: News[K]) => void;

/** Transactions that are kept for anyone who looks later. */
const RECENT = 50;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** The stream shows a sign of life every ten seconds; that long without one and it is taken for lost. */
const SILENCE = 25_000;

/** The stream of news: one for the whole dashboard, opened again with growing pauses when it is lost. */
export class Live {
  state: State = 'connecting';
  /** When it is tried again; while it is lost. */
  retryAt = 0;
  /** The latest that came, by id; the latest change last. */
  readonly recent = new Map<string, Transaction>();
  #source: EventSource | null = null;
  #wait = FIRST_WAIT;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #watchers = new Set<() => void>();
  #listeners = { transactions: new Set<Listener<'transactions'>>(), figures: new Set<Listener<'figures'>>() };

  constructor(readonly company: string | undefined, readonly onLost: () => void) {}

  open(): void {
    this.close();
    this.#set('connecting');
    const source = new EventSource(urlOf('/api/v1/stream', { query: { company: this.company } }));
    this.#source = source;
    source.onopen = () => {
      this.#wait = FIRST_WAIT;
      this.#set('live');
      this.#heard();
    };
    source.onerror = () => this.#lose();
    source.addEventListener('alive', () => this.#heard());
    for (const name of ['transactions', 'figures'] as const) {
      source.addEventListener(name, (event) => {
        this.#heard();
        const data = JSON.parse((event as MessageEvent<string>).data);
        if (name === 'transactions') this.#keep(data as Transaction[]);
        for (const listener of this.#listeners[name]) listener(data);
      });
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
  }

  on<K extends keyof News>(name: K, listener: Listener<K>): () => void {
    const all = this.#listeners[name] as Set<Listener<K>>;
    all.add(listener);
    return () => all.delete(listener);
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #set(state: State): void {
    this.state = state;
    for (const watcher of this.#watchers) watcher();
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(), SILENCE);
  }

  #keep(news: Transaction[]): void {
    for (const row of [...news].reverse()) {
      this.recent.delete(row.id);
      this.recent.set(row.id, row);
    }
    for (const id of this.recent.keys()) {
      if (this.recent.size <= RECENT) break;
      this.recent.delete(id);
    }
  }

  #lose(): void {
    this.close();
    const wait = this.#wait * (0.75 + Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.open(), wait);
    this.#set('lost');
    this.onLost();
  }
}

export const LiveContext = createContext<Live | null>(null);

export function useLiveState(): { state: State; retryAt: number; retry: () => void } {
  const live = useContext(LiveContext);
  const [, setRound] = useState(0);
  useEffect(() => live?.watch(() => setRound((n) => n + 1)), [live]);
  return { state: live?.state ?? 'connecting', retryAt: live?.retryAt ?? 0, retry: () => live?.open() };
}

export function useLive(): Live | null {
  return useContext(LiveContext);
}

/** Calls `listener` for each piece of news of that name while the component is shown. */
export function useNews<K extends keyof News>(name: K, listener: Listener<K>, dependencies: unknown[] = []): void {
  const live = useContext(LiveContext);
  useEffect(() => live?.on(name, listener), [live, ...dependencies]);
}
