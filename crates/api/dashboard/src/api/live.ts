import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Schemas } from './client';
import { urlOf } from './client';
import { SILENCE, Stream, type Standing } from './stream';
import { Tabs } from './tabs';

export type Transaction = Schemas['Transaction'];

interface News {
  transactions: Transaction[];
  figures: Schemas['Analytics'];
}

type Listener<K extends keyof News> = (news: News[K]) => void;

/** What tabs say to each other. All but `hello`, `retry` and `ended` is the leader's. */
type Message =
  | { kind: 'hello'; from: string }
  | { kind: 'known'; to: string; recent: Transaction[]; figures: News['figures'] | undefined; id: string; standing: Standing }
  | { kind: 'event'; name: string; data: unknown; id: string | undefined }
  | { kind: 'standing'; standing: Standing }
  | { kind: 'retry' }
  | { kind: 'ended' };

interface Handlers {
  /** The stream was lost. */
  onLost: () => void;
  /** Another tab found that the session has ended. */
  onEnded: () => void;
}

/** Begins the names of channel and lock; the number tells apart what tabs of different versions say. */
const NAME = 'netbanx/1';
/** Transactions that are kept for anyone who looks later. */
const RECENT = 50;
/** After that long in sight without word of the stream it is no longer said to be live. */
const PATIENCE = 2_000;

/**
 * The stream of news: one for all tabs of a browser in which the same user looks at the same company. The tab that leads (see
 * `Tabs`) reads it and passes on what comes, with its id: whoever leads next goes on from there.
 */
export class Live {
  standing: Standing = { state: 'connecting', retryAt: 0 };
  /** The latest that came, by id; the latest change last. */
  readonly recent = new Map<string, Transaction>();
  #figures: News['figures'] | undefined;
  /** Of the last event. */
  #id = '';
  /** Whether this tab has what came before it stood. */
  #isUpToDate = false;
  readonly #me = Math.random().toString(36).slice(2);
  readonly #tabs: Tabs<Message>;
  readonly #stream: Stream;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #watchers = new Set<() => void>();
  #listeners = { transactions: new Set<Listener<'transactions'>>(), figures: new Set<Listener<'figures'>>() };

