// What the overview shows while webhooks come, and while something is wrong.
import assert from 'node:assert/strict';
import { base, isAccessible, newPage, newTab, signedOut, signIn, violations } from './browser.mjs';

async function inLessThan(milliseconds, what, work) {
  const begun = Date.now();
  await work();
  console.log(`${what}: ${Date.now() - begun} ms (promised within ${milliseconds})`);
}

/** The first-run page becomes the overview when the first webhook is stored, without a reload. */
export async function theFirstWebhook(browser, send) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await page.getByRole('heading', { name: 'Waiting for the first webhook', exact: true }).waitFor();
  assert.ok(await page.getByText('/api/webhooks/netbanx/acme').first().isVisible());
  assert.deepEqual(await violations(page), []);
  await page.evaluate(() => { globalThis.isSamePage = true; });
  await send('accepted');
  await inLessThan(2000, 'the first webhook is seen', () => page.getByRole('heading', { name: 'Overview', exact: true }).waitFor());
  await page.locator('.ticker li').first().waitFor();
  await send('accepted');
  await inLessThan(2000, 'the next webhook is seen', () => page.locator('.ticker li').nth(1).waitFor());
  assert.equal(await page.evaluate(() => globalThis.isSamePage), true);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** An alert of the chosen company stands above its figures; for all companies together none is asked for. */
export async function alertsOfACompany(browser) {
  const page = await newPage(browser, {}, signedOut);
  // What stands is the server's to find: here it is told that webhooks stopped.
  const silence = { alert: 'silence', severity: 'critical', message: 'no webhook for 2 hours, where earlier weeks had some', action: 'Is the shop open?' };
  const asked = [];
  await page.route('**/api/v1/alerts*', async (route) => {
    asked.push(new URL(route.request().url()).search);
    const answer = await route.fetch();
    const body = await answer.json();
    await route.fulfill({ response: answer, json: { ...body, data: { alerts: [...body.data.alerts, silence] } } });
  });
  await page.route('**/api/v1/analytics*', async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    await route.fulfill({ response: answer, json: { ...body, data: { ...body.data, paymentMethods: [{ paymentMethod: 'SEPA', count: 11, completed: 0, failed: 0 }] } } });
  });
  await signIn(page);
  // Of all companies together nothing is asked.
  await page.locator('.tile .value').first().waitFor();
  assert.deepEqual(asked, []);
  await page.getByLabel('Company').selectOption('acme');
  await page.getByRole('alert', { name: 'Alerts' }).getByText('no webhook for 2 hours').waitFor();
  assert.deepEqual(asked, ['?company=acme']);
  // Of what is neither completed nor failed no share is told.
  await page.getByText('11 · none completed or failed yet').waitFor();
  await isAccessible(page, 'the banner');
  // Another tab begins with that company, chooses its own, and leaves this one its.
  const tab = await newTab(page.context());
  await tab.goto(base);
  await tab.waitForURL((url) => url.hash === '#/?company=acme');
  await tab.getByLabel('Company').selectOption('other');
  await tab.waitForURL((url) => url.hash === '#/?company=other');
  await page.reload();
  await page.locator('.tile .value').first().waitFor();
  assert.equal(await page.getByLabel('Company').inputValue(), 'acme');
  assert.deepEqual([...page.complaints, ...tab.complaints], []);
  await page.context().close();
}

/** A connection that is lost is shown, and made again. */
export async function connectionLost(browser, send) {
  const page = await newPage(browser, {}, /./);
  await signIn(page);
  await page.getByText('Live', { exact: true }).waitFor();
  await send('stop-api');
  await page.getByText(/Connection lost|Not reachable/).waitFor();
  // A page that was not opened before cannot come: what is shown is not given up for a browser's own page.
  await page.evaluate(() => { globalThis.isSamePage = true; });
  await page.getByRole('link', { name: 'Endpoints', exact: true }).click();
  await page.getByText('This could not be loaded').waitFor();
  await send('start-api');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Endpoints', exact: true }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.isSamePage), true);
  await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
  await page.context().close();
}
