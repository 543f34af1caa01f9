import { useState } from 'preact/hooks';
import { isLanguage, language, LANGUAGES } from '../format/language';
import { usePrefs } from '../format/prefs';
import { speak, t } from '../texts';
import { Select } from './parts';
import { useToast } from './toasts';

/** In which language the page is. Each stands there by its own name, for those who read none of the others. */
export function LanguageChoice() {
  const { set } = usePrefs();
  const tell = useToast();
  const [, redraw] = useState(0);
  const choose = async (next: string) => {
    if (!isLanguage(next)) return;
    try {
      // Its texts are there before anything is drawn in it; the choice has all of the page drawn again.
      await speak(next);
      set({ language: next });
    } catch {
      tell(t.shell.languageMissing, true);
      redraw((round) => round + 1);
    }
  };
  return <Select label={t.shell.language} value={language} options={Object.entries(LANGUAGES)} onChange={choose} />;
}
