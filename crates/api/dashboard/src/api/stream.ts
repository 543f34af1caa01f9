export type State = 'connecting' | 'live' | 'lost';

/** How it stands with the stream. */
export interface Standing {
  state: State;
  /** When it is tried again; while it is lost. */
  retryAt: number;
}

interface Handlers {
  /** What came: the stream's id after it, where it has one. */
  onEvent: (name: string, data: unknown, id: string | undefined) => void;
  onStanding: (standing: Standing) => void;
}

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** The stream sends a heartbeat every ten seconds; that long without one and it is taken for lost. */
export const SILENCE = 25_000;

/**
 * Server-sent events of one address, opened again with growing pauses when they are lost. By `fetch`: an `EventSource` goes
 * on from its own last event alone, while here the last event may have been another tab's; and it does not show headers.
 */
export class Stream {
  #attempt: AbortController | undefined;
  #wait = FIRST_WAIT;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  /** Those of `actor`; what comes for anybody else is not read. */
  constructor(readonly url: string, readonly actor: string, readonly handlers: Handlers) {}

  /** Opens it, or opens it anew; `last` gives the id of the last event that is known. */
  open(last: () => string): void {
    this.close();
    this.handlers.onStanding({ state: 'connecting', retryAt: 0 });
    const attempt = new AbortController();
    this.#attempt = attempt;
    const lose = () => attempt.signal.aborted || this.#lose(last);
    this.#heard(lose);
    this.#read(attempt.signal, last(), lose).then(lose, lose);
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#attempt?.abort();
    this.#attempt = undefined;
  }

  async #read(signal: AbortSignal, last: string, lose: () => void): Promise<void> {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (last) headers['last-event-id'] = last;
    const answer = await fetch(this.url, { headers, signal, cache: 'no-store' });
    // The cookie may be of somebody else by now, who signed in in another tab.
    if (!answer.ok || !answer.body || answer.headers.get('x-actor') !== this.actor) throw new Error('refused');
    this.#wait = FIRST_WAIT;
    this.handlers.onStanding({ state: 'live', retryAt: 0 });
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      this.#heard(lose);
      const events = (rest + decoder.decode(value, { stream: true })).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) this.#tell(event);
    }
  }

  #tell(event: string): void {
    const fields = new Map(event.split('\n').map((line) => {
      const [, name = '', value = ''] = /^(\w*): ?(.*)$/.exec(line) ?? [];
      return [name, value];
    }));
    const [name, data] = [fields.get('event'), fields.get('data')];
    if (name && data) this.handlers.onEvent(name, JSON.parse(data), fields.get('id'));
  }

  #heard(lose: () => void): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(lose, SILENCE);
  }

  #lose(last: () => string): void {
    this.close();
    const wait = this.#wait * (0.75 + Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.#timer = setTimeout(() => this.open(last), wait);
    this.handlers.onStanding({ state: 'lost', retryAt: Date.now() + wait });
  }
}
