// The story of pages whose script is loaded when they are opened, while a new version is deployed or the network is away.
import assert from 'node:assert/strict';
import { go, newPage, signIn } from './browser.mjs';

export async function isLoadedAnew(browser) {
  const page = await newPage(browser, {}, /./);
  await signIn(page);
  await page.locator('.tile .value').first().waitFor();
  const isSamePage = () => page.evaluate(() => globalThis.isSamePage === true);
  const open = (name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
  await page.evaluate(() => { globalThis.isSamePage = true; });

  // Lost once: it is asked for again, and nobody notices.
  let lost = 0;
  const lose = (times) => async (route) => {
    lost += 1;
    await (lost <= times ? route.fulfill({ status: 404, body: '' }) : route.continue());
  };
  await page.route('**/assets/accounts-*.js', lose(1));
  await open('Accounts');
  await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
  assert.deepEqual([lost, await isSamePage()], [2, true]);
  // Whoever moves by a reader hears where they are, also where it came late.
  await page.waitForFunction(() => document.activeElement?.textContent === 'Accounts');

  // Gone with the version before: the page is loaded anew, at the same place.
  lost = 0;
  await page.route('**/assets/system-*.js', lose(2));
  await open('System');
  await page.getByRole('heading', { name: 'System', exact: true }).waitFor();
  assert.equal(await isSamePage(), false);

  // Still gone: it says so, and is not loaded over and over.
  await page.evaluate(() => { globalThis.isSamePage = true; });
  await page.route('**/assets/queue-*.js', (route) => route.fulfill({ status: 404, body: '' }));
  await open('Queue');
  await page.getByText('This could not be loaded').waitFor();
  assert.equal(await isSamePage(), true);
  await page.unroute('**/assets/queue-*.js');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Queue', exact: true }).waitFor();

  // Loaded before it is opened: by a pointer over its name, or the focus.
  await go(page, '');
  const asked = page.waitForRequest((request) => /assets\/webhooks-.*\.js$/.test(request.url()));
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Webhooks' }).focus();
  const answer = await (await asked).response();
  assert.match(answer.headers()['cache-control'], /immutable/);
  assert.equal(answer.headers()['content-encoding'], 'gzip');
  await page.context().close();
}
