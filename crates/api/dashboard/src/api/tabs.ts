interface Handlers<M> {
  /** This tab leads from now on. */
  onLead: () => void;
  /** It leads no longer. */
  onResign: () => void;
  /** What another tab says. */
  onMessage: (message: M) => void;
}

/**
 * The tabs of one browser that share a name: those in sight elect one that leads, by a lock that the browser gives to the next
 * when the tab that has it closes, crashes or is hidden. While all are hidden none leads.
 *
 * Where there are no locks (plain HTTP to another host) each tab leads itself, and they do not talk.
 */
export class Tabs<M> {
  isLeading = false;
  #channel: BroadcastChannel | undefined;
  /** Ends the candidacy, or the lead. */
  #stand: AbortController | undefined;

  constructor(readonly name: string, readonly handlers: Handlers<M>) {}

  join(): void {
    if (navigator.locks) {
      this.#channel = new BroadcastChannel(this.name);
      this.#channel.onmessage = (event: MessageEvent<M>) => this.handlers.onMessage(event.data);
    }
    document.addEventListener('visibilitychange', this.#seen);
    this.#seen();
  }

  leave(): void {
    document.removeEventListener('visibilitychange', this.#seen);
    this.#resign();
    this.#channel?.close();
    this.#channel = undefined;
  }

  say(message: M): void {
    this.#channel?.postMessage(message);
  }

  /** Takes the lead from a tab that holds it and does nothing, such as one that its debugger stopped. */
  takeOver(): void {
    if (this.isLeading || !this.#stand || !navigator.locks) return;
    this.#stand.abort();
    this.#run(true);
  }

  #seen = (): void => {
    if (document.hidden) this.#resign();
    else if (!this.#stand) this.#run(false);
  };

  #run(steal: boolean): void {
    const stand = new AbortController();
    this.#stand = stand;
    const lead = () => this.#lead(stand.signal);
    if (!navigator.locks) {
      void lead();
      return;
    }
    navigator.locks.request(this.name, steal ? { steal } : { signal: stand.signal }, lead).catch((error: Error) => {
      if (stand.signal.aborted) return;
      if (error.name !== 'AbortError') {
        // The browser refuses locks here: each tab for itself, as without.
        void lead();
        return;
      }
      // It was taken over: this tab was held up, and stands again behind the others.
      this.#resign();
      this.#seen();
    });
  }

  /** Holds the lock until the lead ends. */
  #lead(signal: AbortSignal): Promise<void> | undefined {
    // A lock that was to be stolen cannot be asked for with a signal.
    if (signal.aborted) return undefined;
    this.isLeading = true;
    this.handlers.onLead();
    return new Promise((end) => signal.addEventListener('abort', () => end()));
  }

  #resign(): void {
    const wasLeading = this.isLeading;
    this.isLeading = false;
    // The stream is closed before the lock is another tab's: there is one at a time.
    if (wasLeading) this.handlers.onResign();
    this.#stand?.abort();
    this.#stand = undefined;
  }
}
