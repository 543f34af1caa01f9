// Keys of receivers and channels of alerts.
import assert from 'node:assert/strict';
import { email, go, newPage, signedOut, signIn, violations } from './browser.mjs';

/** What is shown once is closed neither by Escape, however often, nor by a click beside it; its own button is where these lead. */
async function staysUntilKept(page, dialog) {
  for (let n = 0; n < 3; n += 1) await page.keyboard.press('Escape');
  await clickBeside(page, dialog);
  await dialog.locator('button.primary:focus').waitFor();
  assert.equal(await dialog.getByRole('button', { name: 'Close' }).count(), 0);
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
}

async function clickBeside(page, dialog) {
  const { x, y } = await dialog.boundingBox();
  await page.mouse.click(x - 20, y);
}

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
  await staysUntilKept(page, shown);
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
  // A press that ends beside the dialog was none beside it; what would close it asks first, and can be taken back.
  const name = await dialog.getByRole('textbox', { name: 'Name' }).boundingBox();
  await page.mouse.move(name.x + 30, name.y + 10);
  await page.mouse.down();
  await page.mouse.move(20, name.y + 10);
  await page.mouse.up();
  const asked = page.getByRole('dialog', { name: 'Discard what you entered?' });
  assert.equal(await asked.count(), 0);
  await clickBeside(page, dialog);
  await asked.waitFor();
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press('Escape');
  await asked.waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await asked.getByRole('button', { name: 'Keep editing' }).click();
  assert.equal(await dialog.getByRole('textbox', { name: 'Name' }).inputValue(), 'on call');
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
  await tokenMade(page);
  assert.deepEqual(page.complaints.filter((text) => !/401/.test(text)), []);
  await page.context().close();
}

/** A token is for the company that is looked at, made once however often one clicks, and told in the audit log by name. */
async function tokenMade(page) {
  let made = 0;
  page.on('request', (request) => { made += Number(request.method() === 'POST' && request.url().endsWith('/api/v1/tokens')); });
  await go(page, 'settings/tokens?company=acme');
  await page.getByText('No tokens yet').waitFor();
  await page.getByRole('button', { name: 'New token' }).click();
  const form = page.getByRole('dialog', { name: 'New token' });
  assert.equal(await form.getByLabel('Company').inputValue(), 'acme');
  await form.getByRole('textbox', { name: 'Name' }).fill('till');
  await form.getByLabel('Expires after').selectOption('365');
  await form.getByRole('button', { name: 'Create token' }).dblclick();
  await staysUntilKept(page, page.getByRole('dialog', { name: 'The new token' }));
  const row = page.getByRole('table', { name: 'API tokens' }).locator('tbody tr');
  // Of a day a year from now the year is told.
  await row.filter({ hasText: String(new Date().getUTCFullYear() + 1) }).waitFor();
  assert.deepEqual([made, await row.count()], [1, 1]);
  await page.getByRole('link', { name: 'Audit log' }).click();
  const entry = page.getByRole('table', { name: 'Audit log' }).locator('tbody tr', { hasText: 'token.add' }).first();
  await entry.getByText(email, { exact: true }).waitFor();
}