  constructor(readonly actor: string, readonly company: string | undefined, readonly handlers: Handlers) {
    this.#stream = new Stream(urlOf('/api/v1/stream', { query: { company } }), actor, {
      onEvent: (name, data, id) => {
        this.#tabs.say({ kind: 'event', name, data, id });
        this.#take(name, data, id);
      },
      onStanding: (standing) => {
        this.#tabs.say({ kind: 'standing', standing });
        this.#set(standing);
        if (standing.state === 'lost') handlers.onLost();
      },
    });
    this.#tabs = new Tabs(`${NAME} ${actor} ${company ?? ''}`, {
      onLead: () => {
        // What was missed is the stream's to tell: it goes on from the last event that this tab knows.
        this.#isUpToDate = true;
        this.#stream.open(() => this.#id);
      },
      onResign: () => {
        this.#stream.close();
        this.#listen();
      },
      onMessage: (message) => this.#hear(message),
    });
  }

  open(): void {
    document.addEventListener('visibilitychange', this.#seen);
    this.#tabs.join();
    this.#seen();
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#seen);
    clearTimeout(this.#silence);
    clearTimeout(this.#patience);
    this.#tabs.leave();
  }

  /** Tells the other tabs that the session has ended. */
  end(): void {
    this.#tabs.say({ kind: 'ended' });
  }

  retry(): void {
    if (this.#tabs.isLeading) this.#stream.open(() => this.#id);
    else this.#tabs.say({ kind: 'retry' });
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

  /** In sight again, or for the first time: what was missed is asked of the leader, if there is one already. */
  #seen = (): void => {
    clearTimeout(this.#silence);
    clearTimeout(this.#patience);
    if (document.hidden) return;
    this.#isUpToDate = false;
    this.#tabs.say({ kind: 'hello', from: this.#me });
    this.#patience = setTimeout(() => this.#set({ state: 'connecting', retryAt: 0 }), PATIENCE);
    this.#listen();
  };

  #hear(message: Message): void {
    if (message.kind === 'ended') this.handlers.onEnded();
    else if (message.kind === 'retry') this.#tabs.isLeading && this.retry();
    else if (message.kind === 'hello') this.#answer(message.from);
    else if (message.kind === 'known') message.to === this.#me && this.#catchUp(message);
    else if (message.kind === 'event') {
      this.#listen();
      this.#take(message.name, message.data, message.id);
    } else {
      this.#set(message.standing);
      // A leader that has just begun did not hear what was asked of the one before it.
      if (message.standing.state === 'live' && !this.#isUpToDate) this.#tabs.say({ kind: 'hello', from: this.#me });
    }
  }

  #answer(to: string): void {
    // Before its own stream is open a leader may know less than it will; it says when that is so.
    if (!this.#tabs.isLeading || this.standing.state === 'connecting') return;
    this.#tabs.say({ kind: 'known', to, recent: [...this.recent.values()], figures: this.#figures, id: this.#id, standing: this.standing });
  }

  #catchUp({ recent, figures, id, standing }: Extract<Message, { kind: 'known' }>): void {
    this.#isUpToDate = true;
    this.#set(standing);
    const missed = recent.filter((row) => this.recent.get(row.id)?.updatedAt !== row.updatedAt);
    // Kept with the latest change last, told with the latest first.
    if (missed.length > 0) this.#take('transactions', missed.reverse(), id);
    if (figures && figures.generatedAt !== this.#figures?.generatedAt) this.#take('figures', figures, undefined);
  }

  #set(standing: Standing): void {
    clearTimeout(this.#patience);
    this.#listen(standing.retryAt);
    if (standing.state === 'connecting' && this.standing.state === 'live') {
      // The lead went from tab to tab: nobody need see it, unless it takes long.
      this.#patience = setTimeout(() => this.#show(standing), PATIENCE);
    } else {
      this.#show(standing);
    }
  }

  #show(standing: Standing): void {
    this.standing = standing;
    for (const watcher of this.#watchers) watcher();
  }

  /** Whoever leads is heard of before long, or is replaced. Not by all at the same moment. */
  #listen(retryAt = 0): void {
    clearTimeout(this.#silence);
    if (document.hidden || this.#tabs.isLeading) return;
    const until = Math.max(0, retryAt - Date.now()) + SILENCE * (1.2 + Math.random());
    this.#silence = setTimeout(() => this.#tabs.takeOver(), until);
  }

  #take(name: string, data: unknown, id: string | undefined): void {
    // The id says that all before is known too, which is so once this tab has caught up.
    if (id && this.#isUpToDate) this.#id = id;
    if (name === 'transactions') {
      this.#keep(data as Transaction[]);
      for (const listener of this.#listeners.transactions) listener(data as Transaction[]);
    } else if (name === 'figures') {
      this.#figures = data as News['figures'];
      for (const listener of this.#listeners.figures) listener(this.#figures);
    }
    // `alive` says no more than that; a `gap` comes before news, upon which pages ask for all that they show.
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
}

export const LiveContext = createContext<Live | null>(null);

export function useLiveState(): Standing & { retry: () => void } {
  const live = useContext(LiveContext);
  const [, setRound] = useState(0);
  useEffect(() => live?.watch(() => setRound((n) => n + 1)), [live]);
  return { ...(live?.standing ?? { state: 'connecting', retryAt: 0 }), retry: () => live?.retry() };
}

export function useLive(): Live | null {
  return useContext(LiveContext);
}

/** Calls `listener` for each piece of news of that name while the component is shown. */
export function useNews<K extends keyof News>(name: K, listener: Listener<K>, dependencies: unknown[] = []): void {
  const live = useContext(LiveContext);
  useEffect(() => live?.on(name, listener), [live, ...dependencies]);
}
