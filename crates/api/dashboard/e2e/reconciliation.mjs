// The story of a report that is compared: what differs is seen and settled, and the next comparison is clean.
import assert from 'node:assert/strict';
import { base, isAccessible, newPage, signIn } from './browser.mjs';

const HEADER = 'Nummer;merchantRefNum;kind;status;amount;currency;time';

export async function reportsCompared(browser, send) {
  // Two payments of €1,999.00 that we have, of which the report has one, with another amount; and it has one that we have not.
  const [known, forgotten] = [await send('accepted'), await send('accepted')];
  // What the form refuses is told by the API.
  const page = await newPage(browser, { acceptDownloads: true }, /401 .*\/api\/v1\/session|400 .*\/reconciliations|409 .*\/ask/);
  await signIn(page);
  await page.keyboard.press('g');
  await page.keyboard.press('r');
  await page.getByRole('heading', { name: 'Reconciliation', exact: true }).waitFor();
  await page.getByText('No report was compared yet').waitFor();
  await isAccessible(page, 'no comparisons');

  // Both are there before they are compared; their times say which span the report has.
  const [from, until] = [await timeOf(page, known), await timeOf(page, forgotten)];
  const row = (id, amount, time) => [id, `order-${id}`, 'PAYMENT', 'COMPLETED', amount, 'EUR', time].join(';');
  const report = (amount) => ({
    name: 'march.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from([HEADER, row(known, amount, from), row('invented', '5,00', until), ''].join('\n')),
  });

  // A problem is told at its field, which has the focus; by the keyboard the rest is filled in.
  await page.getByRole('button', { name: 'Compare a report' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Company').selectOption('acme');
  await dialog.getByLabel(/^Report/).setInputFiles(report('18,99'));
  await dialog.getByLabel('Amounts').selectOption('major');
  await dialog.getByLabel('Decimals have a comma').check();
  await dialog.getByText('How the report is read').click();
  await dialog.getByLabel('Read it as was saved under').fill('nothing');
  await isAccessible(page, 'the form of a report');
  await dialog.getByRole('button', { name: 'Compare' }).click();
  await dialog.getByRole('alert').getByText('no mapping was saved under that name').waitFor();
  await dialog.locator('[aria-invalid="true"]:focus').waitFor();
  await isAccessible(page, 'a refused report');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.press('Delete');
  // The report's own columns are offered.
  assert.equal(await dialog.locator('datalist option').first().getAttribute('value'), 'Nummer');
  await dialog.getByLabel('Id', { exact: true }).fill('Nummer');
  await dialog.getByLabel('Save all of this').fill('bank');
  await dialog.getByRole('button', { name: 'Compare' }).click();

  // What was found, with the reason of each.
  await page.getByRole('heading', { name: 'march.csv' }).waitFor();
  const rows = page.getByRole('table', { name: 'Differences' }).locator('tbody tr');
  const count = (wanted) => page.waitForFunction((many) => document.querySelectorAll('[aria-label="Differences"] tbody tr').length === many, wanted);
  const differing = rows.filter({ hasText: `order-${known}` });
  await differing.getByText('Amount: €1,999.00 here, €18.99 in the report').waitFor();
  await rows.filter({ hasText: 'order-invented' }).getByText(/^No transaction here has its id/).waitFor();
  await page.getByRole('table', { name: 'Sums by day and currency' }).locator('tbody tr').first().waitFor();
  await isAccessible(page, 'a comparison');
  assert.equal(await differing.getByRole('link').getAttribute('href').then((link) => /^#\/transactions\/[0-9a-f-]{36}$/.test(link)), true);

  // Filters stand in the address, and hold for the file too.
  const all = await rows.count();
  // What can be done with each is in sight beside the largest amount.
  await page.route(/\/items\?.*finding=missingHere/, async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const item of body.data.items) item.detail.amount = 123_456_789_012;
    await route.fulfill({ response: answer, json: body });
  });
  await page.getByRole('combobox', { name: 'Difference' }).selectOption('missingHere');
  await count(1);
  await rows.getByText('€1,234,567,890.12').waitFor();
  await page.setViewportSize({ width: 1280, height: 800 });
  assert.ok(await page.getByRole('region', { name: 'Differences' }).evaluate((own) => own.scrollWidth <= own.clientWidth), 'the actions are out of sight');
  assert.match(page.url(), /finding=missingHere/);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export CSV' }).click()]);
  assert.equal(file.suggestedFilename(), 'reconciliation.csv');
  const text = await (await page.request.get(file.url())).text();
  assert.match(text, /^\ufeffnumber,finding,state,/);
  assert.equal(text.trim().split('\r\n').length, 2, text);
  await page.getByRole('combobox', { name: 'State' }).selectOption('ignored');
  await page.getByText('Nothing found').waitFor();
  await page.getByRole('button', { name: 'Show all' }).click();
  await count(all);

  // Netbanx is asked where the company has look-ups, and otherwise it is told what to do.
  await differing.getByRole('button', { name: /^Ask Netbanx/ }).click();
  await page.getByText(/^the company has no look-ups configured/i).waitFor();

  // One is taken over, what the report lacks is ignored with a reason.
  await differing.getByRole('button', { name: /^Take over/ }).click();
  await isAccessible(page, 'what taking over means');
  await page.getByRole('dialog').getByRole('button', { name: 'Take over' }).click();
  await page.getByText('1 taken over').waitFor();
  await differing.locator('.badge', { hasText: 'Taken over' }).waitFor();
  await page.getByRole('button', { name: 'Take over all…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take over' }).click();
  await rows.filter({ hasText: 'order-invented' }).locator('.badge', { hasText: 'Taken over' }).waitFor();
  await page.getByRole('button', { name: 'Take over all…' }).waitFor({ state: 'detached' });
  const lacking = rows.filter({ has: page.locator('.badge', { hasText: 'Missing there' }) });
  await lacking.filter({ hasText: `order-${forgotten}` }).waitFor();
  for (let left = await lacking.count(); left > 0; left -= 1) {
    await lacking.getByRole('button', { name: /^Ignore/ }).first().click();
    await dialog.getByLabel('Reason').fill('The report ends before it');
    if (left === 1) await isAccessible(page, 'a reason');
    await page.keyboard.press('Enter');
    await page.waitForFunction((open) => [...document.querySelectorAll('tbody button')].filter((button) => button.textContent.startsWith('Ignore')).length === open, left - 1);
  }

  // The same report once more, as it was saved: nothing is left to do.
  await page.getByRole('link', { name: 'All comparisons' }).click();
  await page.getByRole('table', { name: 'Comparisons' }).getByText('Finished').waitFor();
  await page.getByRole('button', { name: 'Compare a report' }).click();
  await dialog.getByLabel('Company').selectOption('acme');
  await dialog.getByLabel(/^Report/).setInputFiles({ ...report('18,99'), name: 'again.csv' });
  await dialog.getByText('How the report is read').click();
  await dialog.locator('#mappings option[value="bank"]').waitFor({ state: 'attached' });
  await dialog.getByLabel('Read it as was saved under').fill('bank');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'again.csv' }).waitFor();
  await page.getByText('The same', { exact: true }).waitFor();
  await page.getByRole('combobox', { name: 'State' }).selectOption('open');
  await page.getByText('Nothing found').waitFor();
  // It can be shared: who opens the address sees the same.
  await page.reload();
  await page.getByText('Nothing found').waitFor();
  assert.equal(await page.getByRole('combobox', { name: 'State' }).inputValue(), 'open');
  await page.getByRole('link', { name: 'All comparisons' }).click();
  await page.getByRole('table', { name: 'Comparisons' }).getByText('The same').waitFor();
  await isAccessible(page, 'all comparisons');
  await goesOn(page);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** While a comparison goes on it says how far it is; one that was cut off says what to do. A small report is too quick to be seen so. */
async function goesOn(page) {
  let now = { state: 'running', percent: 40, rows: 1200 };
  await page.route(/\/api\/v1\/reconciliations\/[0-9a-f-]{36}$/, async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    await route.fulfill({ response: answer, json: { ...body, data: { ...body.data, ...now } } });
  });
  await page.getByRole('table', { name: 'Comparisons' }).getByRole('link', { name: 'again.csv' }).click();
  const progress = page.getByRole('progressbar', { name: 'Read of the report' });
  await progress.waitFor();
  assert.equal(await progress.getAttribute('value'), '40');
  await page.getByText('1,200 rows read, 40% of the report').waitFor();
  await isAccessible(page, 'a comparison that goes on');
  now = { state: 'stopped', finishedAt: null, failure: 'the service was stopped: send the report again' };
  await page.getByText('send the report again').waitFor();
  await isAccessible(page, 'a comparison that was cut off');
  await page.getByRole('link', { name: 'Compare the report again' }).click();
  await page.getByRole('table', { name: 'Comparisons' }).waitFor();
}

/** When a payment was made, once its webhook is stored. */
async function timeOf(page, id) {
  for (let round = 0; ; round += 1) {
    const answer = await page.request.get(`${base}/api/v1/transactions?q=${id}`);
    const [found] = (await answer.json()).data?.transactions ?? [];
    if (found) return found.transactionTime;
    assert.ok(round < 100, `${id} is not stored`);
    await page.waitForTimeout(100);
  }
}
