import { spelled } from '../format/spelled';
import { t } from '../texts';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

type Json<T> = T extends { content: { 'application/json': infer B } } ? B : never;
type Method = 'get' | 'post' | 'patch' | 'delete';
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? NonNullable<O> : never;
type Success<O> = O extends { responses: infer R }
  ? R extends { 200: infer S } ? Json<S> : R extends { 201: infer S } ? Json<S> : R extends { 202: infer S } ? Json<S> : undefined
  : never;
type PathOf<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never }[keyof paths];
type QueryOf<O> = O extends { parameters: { query?: infer Q } } ? Q : never;
type SentBy<O> = O extends { requestBody: { content: { 'application/json': infer B } } } ? B : never;

export type GetPath = PathOf<'get'>;
export type Answer<P extends GetPath> = Success<Operation<P, 'get'>>;

export interface Options<Q> {
  /** Values of `{name}` in the path. */
  path?: Record<string, string | number>;
  query?: Q;
}

/** What the API refused, as it told it (RFC 9457); `kind` ends its type. Status 0: it could not be reached. */
export class Problem extends Error {
  constructor(readonly status: number, readonly title: string, detail: string, readonly parameter?: string, readonly kind = '') {
    super(detail || title);
  }
}

let csrf: string | null = null;
let onSignedOut: () => void = () => {};

/** The session's token for changes; none when signed out. */
export function setCsrf(token: string | null): void {
  csrf = token;
}

/** Called when an answer says that nobody is signed in any more. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

/** That token, for what is sent otherwise than by `post`. */
export function csrfToken(): string | null {
  return csrf;
}

interface Told {
  type?: string;
  title?: string;
  detail?: string;
  parameter?: string;
}

/** What an answer that refuses says, as a problem; the page of sign-in is shown where nobody is signed in any more. */
export function refusal(url: string, status: number, told: Told): Problem {
  if (status === 401 && !url.endsWith('/session')) onSignedOut();
  return new Problem(status, told.title ?? t.common.statusOf(status), told.detail ?? '', told.parameter, told.type?.split(':').at(-1));
}

export function urlOf(template: string, options: Options<unknown> = {}): string {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(options.path?.[name] ?? '')));
  const pairs = Object.entries(options.query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const search = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return search ? `${path}?${search}` : path;
}

interface Answered {
  body: unknown;
  /** The server's cache knows that something newer is on its way. */
  isStale: boolean;
}

async function ask(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<Answered> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && csrf) headers['x-csrf-token'] = csrf;
  let response: Response;
  try {
    response = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, t.shell.notReachable, t.shell.apiAway);
  }
  if (response.ok) {
    return { body: response.status === 204 ? undefined : await bodyOf(response), isStale: response.headers.get('x-cache') === 'STALE' };
  }
  throw refusal(url, response.status, (await response.json().catch(() => ({}))) as Told);
}

/** The answer itself. What is no JSON was not said by the API: a proxy's own page, for example. */
async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, t.shell.notReachable, t.shell.notOurs);
  }
}

type GetOptions<P extends GetPath> = Options<QueryOf<Operation<P, 'get'>>>;

export async function get<P extends GetPath>(path: P, options: GetOptions<P> = {}): Promise<Answer<P>> {
  return (await ask('GET', urlOf(path, options))).body as Answer<P>;
}

/** The same, with whether to ask again soon. */
export function getCached<P extends GetPath>(path: P, options: GetOptions<P>, signal: AbortSignal): Promise<{ body: Answer<P>; isStale: boolean }> {
  return ask('GET', urlOf(path, options), undefined, signal) as Promise<{ body: Answer<P>; isStale: boolean }>;
}

export async function post<P extends PathOf<'post'>>(
  path: P,
  body: SentBy<Operation<P, 'post'>>,
  options: Options<unknown> = {},
): Promise<Success<Operation<P, 'post'>>> {
  return (await ask('POST', urlOf(path, options), body)).body as Success<Operation<P, 'post'>>;
}

export async function patch<P extends PathOf<'patch'>>(
  path: P,
  body: SentBy<Operation<P, 'patch'>>,
  options: Options<unknown> = {},
): Promise<Success<Operation<P, 'patch'>>> {
  return (await ask('PATCH', urlOf(path, options), body)).body as Success<Operation<P, 'patch'>>;
}

export function remove<P extends PathOf<'delete'>>(
  path: P,
  options: Options<QueryOf<Operation<P, 'delete'>>> = {},
): Promise<unknown> {
  return ask('DELETE', urlOf(path, options));
}

/** Ends the session; that it has ended already is as good. Any other failure means that it may still be there. */
export async function endSession(): Promise<void> {
  try {
    await remove('/api/v1/session');
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) throw error;
  }
  setCsrf(null);
}

/** What an error says, as a sentence: the API's own begin with a small letter, and some with the name of a parameter. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const name = error instanceof Problem ? error.parameter : undefined;
  const plain = name && text.startsWith(`${name} `) ? text.replace(name, spelled(name)) : text;
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
