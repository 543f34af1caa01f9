// The story of a company's own system that is told of what changes.
import assert from 'node:assert/strict';
import { isAccessible, newPage, signIn } from './browser.mjs';

const { CUSTOMER } = process.env;

export async function endpointsOut(browser, send) {
  // What the form refuses is told by the API.
  const page = await newPage(browser, {}, /401 .*\/api\/v1\/session|400 .*\/endpoints/);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await signIn(page);
  await page.keyboard.press('g');
  await page.keyboard.press('n');
  await page.getByRole('heading', { name: 'Endpoints', exact: true }).waitFor();
  await page.getByText('No endpoints yet').waitFor();

  // Added by the keyboard; where messages may not go is refused.
  await page.getByRole('button', { name: 'New endpoint' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Company').selectOption('acme');
  await dialog.getByLabel('URL').fill('http://10.0.0.1/hooks');
  await dialog.getByLabel('Description').fill('The shop');
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').getByText(/address/).waitFor();
  await isAccessible(page, 'the form');
  await dialog.getByLabel('URL').fill(CUSTOMER);
  await dialog.getByLabel(/^All/).uncheck();
  await page.keyboard.press('Enter');
  await dialog.getByText('Choose an event type').waitFor();
  await dialog.getByLabel(/^transaction.created/).check();
  await dialog.getByRole('button', { name: 'Add endpoint' }).click();
  const added = Date.now();

  // Its key is shown this once.
  const key = page.getByRole('dialog', { name: 'The endpoint’s key' });
  const secret = (await key.locator('pre').first().textContent()).trim();
  assert.match(secret, /^whsec_/);
  await key.getByRole('button', { name: 'Copy' }).first().click();
  await key.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  await key.getByText('How to verify').click();
  await isAccessible(page, 'the key');
  await key.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('heading', { name: new URL(CUSTOMER).host }).waitFor();
  assert.ok(!(await page.content()).includes(secret), 'it is shown once');
  await page.getByText('Nothing was sent yet').waitFor();

  // A test shows what the other end answers.
  const press = (name) => page.getByRole('button', { name, exact: true }).click();
  await press('Send a test');
  const answer = page.getByRole('dialog', { name: 'What the test came to' });
  await answer.getByText('Status 200').waitFor();
  await answer.getByText('answer 200').waitFor();
  await isAccessible(page, 'the answer');
  await page.keyboard.press('Escape');

  // From two seconds after it was added on it is told of everything.
  await page.waitForTimeout(Math.max(0, added + 2_000 - Date.now()));
  await send('accepted');
  const rows = page.getByRole('table', { name: 'Attempts' }).locator('tbody tr');
  const count = (wanted) => page.waitForFunction((many) => document.querySelectorAll('tbody tr').length === many, wanted);
  await rows.getByText('transaction.created').waitFor();
  await isAccessible(page, 'an endpoint');
  await page.locator('h1').click();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Attempt' }).getByText('answer 200').waitFor();
  await isAccessible(page, 'an attempt');
  await page.keyboard.press('Escape');

  // Filters stand in the address.
  await page.getByLabel('Event type').selectOption('endpoint.test');
  await count(1);
  assert.match(page.url(), /eventType=endpoint\.test/);
  await page.getByLabel('Event type').selectOption('');
  await page.getByLabel('Answered status').fill('503');
  await page.getByText('Nothing found').waitFor();
  await page.getByRole('button', { name: 'Show all' }).click();
  await count(2);
  await page.getByLabel(/^From/).fill('2026-01-01T00:00');
  await page.getByLabel(/^Until/).fill('2026-01-01T01:00');
  await page.getByText('Nothing found').waitFor();
  await page.getByRole('button', { name: 'Show all' }).click();
  await count(2);

  // Gone: it is disabled, and gets what failed when it is back.
  await send('gone');
  await send('accepted');
  await page.locator('.badge', { hasText: 'Disabled' }).waitFor({ timeout: 30_000 });
  assert.ok(await page.getByRole('button', { name: 'Send a test' }).isDisabled());
  await page.getByLabel('Result').selectOption('failed');
  await rows.getByText('410').waitFor();
  await count(1);
  await page.getByLabel('Result').selectOption('');
  await press('Enable');
  await press('Disable').catch(() => assert.fail('it is enabled'));
  await press('Enable');
  await page.getByRole('button', { name: 'Disable', exact: true }).waitFor();
  await press('Re-send…');
  await isAccessible(page, 'sending again');
  await dialog.getByRole('button', { name: 'Re-send', exact: true }).click();
  await page.getByText('1 message on the way').waitFor();
  await count(4);
  // One, and a range.
  await rows.first().getByRole('button', { name: /^Re-send/ }).click();
  await page.getByText('The message is on its way again').waitFor();
  await count(5);
  await press('Re-send…');
  await dialog.getByRole('button', { name: 'A range of time' }).click();
  await dialog.getByRole('button', { name: 'Re-send', exact: true }).click();
  // What was told to this endpoint: tests are none of its event types.
  await page.getByText('2 messages on the way').waitFor();
  await count(7);

  // Changed, and given another key.
  await press('Edit');
  await dialog.getByLabel('Description').fill('The shop’s new system');
  await page.keyboard.press('Enter');
  await page.getByText('The shop’s new system').waitFor();
  await press('Rotate key');
  await dialog.getByRole('button', { name: 'Rotate' }).click();
  assert.notEqual((await key.locator('pre').first().textContent()).trim(), secret);
  await key.getByRole('button', { name: 'I have kept it' }).click();

  // All of them with how they fare; then it is removed.
  await page.getByRole('link', { name: 'All endpoints' }).click();
  const listed = page.getByRole('table', { name: 'Endpoints' }).locator('tbody tr');
  await listed.getByText(/^\d.*%$/).waitFor();
  await listed.getByText(/^\d.* ms$/).waitFor();
  await isAccessible(page, 'the list');
  await listed.getByRole('link').click();
  await press('Remove');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('No endpoints yet').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}
