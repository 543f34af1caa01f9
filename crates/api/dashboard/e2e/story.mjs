// The dashboard's stories on a platform of their own; what they need comes by the environment (see tests/e2e/dashboard.rs).
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { base, go, isAccessible, launch, newPage, signedOut, signIn, violations } from './browser.mjs';
import { endpointsOut } from './endpoints.mjs';
import { isLoadedAnew } from './lazy.mjs';
import { lastHours } from './history.mjs';
import { inFrench } from './languages.mjs';
import { chosenPeriod } from './period.mjs';
import { lateAndAgain } from './receipt.mjs';
import { reportsCompared } from './reconciliation.mjs';
import { twelveTabs } from './tabs.mjs';
import { addsUp } from './totals.mjs';
import { columnsAndViews } from './views.mjs';
import { ownDays } from './zone.mjs';

const { MEMBER, MEMBER_PASSWORD, SEND } = process.env;
let browser;

before(async () => { browser = await launch(); });
after(() => browser?.close());

/** Has the harness send a webhook: `accepted` for the company (answers its id), `dead` for one that cannot be stored. */
async function send(what) {
  const post = () => fetch(`${SEND}/${what}`, { method: 'POST' });
  // Again where the gateway had closed the connection that was kept from the last time.
  const answer = await post().catch(post);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text;
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
  await page.getByRole('heading', { name: 'Waiting for the first webhook', exact: true }).waitFor();
  assert.ok(await page.getByText('/api/webhooks/netbanx/acme').first().isVisible());
  assert.deepEqual(await violations(page), []);
  await page.evaluate(() => { globalThis.isSamePage = true; });
  await send('accepted');
  await inLessThan(2000, 'the first webhook is seen', () => page.getByRole('heading', { name: 'Overview', exact: true }).waitFor());
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
  await page.getByRole('heading', { name: 'Transactions', exact: true }).waitFor();
  await page.getByRole('table', { name: 'Transactions' }).waitFor();
  await page.getByLabel('Status').selectOption('FAILED');
  await page.getByText('Nothing found').waitFor();
  assert.match(page.url(), /status=FAILED/);
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.locator('tbody tr').first().waitFor();
  assert.doesNotMatch(page.url(), /status/);
  await page.getByLabel('Status').selectOption('COMPLETED');
  await page.locator('tbody tr').first().waitFor();
  await page.locator('h1').click();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('PAYMENT_COMPLETED').first().waitFor();
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await dialog.getByRole('button', { name: 'Copy the reference' }).click();
  await dialog.getByRole('button', { name: 'Copied the reference' }).waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^order-/);
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
  // The one that was just sent, not the list as it was before.
  await page.getByText('3 rows').waitFor();
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
  await page.getByText('4 rows').waitFor();
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

test('twelve tabs share one stream, whoever of them is closed, hidden or signed out', () => twelveTabs(browser, send));

test('a period is chosen, shared, and looked into', () => chosenPeriod(browser));

test('a list of transactions is added up', () => addsUp(browser, send));

test('columns are chosen and views are saved by name', () => columnsAndViews(browser, send));

test('a company counts by its own days', () => ownDays(browser));

test('French is chosen, spoken on every page and remembered', () => inFrench(browser, send));

// Before the key that webhooks are signed with has ended.
test('the queue and the system are shown as they were', () => lastHours(browser));

test('an endpoint is added, tested, looked into, told again and removed', () => endpointsOut(browser, send));

