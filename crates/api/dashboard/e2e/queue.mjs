// What operators do to the queue.
import assert from 'node:assert/strict';
import { go, newPage, signedOut, signIn, violations } from './browser.mjs';

/** A dead letter shows its error, and is stored once its cause is gone. */
export async function deadLetterRedriven(browser, send) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await send('dead');
  await go(page, 'queue');
  const row = page.getByRole('table', { name: 'Dead letters' }).locator('tbody tr');
  await row.waitFor();
  assert.match(await row.textContent(), /database|refused/i);
  assert.deepEqual(await violations(page), []);
  await send('fixed');
  await row.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Re-drive' }).click();
  await page.getByText('1 webhook re-driven').waitFor();
  await page.getByText('No dead letters').waitFor();
  await go(page, 'transactions');
  await page.getByText('4 rows').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** The lanes are paused and resumed. */
export async function lanesPaused(browser) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await go(page, 'queue');
  await page.getByRole('button', { name: 'Pause payments' }).click();
  await page.getByRole('button', { name: 'Resume payments' }).click();
  await page.getByRole('button', { name: 'Pause payments' }).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}
