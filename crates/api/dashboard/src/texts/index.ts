// Every text of the dashboard, in English and French. A component reads it as `t.common.save` when it is drawn: the
// language is the page's own, and the whole page is drawn again when another one is chosen.
import { language, setLanguage, type Language } from '../format/language';
import type { First, Rest } from './said';

/** The texts of the language that is shown: the first before anything is drawn, the rest before any page but the first is. */
export let t: First & Rest;

/** Each language has files of its own, so that what nobody reads is not loaded: what the first page needs, and the rest. */
const FILES: Record<Language, { first: () => Promise<First>; rest: () => Promise<Rest> }> = {
  en: { first: async () => (await import('./en')).first, rest: async () => (await import('./en/rest')).rest },
  fr: { first: async () => (await import('./fr')).first, rest: async () => (await import('./fr/rest')).rest },
};

/** The language whose texts are on their way, or shown. */
let wanted: Language = 'en';
/** Ends when the first texts are there. */
let begun: Promise<void> = Promise.resolve();

/** Begins in a language, with what the first page says. Where that cannot be loaded English is better than nothing. */
export function begin(first: Language): Promise<void> {
  const show = async (next: Language) => {
    wanted = next;
    t = (await FILES[next].first()) as First & Rest;
    setLanguage(next);
  };
  begun = show(first).catch(() => show('en'));
  return begun;
}

/** Shows that language from now on, once all of its texts are there; everything is to be drawn again then. */
export async function speak(next: Language): Promise<void> {
  const [first, rest] = await Promise.all([FILES[next].first(), FILES[next].rest()]);
  wanted = next;
  t = { ...first, ...rest };
  setLanguage(next);
}

/** Has the rest of the texts there, for other pages than the first; they come beside the first ones where these are still awaited. */
export async function complete(): Promise<void> {
  const own = wanted;
  const [rest] = await Promise.all([FILES[own].rest(), begun]);
  // Another one may have been chosen meanwhile, or come in the place of one that could not be loaded.
  if (own === language) t = { ...t, ...rest };
  else await complete();
}
