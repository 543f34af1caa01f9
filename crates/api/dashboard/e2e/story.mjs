// The dashboard's stories on a platform of their own; what they need comes by the environment (see tests/e2e/dashboard.rs).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './browser.mjs';
import { endpointsOut } from './endpoints.mjs';
import { lastHours } from './history.mjs';
import { inFrench } from './languages.mjs';
import { isLoadedAnew } from './lazy.mjs';
import { alertsOfACompany, connectionLost, theFirstWebhook } from './overview.mjs';
import { everyPage, firstLoad } from './pages.mjs';
import { chosenPeriod } from './period.mjs';
import { deadLetterRedriven, lanesPaused } from './queue.mjs';
import { lateAndAgain } from './receipt.mjs';
import { reportsCompared } from './reconciliation.mjs';
import { alertChannel, keyRotated } from './settings.mjs';
import { aMembersView, aStrangerIsRefused, byProvider, secondFactor, secondFactorDemanded } from './sign-in.mjs';
import { twelveTabs } from './tabs.mjs';
import { addsUp } from './totals.mjs';
import { asItWas, filteredAndOpened } from './transactions.mjs';
import { columnsAndViews } from './views.mjs';
import { ownDays } from './zone.mjs';

const { SEND } = process.env;
let browser;

before(async () => { browser = await launch(); });
after(() => browser?.close());

/** Has the harness send a webhook: `accepted` for the company (answers its id), `dead` for one that cannot be stored. */
async function send(what) {
  const post = () => fetch(`${SEND}/${what}`, { method: 'POST' });
  // Again where the gateway had closed the connection that was kept from the last time.
  const answer = await post().catch(post);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text;
}

// One after the other on one platform: each finds what those before it left.
test('a stranger is refused, and told nothing', () => aStrangerIsRefused(browser));
test('the first webhook turns the first-run page into the overview without a reload', () => theFirstWebhook(browser, send));
test('transactions are filtered, opened, paged by the keyboard and exported', () => filteredAndOpened(browser));
test('a transaction is shown as it was, by the keyboard', () => asItWas(browser, send));
test('a dead letter says why, and is re-driven', () => deadLetterRedriven(browser, send));
test('lanes are paused and resumed', () => lanesPaused(browser));
test('twelve tabs share one stream, whoever of them is closed, hidden or signed out', () => twelveTabs(browser, send));
test('a period is chosen, shared, and looked into', () => chosenPeriod(browser));
test('a list of transactions is added up', () => addsUp(browser, send));
test('columns are chosen and views are saved by name', () => columnsAndViews(browser, send));
test('a company counts by its own days', () => ownDays(browser));
test('French is chosen, spoken on every page and remembered', () => inFrench(browser, send));

// Before the key that webhooks are signed with has ended.
test('the queue and the system are shown as they were', () => lastHours(browser));
test('an endpoint is added, tested, looked into, told again and removed', () => endpointsOut(browser, send));
test('what is wrong with a company stands above its figures', () => alertsOfACompany(browser));
test('a report is compared, what differs is settled, and the next comparison is clean', () => reportsCompared(browser, send));
test('how late webhooks come and how many come again is told', () => lateAndAgain(browser, send));
test('a key is rotated: shown once, two active, tested with a click, the old one ended', () => keyRotated(browser));
test('a page that cannot be loaded is loaded anew once, and says so then', () => isLoadedAnew(browser));
test('an alert channel is added, tested with a click and removed', () => alertChannel(browser));
test('a member sees their company alone, and is not offered what they may not do', () => aMembersView(browser));
test('somebody sets up a second factor, signs in with it, sees and ends sessions, and turns it off', () => secondFactor(browser));
test('a provider signs somebody in who has a role, and says so where they have none', () => byProvider(browser));
test('a lost connection is shown, and found again', () => connectionLost(browser, send));

for (const colorScheme of ['light', 'dark']) {
  test(`no page has a serious violation of WCAG 2.2 AA, nor scrolls sideways on a phone (${colorScheme})`, () => everyPage(browser, colorScheme));
}

test('the first load is small, and the policy lets no inline script run', () => firstLoad(browser));
test('of whom a second factor is demanded, sets it up before anything else', () => secondFactorDemanded(browser, send));
