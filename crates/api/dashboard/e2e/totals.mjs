// The story of what a list adds up to.
import assert from 'node:assert/strict';
import { go, newPage, signedOut, signIn, violations } from './browser.mjs';

/** Waits until the page shows what the API tells, of more transactions than so many; answers of how many. */
async function shows(page, more) {
  const shown = await page.waitForFunction(async (least) => {
    const { data } = await (await fetch('/api/v1/transactions/totals')).json();
    const [own] = data.byCurrency;
    const paid = new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'EUR' }).format(own.completedAmount / 100);
    const text = document.querySelector('section.totals')?.textContent ?? '';
    return own.count > least && text.startsWith(`${own.count} in EUR`) && text.includes(`${paid} paid`) && own.count;
  }, more, { polling: 200 });
  return shown.jsonValue();
}

export async function addsUp(browser, send) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await send('accepted');
  await go(page, 'transactions');
  const totals = page.getByRole('region', { name: 'Totals' });
  await totals.waitFor();
  const count = await shows(page, 0);
  assert.deepEqual(await violations(page), []);
  // What comes is added without a reload.
  await send('accepted');
  await shows(page, count);
  // Of the list as it is filtered.
  await page.getByLabel('Status').selectOption('FAILED');
  await page.getByText('Nothing found').waitFor();
  assert.equal(await totals.count(), 0);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}
