import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Schemas } from './api/client';

export type Identity = Schemas['Identity'];
export type Company = Schemas['Company'];

export interface Session {
  identity: Identity;
  companies: Company[];
  may: (permission: string) => boolean;
  /** Sees all companies. */
  isAdministrator: boolean;
  /** Whose data is looked at, by slug: for the `company` of requests. None: all one may see. */
  company: string | undefined;
  /** The zone by whose days that one company counts; none: it has none, or several are looked at. */
  zone: string | undefined;
  /** Has the companies asked for again. */
  reload: () => void;
  /** Whether what belongs to a company, by its id, is of the one that is looked at; where all are, it is. */
  isOfCompany: (id: string | null | undefined) => boolean;
  /** A company's name by its id. */
  nameOf: (id: string | null | undefined) => string;
  /** Tells where it fails: then they are still signed in. */
  signOut: () => void;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('nobody is signed in');
  return session;
}
