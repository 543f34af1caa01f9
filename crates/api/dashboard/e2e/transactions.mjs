// A transaction is found, read and taken along.
import assert from 'node:assert/strict';
import { go, newPage, signedOut, signIn, violations } from './browser.mjs';

/** A list is filtered, a transaction opened from the keyboard, its reference copied, and the list exported. */
export async function filteredAndOpened(browser) {
  const page = await newPage(browser, { acceptDownloads: true }, signedOut);
  await signIn(page);
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await page.getByRole('heading', { name: 'Transactions', exact: true }).waitFor();
  await page.getByRole('table', { name: 'Transactions' }).waitFor();
  await page.getByLabel('Status').selectOption('FAILED');
  await page.getByText('Nothing found').waitFor();
  assert.match(page.url(), /status=FAILED/);
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.locator('tbody tr').first().waitFor();
  assert.doesNotMatch(page.url(), /status/);
  // Two filters in one breath both hold, and a blank at the end stays, as another word may follow it.
  const both = page.waitForResponse((answer) => /transactions\?.*q=order-/.test(answer.url()) && /status=COMPLETED/.test(answer.url()));
  await page.getByLabel('Search').fill('order- ');
  await page.getByLabel('Status').selectOption('COMPLETED');
  await both;
  assert.match(page.url(), /status=COMPLETED&q=order-$/);
  assert.equal(await page.getByLabel('Search').inputValue(), 'order- ');
  // Half of a code, and a year of which some is missing, are never asked for.
  for (const [label, half] of [['Currency', 'E'], ['From', '0202-01-01']]) {
    const field = page.getByLabel(label, { exact: true });
    await field.fill(half);
    await page.locator('h1').click();
    await page.waitForFunction((own) => own.value === '', await field.elementHandle());
  }
  await page.getByLabel('Search').fill('');
  await page.waitForURL((url) => !url.hash.includes('q='));
  // However long a reference is, all columns stay in sight.
  await page.route(/\/api\/v1\/transactions\?.*currency=EUR/, async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const row of body.data.transactions) row.merchantRefNum = 'x'.repeat(255);
    await route.fulfill({ response: answer, json: body });
  });
  await page.getByLabel('Currency').fill('eur');
  await page.locator('tbody tr', { hasText: 'x'.repeat(255) }).first().waitFor();
  assert.ok(await page.getByRole('region', { name: 'Transactions' }).evaluate((own) => own.scrollWidth <= own.clientWidth), 'a column is out of sight');
  await page.getByLabel('Currency').fill('');
  await page.locator('tbody tr', { hasText: /order-/ }).first().waitFor();
  await page.locator('h1').click();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('PAYMENT_COMPLETED').first().waitFor();
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await dialog.getByRole('button', { name: 'Copy the reference' }).click();
  await dialog.getByRole('button', { name: 'Copied the reference' }).waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^order-/);
  await dialog.getByText('Body, masked').first().click();
  await dialog.locator('pre').first().waitFor();
  assert.deepEqual(await violations(page), []);
  // A transaction of one webhook has no past to go back to.
  assert.equal(await dialog.getByRole('slider').count(), 0);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.waitForURL((url) => !/transactions\/[0-9a-f]/.test(url.hash));
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export CSV' }).click()]);
  assert.equal(file.suggestedFilename(), 'transactions.csv');
  const text = await (await page.request.get(new URL(file.url()).href)).text();
  assert.match(text, /^\ufefftransactionTime,id,/);
  assert.equal(text.trim().split('\r\n').length, 3, text);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** A transaction of two webhooks is shown as it was after the first. */
export async function asItWas(browser, send) {
  await send('settled');
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await go(page, 'transactions');
  // The one that was just sent, not the list as it was before.
  await page.getByText('3 rows').waitFor();
  await page.locator('tbody tr a').first().click();
  const dialog = page.getByRole('dialog');
  const slider = dialog.getByRole('slider', { name: 'Go back in time' });
  await slider.focus();
  assert.equal(await slider.getAttribute('aria-valuetext'), 'As of now');
  await page.keyboard.press('ArrowLeft');
  await dialog.getByText('What had happened by then').waitFor();
  await dialog.locator('.headline').getByText('Pending').waitFor();
  assert.match(await slider.getAttribute('aria-valuetext'), /^As of .*\d/);
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press('ArrowRight');
  await dialog.locator('.headline').getByText('Completed').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}
