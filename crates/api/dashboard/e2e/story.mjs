// The dashboard's stories on a platform of their own; what they need comes by the environment (see tests/e2e/dashboard.rs).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { base, go, launch, newPage, signedOut, signIn, violations } from './browser.mjs';

const { MEMBER, MEMBER_PASSWORD, SEND } = process.env;
let browser;

before(async () => { browser = await launch(); });
after(() => browser?.close());

/** Has the harness send a webhook: `accepted` for the company, `dead` for one that cannot be stored. */
async function send(what) {
  const post = () => fetch(`${SEND}/${what}`, { method: 'POST' });
  // Again where the gateway had closed the connection that was kept from the last time.
  const answer = await post().catch(post);
  assert.equal(answer.status, 200, await answer.text());
}

async function inLessThan(milliseconds, what, work) {
  const begun = Date.now();
  await work();
  console.log(`${what}: ${Date.now() - begun} ms (promised within ${milliseconds})`);
}

test('a stranger is refused, and told nothing', async () => {
  const page = await newPage(browser, {}, /401/);
  await page.goto(base);
  await page.getByLabel('E-mail').fill('nobody@example.com');
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('the address or the password is wrong').waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('the first webhook turns the first-run page into the overview without a reload', async () => {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await page.getByRole('heading', { name: 'Waiting for the first webhook' }).waitFor();
  assert.ok(await page.getByText('/api/webhooks/netbanx/acme').first().isVisible());
  assert.deepEqual(await violations(page), []);
  await page.evaluate(() => { globalThis.isSamePage = true; });
  await send('accepted');
  await inLessThan(2000, 'the first webhook is seen', () => page.getByRole('heading', { name: 'Overview' }).waitFor());
  await page.locator('.ticker li').first().waitFor();
  await send('accepted');
  await inLessThan(2000, 'the next webhook is seen', () => page.locator('.ticker li').nth(1).waitFor());
  assert.equal(await page.evaluate(() => globalThis.isSamePage), true);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('transactions are filtered, opened, paged by the keyboard and exported', async () => {
  const page = await newPage(browser, { acceptDownloads: true }, signedOut);
  await signIn(page);
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await page.getByRole('heading', { name: 'Transactions' }).waitFor();
  await page.getByRole('table', { name: 'Transactions' }).waitFor();
  await page.getByLabel('Status').selectOption('FAILED');
  await page.getByText('Nothing found').waitFor();
  assert.match(page.url(), /status=FAILED/);
  await page.getByLabel('Status').selectOption('COMPLETED');
  await page.locator('tbody tr').first().waitFor();
  await page.locator('h1').click();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('PAYMENT_COMPLETED').first().waitFor();
  await dialog.getByText('Body, masked').first().click();
  await dialog.locator('pre').first().waitFor();
  assert.deepEqual(await violations(page), []);
  // A transaction of one webhook has no past to go back to.
  assert.equal(await dialog.getByRole('slider').count(), 0);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.waitForURL((url) => !/transactions\/[0-9a-f]/.test(url.hash));
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export CSV' }).click()]);
  assert.equal(file.suggestedFilename(), 'transactions.csv');
  const text = await (await page.request.get(new URL(file.url()).href)).text();
  assert.match(text, /^transactionTime,id,/);
  assert.equal(text.trim().split('\r\n').length, 3, text);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a transaction is shown as it was, by the keyboard', async () => {
  await send('settled');
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await go(page, 'transactions');
  await page.locator('tbody tr').first().waitFor();
  await page.locator('tbody tr a').first().click();
  const dialog = page.getByRole('dialog');
  const slider = dialog.getByRole('slider', { name: 'Go back in time' });
  await slider.focus();
  assert.equal(await slider.getAttribute('aria-valuetext'), 'As of now');
  await page.keyboard.press('ArrowLeft');
  await dialog.getByText('What had happened by then').waitFor();
  await dialog.locator('.headline').getByText('Pending').waitFor();
  assert.match(await slider.getAttribute('aria-valuetext'), /^As of .*\d/);
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press('ArrowRight');
  await dialog.locator('.headline').getByText('Completed').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a dead letter says why, and is re-driven', async () => {
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
  await page.getByText('3 rows').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('lanes are paused and resumed', async () => {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await go(page, 'queue');
  await page.getByRole('button', { name: 'Pause payments' }).click();
  await page.getByRole('button', { name: 'Resume payments' }).click();
  await page.getByRole('button', { name: 'Pause payments' }).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a key is rotated: shown once, two active, tested with a click, the old one ended', async () => {
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
});

test('a member sees their company alone, and is not offered what they may not do', async () => {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page, MEMBER, MEMBER_PASSWORD);
  const offered = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents();
  assert.deepEqual(offered, ['Overview', 'Transactions', 'Accounts', 'Webhooks', 'Queue']);
  await go(page, 'transactions');
  await page.getByText('Nothing found').waitFor();
  await go(page, 'queue');
  await page.getByRole('table', { name: 'Lanes' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Pause' }).count(), 0);
  // The server refuses all the same.
  const status = await page.evaluate(async () => {
    const { data } = await (await fetch('/api/v1/session')).json();
    const headers = { 'content-type': 'application/json', 'x-csrf-token': data.csrfToken };
    const answers = await Promise.all([
      fetch('/api/v1/transactions?company=acme'),
      fetch('/api/webhooks/queue', { method: 'POST', headers, body: '{"action":"pause"}' }),
      fetch('/api/v1/receivers/netbanx/keys', { method: 'POST', headers, body: '{}' }),
    ]);
    return answers.map((answer) => answer.status);
  });
  assert.deepEqual(status, [403, 403, 403]);
  await page.getByRole('button', { name: 'Account and preferences' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.deepEqual(page.complaints.filter((text) => !/403/.test(text)), []);
  await page.context().close();
});

test('a lost connection is shown, and found again', async () => {
  const page = await newPage(browser, {}, /./);
  await signIn(page);
  await page.getByText('Live', { exact: true }).waitFor();
  await send('stop-api');
  await page.getByText(/Connection lost|Not reachable/).waitFor();
  await send('start-api');
  await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
  await page.context().close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`no page has a serious violation of WCAG 2.2 AA, nor scrolls sideways on a phone (${colorScheme})`, async () => {
    const page = await newPage(browser, { colorScheme }, signedOut);
    await signIn(page);
    for (const place of ['', 'transactions', 'accounts', 'webhooks', 'webhooks?show=failed', 'queue', 'system', 'settings/receivers', 'settings/tokens', 'settings/users', 'settings/audit', 'nonsense']) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await go(page, place);
      await page.waitForFunction(() => !document.querySelector('.loading'));
      assert.deepEqual(await violations(page), [], place);
      await page.setViewportSize({ width: 360, height: 780 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 360, `${place || 'overview'} is ${wide} wide`);
      assert.deepEqual(await violations(page), [], `${place} on a phone`);
    }
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test('the first load is small, and the policy lets no inline script run', async () => {
  const page = await newPage(browser, {}, signedOut);
  let bytes = 0;
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
  await page.goto(base);
  await page.getByLabel('E-mail').waitFor();
  await page.waitForLoadState('networkidle').catch(() => {});
  assert.ok(bytes > 10_000 && bytes < 150_000, `${bytes} bytes`);
  const policy = (await (await fetch(base)).headers.get('content-security-policy'));
  assert.match(policy, /script-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  await page.context().close();
});