test('what is wrong with a company stands above its figures', async () => {
  const page = await newPage(browser, {}, signedOut);
  // What stands is the server's to find: here it is told that webhooks stopped.
  const silence = { alert: 'silence', severity: 'critical', message: 'no webhook for 2 hours, where earlier weeks had some', action: 'Is the shop open?' };
  const asked = [];
  await page.route('**/api/v1/alerts*', async (route) => {
    asked.push(new URL(route.request().url()).search);
    const answer = await route.fetch();
    const body = await answer.json();
    await route.fulfill({ response: answer, json: { ...body, data: { alerts: [...body.data.alerts, silence] } } });
  });
  await signIn(page);
  // Of all companies together nothing is asked.
  await page.locator('.tile .value').first().waitFor();
  assert.deepEqual(asked, []);
  await page.getByLabel('Company').selectOption('acme');
  await page.getByRole('alert', { name: 'Alerts' }).getByText('no webhook for 2 hours').waitFor();
  assert.deepEqual(asked, ['?company=acme']);
  await isAccessible(page, 'the banner');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a report is compared, what differs is settled, and the next comparison is clean', () => reportsCompared(browser, send));

test('how late webhooks come and how many come again is told', () => lateAndAgain(browser, send));

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

test('a page that cannot be loaded is loaded anew once, and says so then', () => isLoadedAnew(browser));

test('an alert channel is added, tested with a click and removed', async () => {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page);
  await go(page, 'settings/alerts');
  await page.getByText('Nobody is told of alerts yet').waitFor();
  await page.getByRole('button', { name: 'New channel' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('on call');
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
  assert.deepEqual(page.complaints.filter((text) => !/401/.test(text)), []);
  await page.context().close();
});

test('a member sees their company alone, and is not offered what they may not do', async () => {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page, MEMBER, MEMBER_PASSWORD);
  const offered = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents();
  assert.deepEqual(offered, ['Overview', 'Transactions', 'Accounts', 'Webhooks', 'Reconciliation', 'Queue']);
  await go(page, 'transactions');
  await page.getByText('No transactions yet').waitFor();
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
  await page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
  assert.deepEqual(page.complaints.filter((text) => !/403/.test(text)), []);
  await page.context().close();
});

/** An app's code for a secret in base32 (RFC 6238), so many steps of 30 seconds from now. */
function codeOf(secret, steps = 0) {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const digest = createHmac('sha1', key).update(step).digest();
  return String((digest.readUInt32BE(digest[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

test('somebody sets up a second factor, signs in with it, sees and ends sessions, and turns it off', async () => {
  const page = await newPage(browser, {}, /401 .*\/api\/v1\/session|400 .*\/account\//);
  await signIn(page, MEMBER, MEMBER_PASSWORD);
  await page.getByRole('button', { name: 'Account and preferences' }).click();
  await page.getByRole('link', { name: 'Your account' }).click();
  await page.getByRole('heading', { name: 'Your account', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Set up' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Your password').fill('not the password');
  await page.keyboard.press('Enter');
  await dialog.getByText('password is wrong').waitFor();
  await dialog.getByLabel('Your password').fill(MEMBER_PASSWORD);
  await page.keyboard.press('Enter');
  await dialog.getByRole('img', { name: 'QR code' }).waitFor();
  const secret = (await dialog.locator('pre').textContent()).trim();
  assert.match(await dialog.getByRole('link', { name: 'Open in an app' }).getAttribute('href'), new RegExp(`^otpauth://totp/.*secret=${secret}`));
  assert.deepEqual(await violations(page), []);
  await dialog.getByLabel('The code that the app shows now').fill(codeOf(secret, -1));
  await page.keyboard.press('Enter');
  await dialog.getByText('each of these codes signs you in once').waitFor();
  const codes = (await dialog.locator('pre').textContent()).trim().split('\n');
  assert.equal(codes.length, 10);
  await dialog.getByRole('button', { name: 'I have kept them' }).click();
  await page.getByText('You have 10 unused recovery codes').waitFor();

  const other = await newPage(browser, {}, /401 .*\/api\/v1\/session/);
  await other.goto(base);
  await other.getByLabel('E-mail').fill(MEMBER);
  await other.getByLabel('Password').fill(MEMBER_PASSWORD);
  await other.keyboard.press('Enter');
  await other.getByLabel('Code of your app').waitFor();
  assert.deepEqual(await violations(other), []);
  await other.keyboard.type('000000');
  await other.keyboard.press('Enter');
  await other.getByText('the code is wrong').waitFor();
  await other.getByLabel('Code of your app').fill(codeOf(secret, 1));
  await other.keyboard.press('Enter');
  await other.locator('#content h1').waitFor();

  await page.reload();
  const sessions = page.getByRole('table', { name: 'Your sessions' }).locator('tbody tr');
  await sessions.nth(1).waitFor();
  assert.equal(await page.getByText('this session', { exact: false }).count(), 1);
  assert.deepEqual(await violations(page), []);
  await page.getByRole('button', { name: 'End all others' }).click();
  await page.getByText('Your other sessions ended').waitFor();
  await other.getByRole('heading', { name: 'Sign in', exact: true }).waitFor({ timeout: 30_000 });
  await other.context().close();

  await page.getByLabel('Old password').fill(MEMBER_PASSWORD);
  await page.getByLabel('New password').fill('another long password');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('Password changed').waitFor();
  await page.getByRole('button', { name: 'Turn off' }).click();
  await dialog.getByLabel('Code of your app').fill(codes[0]);
  await dialog.getByRole('button', { name: 'Turn off' }).click();
  await page.getByText('a stolen password alone opens nothing').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a provider signs somebody in who has a role, and says so where they have none', async () => {
  for (const [account, name] of [['olga', 'olga@example.com'], ['nobody', null]]) {
    // The provider's own page has no icon.
    const page = await newPage(browser, {}, /401 .*\/api\/v1\/session|favicon/);
    await page.goto(base);
    await page.getByRole('link', { name: 'Sign in with your organisation' }).click();
    await page.getByLabel('Account').fill(account);
    await page.getByRole('button', { name: 'Continue' }).click();
    if (name) {
      await page.locator('#content h1').waitFor();
      await page.getByText(name).waitFor();
      await go(page, 'account');
      await page.getByText('Your provider signs you in').waitFor();
    } else {
      await page.getByText('you have no access here').waitFor();
      assert.deepEqual(await violations(page), []);
    }
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
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
    for (const place of ['', '?range=custom&compare=year', 'transactions', 'accounts', 'webhooks', 'webhooks?show=failed', 'reconciliation', 'endpoints', 'queue', 'system', 'settings/receivers', 'settings/tokens', 'settings/users', 'settings/companies', 'settings/alerts', 'settings/audit', 'account', 'nonsense']) {
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
  let script = 0;
  const scripts = new Set();
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.responseReceived', (event) => event.type === 'Script' && scripts.add(event.requestId));
  session.on('Network.loadingFinished', (event) => {
    bytes += event.encodedDataLength;
    if (scripts.has(event.requestId)) script += event.encodedDataLength;
  });
  // All that somebody needs until the overview shows its figures.
  await signIn(page);
  await page.locator('.tile .value').first().waitFor();
  assert.ok(bytes > 10_000 && bytes < 150_000, `${bytes} bytes`);
  assert.ok(script > 10_000 && script < 60_000, `${script} bytes of script`);
  const policy = (await (await fetch(base)).headers.get('content-security-policy'));
  assert.match(policy, /script-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  await page.context().close();
});

test('of whom a second factor is demanded, sets it up before anything else', async () => {
  await send('demand');
  const page = await newPage(browser, {}, signedOut);
  await page.goto(base);
  await page.getByLabel('E-mail').fill(MEMBER);
  await page.getByLabel('Password').fill('another long password');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Set up a second factor', exact: true }).waitFor();
  await page.getByLabel('Your password').fill('another long password');
  await page.keyboard.press('Enter');
  await page.getByRole('img', { name: 'QR code' }).waitFor();
  assert.deepEqual(await violations(page), []);
  const secret = (await page.locator('pre').textContent()).trim();
  await page.getByLabel('The code that the app shows now').fill(codeOf(secret));
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await page.locator('#content h1').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
