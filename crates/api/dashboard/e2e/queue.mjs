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
  await onlyWhatIsSeen(page, row);
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

/** A filter says what it hides: nothing is said to be well, and nothing that is out of sight is discarded. */
async function onlyWhatIsSeen(page, row) {
  // Another one beside it, that no test need wait for.
  await page.route(/\/api\/webhooks\/queue\/dead(\?|$)/, async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    const error = new URL(route.request().url()).searchParams.get('error') ?? '';
    const all = body.data.deadLetters;
    if ('out of range'.includes(error)) all.push({ ...all[0], id: 'another', lane: 'payments', attempts: 1, history: [], diedAt: null, enqueuedAt: null, error: 'out of range' });
    await route.fulfill({ response: answer, json: body });
  });
  await row.nth(1).waitFor();
  const discard = page.getByRole('button', { name: 'Discard', exact: true });
  await page.getByLabel('All on this page').check();
  const error = page.getByRole('search').getByLabel('Error');
  await error.fill('range');
  await page.waitForFunction(() => document.querySelectorAll('[aria-label="Dead letters"] tbody tr').length === 1);
  assert.ok(await discard.isDisabled(), 'what was chosen before is chosen no more');
  await page.getByLabel('All on this page').check();
  await discard.click();
  await page.getByRole('dialog').getByText(/^1 dead letter is removed/).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.unroute(/\/api\/webhooks\/queue\/dead(\?|$)/);
  await error.fill('no such error');
  await page.getByText('Nothing found').waitFor();
  assert.equal(await page.getByText('No dead letters').count(), 0);
  // What is cleared are the filters, not which list is seen.
  await go(page, 'webhooks?show=failed&error=nothing');
  await page.getByText('Nothing found').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await row.waitFor();
  // Of another company there is none; the figures above are said to be the platform's.
  await go(page, 'queue?company=other');
  await page.getByText('Every accepted webhook of Other is stored').waitFor();
  await page.getByRole('heading', { name: 'The platform, all companies together' }).waitFor();
  await go(page, 'queue');
  await row.waitFor();
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
