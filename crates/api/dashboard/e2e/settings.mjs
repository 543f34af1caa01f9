// Keys of receivers and channels of alerts.
import assert from 'node:assert/strict';
import { go, newPage, signedOut, signIn, violations } from './browser.mjs';

/** A receiver's key is rotated: shown once, both active, tested, and the old one ended. */
export async function keyRotated(browser) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await go(page, 'settings/receivers');
  const card = page.locator('.card', { hasText: 'Netbanx · Acme' });
  await card.getByRole('button', { name: 'Rotate key' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
  const shown = page.getByRole('dialog', { name: 'The new key' });
  const key = (await shown.locator('pre').textContent()).trim();
  assert.equal(Buffer.from(key, 'base64').length, 32);
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press('Escape');
  await card.getByText('Key 2', { exact: true }).waitFor();
  assert.equal(await card.getByRole('button', { name: 'End now' }).count(), 2, 'both are active');
  assert.ok(!(await page.content()).includes(key), 'it is shown once');
  // A second, until every replica knows the key.
  await assert.doesNotReject(async () => {
    for (let n = 0; ; n += 1) {
      await card.getByRole('button', { name: 'Send a test' }).click();
      await card.getByText(/Accepted in|Refused/).waitFor();
      if (/Accepted/.test(await card.textContent())) return;
      assert.ok(n < 10, 'the new key is never accepted');
      await page.waitForTimeout(300);
    }
  });
  await card.getByRole('button', { name: 'End now key 1' }).click();
  await page.getByRole('button', { name: 'End it' }).click();
  await card.getByText('Key 1 (utf8) · ended').waitFor();
  await go(page, 'webhooks');
  await page.getByText('CONNECTION_TEST').first().waitFor();
  assert.deepEqual(page.complaints.filter((text) => !/401/.test(text)), []);
  await page.context().close();
}

/** An alert channel is added, tested, given quiet hours and removed. */
export async function alertChannel(browser) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await go(page, 'settings/alerts');
  await page.getByText('Nobody is told of alerts yet').waitFor();
  await page.getByRole('button', { name: 'New channel' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('on call');
  await dialog.getByLabel('Addresses').fill('ops@example.com, night@example.com');
  assert.deepEqual(await violations(page), []);
  await dialog.getByRole('button', { name: 'Add channel' }).click();
  await page.getByRole('table', { name: 'Alert channels' }).getByText('E-mail: ops@example.com, night@example.com').waitFor();
  // Nothing listens where this installation's mail server should be.
  await page.getByRole('button', { name: 'Test on call' }).click();
  await page.getByRole('dialog', { name: 'The test did not arrive' }).waitFor();
  await page.keyboard.press('Escape');
  // Quiet at night; what is not entered again stays.
  await page.getByRole('button', { name: 'Change on call' }).click();
  const form = page.getByRole('dialog', { name: 'Change on call' });
  await form.getByLabel('From', { exact: true }).fill('22:00');
  await form.getByLabel('Until').fill('07:00');
  await form.getByRole('combobox', { name: /^Zone/ }).selectOption('Europe/Vienna');
  assert.deepEqual(await violations(page), []);
  await form.getByRole('button', { name: 'Save' }).click();
  const channels = page.getByRole('table', { name: 'Alert channels' });
  await channels.getByText('22:00–07:00 Europe/Vienna').waitFor();
  await channels.getByText('E-mail: ops@example.com, night@example.com').waitFor();
  await page.getByRole('button', { name: 'Remove on call' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Nobody is told of alerts yet').waitFor();
  assert.deepEqual(page.complaints.filter((text) => !/401/.test(text)), []);
  await page.context().close();
}
