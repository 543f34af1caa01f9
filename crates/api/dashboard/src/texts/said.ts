/** What a language has to say: all that English has, with the same parameters. First what the first page needs, then the rest. */
export type First = typeof import('./en').first;
export type Rest = typeof import('./en/rest').rest;
