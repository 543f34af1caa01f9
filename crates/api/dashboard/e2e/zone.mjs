// The story of a company that counts by the days of its own time zone.
import assert from 'node:assert/strict';
import { go, newPage, signedOut, signIn, violations } from './browser.mjs';

export async function ownDays(browser) {
  // The viewer is elsewhere.
  const page = await newPage(browser, { timezoneId: 'Asia/Tokyo' }, signedOut);
  await signIn(page);
  const row = page.getByRole('table', { name: 'Companies' }).locator('tbody tr', { hasText: 'Acme' });
  const set = async (zone) => {
    await go(page, 'settings/companies');
    await row.getByRole('button', { name: 'Change' }).click();
    assert.deepEqual(await violations(page), []);
    await page.getByRole('dialog').getByLabel('Time zone').selectOption(zone);
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await row.getByText(zone || 'none is set').waitFor();
  };
  await set('America/Toronto');
  await go(page, '?range=month');
  const zone = page.getByLabel('Time zone');
  // Companies have no zone in common.
  assert.equal(await zone.inputValue(), 'Asia/Tokyo');
  const asked = page.waitForRequest((request) => {
    const query = new URL(request.url()).searchParams;
    return query.get('company') === 'acme' && query.get('timeRange') === 'month' && query.get('timeZone') === 'America/Toronto';
  });
  await page.getByLabel('Company').selectOption('acme');
  await asked;
  await page.getByText(/\(America\/Toronto\)$/).waitFor();
  assert.deepEqual(await zone.locator('option').evaluateAll((all) => all.slice(0, 2).map((one) => one.textContent)),
    ["America/Toronto (the company's)", 'Asia/Tokyo (yours)']);
  assert.deepEqual(await violations(page), []);
  // Another one is chosen as before, and what the company has is changed back.
  await zone.selectOption('Asia/Tokyo');
  await page.getByText(/\(Asia\/Tokyo\)$/).waitFor();
  await set('');
  await go(page, '?range=month');
  assert.equal(await zone.inputValue(), 'Asia/Tokyo');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}
