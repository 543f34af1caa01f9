/** The languages of the dashboard, each by its own name. Not a text: it is the same in all of them. */
export const LANGUAGES = { en: 'English', fr: 'Français' } as const;
export type Language = keyof typeof LANGUAGES;

/** The language that is shown. Like `locale` it is the page's own, as a clock is: what is shown reads it when it is drawn. */
export let language: Language = 'en';
/** That language as it is written in the viewer's region, for `Intl`. */
export let locale = 'en';

/** From now on this language is shown; whoever calls it has everything drawn again. */
export function setLanguage(next: Language): void {
  language = next;
  locale = localeOf(next, navigator.languages);
  document.documentElement.lang = next;
}

/** The first language of those that somebody wants which the dashboard has; English where it has none of them. */
export function languageOf(wanted: readonly string[]): Language {
  const known = wanted.map((tag) => tag.toLowerCase().split('-')[0] ?? '');
  return known.find(isLanguage) ?? 'en';
}

export function isLanguage(name: string): name is Language {
  return Object.hasOwn(LANGUAGES, name);
}

/** What was asked for in that language (`fr-CA`), else the language in the region of what was asked for: `en-CA` has `fr-CA`. */
function localeOf(name: Language, wanted: readonly string[]): string {
  const own = wanted.find((tag) => tag.toLowerCase().split('-')[0] === name);
  if (own) return own;
  try {
    const { region } = new Intl.Locale(wanted[0] ?? name);
    return region ? `${name}-${region}` : name;
  } catch {
    return name;
  }
}
