import { render } from 'preact';
import { App } from './app';
import { firstLanguage } from './format/prefs';
import { reloadOnce } from './lazy';
import { parse } from './router';
import { preload } from './shell';
import { begin } from './texts';
import './style.css';

const root = document.getElementById('app');
const start = () => root && render(<App />, root);

/** Neither language is there: perhaps there is a newer version. Otherwise the page itself says that it failed. */
async function fail(): Promise<void> {
  if (!(await reloadOnce())) document.getElementById('failed')?.removeAttribute('hidden');
}

void begin(firstLanguage()).then(start, fail);
// While the texts are on their way.
preload(parse(location.hash).page);
