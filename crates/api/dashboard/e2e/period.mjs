// The story of a period that somebody chooses on the overview, shares, and looks into.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { email, go, newPage, password, signedOut, signIn, violations } from './browser.mjs';

/** Does something upon which the page asks for just those figures, and gets them. */
async function asks(page, wanted, act) {
  const isIt = (url) => url.pathname === '/api/v1/analytics' && isDeepStrictEqual(Object.fromEntries(url.searchParams), wanted);
  const others = [];
  const [answer] = await Promise.all([
    page.waitForResponse((one) => isIt(new URL(one.url())) || (others.push(one.url()), false))
      .catch(() => assert.fail(`${page.url()} asked for ${others.join(' ')}`)),
    act(),
  ]);
  assert.equal(answer.status(), 200, await answer.text());
}

const daysBefore = (days) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);

export async function chosenPeriod(browser) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await page.getByRole('button', { name: 'Custom' }).focus();
  const [from, to] = [daysBefore(9), daysBefore(0)];
  await page.keyboard.press('Enter');
  const custom = { from, to: daysBefore(-1), timeZone: 'UTC', compare: 'previous' };
  await asks(page, custom, () => page.getByLabel('From', { exact: true }).fill(from));
  assert.ok(page.url().includes(`from=${from}&to=${to}&zone=UTC`), page.url());
  await page.getByText('against the 10 days before').or(page.getByText('none in the 10 days before')).first().waitFor();
  assert.deepEqual(await violations(page), []);

  // The last bar leads to what was made on that day, all that there is; the first one to nothing.
  const bars = page.locator('.chart .u-over');
  const clickBar = async (n) => {
    const { width, height } = await bars.boundingBox();
    await bars.click({ position: { x: (width * (n + 0.5)) / 10, y: height / 2 } });
    await page.getByRole('heading', { name: 'Transactions', exact: true }).waitFor();
  };
  await clickBar(9);
  await page.locator('tbody tr').nth(2).waitFor();
  const place = new URL(page.url()).hash;
  assert.equal(place, `#/transactions?startDate=${encodeURIComponent(`${to}T00:00:00Z`)}&endDate=${encodeURIComponent(`${daysBefore(-1)}T00:00:00Z`)}&zone=UTC`);
  await page.getByText(/^Made \d.* \(UTC\)$/).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.goBack();
  await clickBar(0);
  await page.getByText('Nothing found').waitFor();
  await page.getByRole('button', { name: 'Any time' }).click();
  await page.locator('tbody tr').nth(2).waitFor();
  await page.goBack();
  // The same by the keyboard.
  await page.getByText('Numbers', { exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'Numbers of the chart' }).getByRole('link').last().focus();
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.hash === place);
  await page.goBack();

  // Days of another zone, against the year before, by weeks.
  const there = { ...custom, timeZone: 'America/Toronto' };
  await asks(page, there, () => page.getByLabel('Time zone').selectOption('America/Toronto'));
  await page.getByText(/\(America\/Toronto\)$/).waitFor();
  await asks(page, { ...there, compare: 'year' }, () => page.getByLabel('Compare with').selectOption('year'));
  await page.getByText('none in the same period a year ago').first().waitFor();
  await asks(page, { ...there, compare: 'year', interval: 'week' }, () => page.getByLabel(/^By/).selectOption('week'));
  assert.deepEqual(await violations(page), []);

  // Whoever is sent the address sees the same, wherever they are.
  const other = await newPage(browser, { timezoneId: 'Asia/Tokyo' }, signedOut);
  await signIn(other, email, password);
  await go(other, new URL(page.url()).hash.slice(2));
  assert.equal(await other.getByLabel('From', { exact: true }).inputValue(), from);
  assert.equal(await other.getByLabel('Time zone').inputValue(), 'America/Toronto');
  assert.equal(await other.getByLabel('Compare with').inputValue(), 'year');
  // A month is one of the viewer's own days, unless a zone was chosen.
  await asks(other, { timeRange: 'month', timeZone: 'Asia/Tokyo', compare: 'previous' }, () => go(other, '?range=month'));
  for (const one of [page, other]) assert.deepEqual(one.complaints, []);
  for (const one of [page, other]) await one.context().close();
}
