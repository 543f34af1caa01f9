// The story of how late webhooks come, and how many come again.
import assert from 'node:assert/strict';
import { go, isAccessible, newPage, signedOut, signIn } from './browser.mjs';

export async function lateAndAgain(browser, send) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await send('late');
  await page.getByLabel('Company').selectOption('acme');
  const asked = page.waitForResponse((answer) => /\/api\/v1\/receipt\?.*company=acme/.test(answer.url()));
  await page.getByRole('link', { name: 'Webhooks', exact: true }).click();
  await asked;
  const hour = page.getByRole('region', { name: 'Last hour' });
  // Those of other stories came at once: the slowest is the one that was an hour on its way.
  await hour.getByText('Netbanx’s time to our receipt').waitFor();
  const slowest = await hour.locator('div', { has: page.getByText('Slowest', { exact: true }) }).locator('dd').last().textContent();
  assert.match(slowest, /^1(\.\d)? hr$/);
  assert.match(await hour.textContent(), /Redelivered\d+ of \d+ \(\d/);
  await isAccessible(page, 'how webhooks were received');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}
