// What holds for every page.
import assert from 'node:assert/strict';
import { base, go, newPage, signedOut, signIn, violations } from './browser.mjs';

/** Every page, wide and on a phone, passes axe and does not scroll sideways. */
export async function everyPage(browser, colorScheme) {
  const page = await newPage(browser, { colorScheme }, signedOut);
  await signIn(page);
  for (const place of ['', '?range=custom&compare=year', 'transactions', 'accounts', 'webhooks', 'webhooks?show=failed', 'reconciliation', 'endpoints', 'queue', 'system', 'settings/receivers', 'settings/tokens', 'settings/users', 'settings/companies', 'settings/alerts', 'settings/audit', 'account', 'nonsense', 'settings/%E0%A4%A']) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await go(page, place);
    await page.waitForFunction(() => !document.querySelector('.loading'));
    assert.deepEqual(await violations(page), [], place);
    await page.setViewportSize({ width: 360, height: 780 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `${place || 'overview'} is ${wide} wide`);
    assert.deepEqual(await violations(page), [], `${place} on a phone`);
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** The first load stays small, and no inline script may run. */
export async function firstLoad(browser) {
  const page = await newPage(browser, {}, signedOut);
  let bytes = 0;
  let script = 0;
  const scripts = new Set();
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.responseReceived', (event) => event.type === 'Script' && scripts.add(event.requestId));
  session.on('Network.loadingFinished', (event) => {
    bytes += event.encodedDataLength;
    if (scripts.has(event.requestId)) script += event.encodedDataLength;
  });
  // All that somebody needs until the overview shows its figures.
  await signIn(page);
  await page.locator('.tile .value').first().waitFor();
  assert.ok(bytes > 10_000 && bytes < 150_000, `${bytes} bytes`);
  assert.ok(script > 10_000 && script < 60_000, `${script} bytes of script`);
  const policy = (await (await fetch(base)).headers.get('content-security-policy'));
  assert.match(policy, /script-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  await page.context().close();
}
