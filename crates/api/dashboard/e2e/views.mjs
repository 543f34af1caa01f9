// The story of somebody who looks at the same list each morning, and shows it to others.
import assert from 'node:assert/strict';
import { base, go, isAccessible, newPage, newTab, signedOut, signIn } from './browser.mjs';

const heads = (page) => page.getByRole('columnheader').allTextContents();
const rows = (page) => page.locator('tbody tr').first().waitFor();

export async function columnsAndViews(browser, send) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await send('accepted');
  await go(page, 'transactions');
  await rows(page);
  const all = await heads(page);
  const fewer = all.filter((name) => !['Kind', 'Method'].includes(name));
  assert.equal(fewer.length, all.length - 2);

  // Columns are left out; the one that opens a row stays.
  await page.getByText('Columns', { exact: true }).click();
  const column = (name) => page.getByRole('group', { name: 'Columns to show' }).getByRole('checkbox', { name, exact: true });
  assert.ok(await column('Time').isDisabled());
  await column('Kind').uncheck();
  await column('Method').uncheck();
  await page.getByText(`Columns: ${fewer.length} of ${all.length}`).waitFor();
  assert.deepEqual(await heads(page), fewer);
  assert.match(decodeURIComponent(page.url()), /columns=time,amount,status,reference/);
  await isAccessible(page, 'columns to choose');

  // What is shown is saved under a name.
  await page.getByRole('combobox', { name: 'Status' }).selectOption('COMPLETED');
  await page.getByText('Saved views', { exact: true }).click();
  await page.getByText('Nothing is saved yet').waitFor();
  await page.getByLabel('Name of this view').fill('Each morning');
  await page.keyboard.press('Enter');
  await page.getByText('Saved as Each morning').waitFor();
  const shared = page.url();
  const saved = page.getByRole('list', { name: 'Saved views' }).getByRole('link', { name: 'Each morning' });
  assert.equal(await saved.getAttribute('aria-current'), 'true');
  await isAccessible(page, 'saved views');

  // The columns are remembered without the address, and of this list alone; the view brings the filter back.
  await go(page, 'webhooks');
  await page.getByText('Columns', { exact: true }).waitFor();
  await go(page, 'accounts');
  await page.getByText('Columns', { exact: true }).waitFor();
  await go(page, 'transactions');
  await rows(page);
  assert.deepEqual(await heads(page), fewer);
  assert.equal(await page.getByRole('combobox', { name: 'Status' }).inputValue(), '');
  await page.getByText('Saved views (1)').click();
  await saved.click();
  await page.waitForURL(/status=COMPLETED/);
  assert.equal(await page.getByRole('combobox', { name: 'Status' }).inputValue(), 'COMPLETED');

  // Who gets the address sees the same, and keeps their own columns.
  const other = await newPage(browser, {}, signedOut);
  await signIn(other);
  await other.goto(shared);
  await rows(other);
  assert.deepEqual(await heads(other), fewer);
  await other.getByText('Saved views', { exact: true }).waitFor();
  await go(other, 'accounts');
  await go(other, 'transactions');
  await rows(other);
  assert.deepEqual(await heads(other), all);
  assert.deepEqual(other.complaints, []);
  await other.context().close();

  // All columns again; a view that is removed is gone in each tab.
  const tab = await newTab(page.context());
  await tab.goto(`${base}/#/transactions`);
  await tab.getByText('Saved views (1)').waitFor();
  await page.getByText(/^Columns/).click();
  await column('Kind').check();
  await column('Method').check();
  await page.waitForURL((url) => !url.hash.includes('columns'));
  assert.deepEqual(await heads(page), all);
  await page.getByRole('button', { name: 'Remove Each morning' }).click();
  await page.getByText('Nothing is saved yet').waitFor();
  await tab.getByText('Saved views', { exact: true }).waitFor();
  assert.deepEqual([...page.complaints, ...tab.complaints], []);
  await page.context().close();
}
