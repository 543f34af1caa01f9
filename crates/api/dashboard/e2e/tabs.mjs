// The story of many tabs of one browser, which share one stream.
import assert from 'node:assert/strict';
import { base, newPage, newTab, signedOut, signIn } from './browser.mjs';

const { MEMBER, MEMBER_PASSWORD, SEND } = process.env;

/** Waits until `found` answers `wanted`. */
async function eventually(what, wanted, found, most = 15_000) {
  for (const begun = Date.now(); ;) {
    const now = await found();
    if (now === wanted) return;
    assert.ok(Date.now() - begun < most, `not within ${most} ms: ${what}; ${now} instead of ${wanted}`);
    await new Promise((again) => setTimeout(again, 50));
  }
}

/** So many tabs have a stream. */
const streamsAre = (number, tabs) => eventually('tabs with a stream', number, () => tabs.filter(leads).length);

/** So many streams are open at the gateway. That one was closed shows when it is written to, which is every ten seconds. */
const heldAre = (number) =>
  eventually('streams at the gateway', number, async () => Number(await (await fetch(`${SEND}/streams`)).text()), 40_000);

const leads = (tab) => tab.streams.size > 0;

/** Notes which streams a tab has open, and what it said that it had heard. */
function note(tab) {
  tab.streams = new Set();
  tab.resumed = [];
  tab.on('request', (request) => {
    if (!request.url().includes('/api/v1/stream')) return;
    tab.streams.add(request);
    tab.resumed.push(request.headers()['last-event-id']);
  });
  for (const end of ['requestfinished', 'requestfailed']) tab.on(end, (request) => tab.streams.delete(request));
}

const shows = (tabs, id) => Promise.all(tabs.map((tab) => tab.locator('.ticker').getByText(`order-${id}`).waitFor()));

/** A tab that is behind another, as far as the page can tell. */
function hide(tab, isHidden) {
  return tab.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
}

export async function twelveTabs(browser, send) {
  const first = await newPage(browser, {}, signedOut);
  note(first);
  await signIn(first);
  let tabs = [first];
  for (let n = 1; n < 12; n += 1) {
    const tab = await newTab(first.context(), signedOut);
    note(tab);
    await tab.goto(base);
    await tab.getByText('Live', { exact: true }).waitFor();
    await tab.locator('.ticker li').first().waitFor();
    tabs.push(tab);
  }
  await streamsAre(1, tabs);
  await heldAre(1);
  await shows(tabs, await send('accepted'));

  // The one that leads is closed: nothing between its end and the next one's beginning is missed.
  const leader = tabs.find(leads);
  tabs = tabs.filter((tab) => tab !== leader);
  await leader.close();
  await shows(tabs, await send('accepted'));
  await streamsAre(1, tabs);
  assert.match(tabs.find(leads).resumed.at(-1), /^1\./, 'it goes on from what the one before it had heard');

  // A hidden leader hands over; while all are hidden there is none, and whoever is seen again has what was missed.
  const hidden = tabs.find(leads);
  await hide(hidden, true);
  await eventually('another leads', true, () => !leads(hidden) && tabs.some(leads));
  await streamsAre(1, tabs);
  await Promise.all(tabs.map((tab) => hide(tab, true)));
  await streamsAre(0, tabs);
  await heldAre(0);
  const missed = [await send('accepted'), await send('accepted')];
  await hide(tabs[3], false);
  for (const id of missed) await shows([tabs[3]], id);
  // A tab that comes to sight while another leads asks that one; so does one that is new.
  await Promise.all(tabs.map((tab) => hide(tab, false)));
  const late = await newTab(first.context(), signedOut);
  note(late);
  await late.goto(base);
  tabs.push(late);
  for (const id of missed) await shows(tabs, id);
  await streamsAre(1, tabs);
  assert.deepEqual(tabs.flatMap((tab) => tab.complaints), []);

  // Somebody else signs in in the same browser: whoever leads next does not read their stream as the first one's.
  tabs.forEach((tab) => { tab.complaints.length = 0; });
  const status = await tabs[0].evaluate(async ([email, password]) => {
    const headers = { 'content-type': 'application/json' };
    return (await fetch('/api/v1/session', { method: 'POST', headers, body: JSON.stringify({ email, password }) })).status;
  }, [MEMBER, MEMBER_PASSWORD]);
  assert.ok(status < 300, String(status));
  const before = tabs.find(leads);
  tabs = tabs.filter((tab) => tab !== before);
  await before.close();
  await Promise.all(tabs.map((tab) => tab.getByText(MEMBER).first().waitFor()));
  await streamsAre(1, tabs);
  // They have no transactions.
  await tabs[0].locator('.ticker').waitFor({ state: 'detached' });

  // One signs out: all are signed out, and nothing is read for anybody.
  await tabs[5].getByRole('button', { name: 'Account and preferences' }).click();
  await tabs[5].getByRole('button', { name: 'Sign out' }).click();
  await Promise.all(tabs.map((tab) => tab.getByRole('heading', { name: 'Sign in', exact: true }).waitFor()));
  await streamsAre(0, tabs);
  await first.context().close();
}
