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
  // What a test is about is looked for among what is a test.
  await page.route(/\/api\/v1\/events\/[0-9a-f-]{36}/, async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    await route.fulfill({ response: answer, json: { ...body, data: { ...body.data, mode: 'test' } } });
  });
  await page.getByRole('table', { name: 'Stored webhooks' }).locator('tbody tr', { hasText: 'PAYMENT_COMPLETED' }).first().getByRole('link').click();
  await page.getByRole('dialog').locator('a[href*="#/transactions?company=acme&q="][href*="mode=test"]').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}
