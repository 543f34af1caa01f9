// Who is let in, by what, and what they see then.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { base, go, newPage, signedOut, signIn, violations } from './browser.mjs';

const { MEMBER, MEMBER_PASSWORD } = process.env;

/** An app's code for a secret in base32 (RFC 6238), so many steps of 30 seconds from now. */
function codeOf(secret, steps = 0) {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const digest = createHmac('sha1', key).update(step).digest();
  return String((digest.readUInt32BE(digest[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** A stranger is refused with words that tell nothing. */
export async function aStrangerIsRefused(browser) {
  const page = await newPage(browser, {}, /401/);
  await page.goto(base);
  await page.getByLabel('E-mail').fill('nobody@example.com');
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(/^The address or the password is wrong/).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** A member is offered what they may do, and the server refuses the rest. */
export async function aMembersView(browser) {
  const page = await newPage(browser, {}, signedOut);
  await signIn(page, MEMBER, MEMBER_PASSWORD);
  const offered = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents();
  assert.deepEqual(offered, ['Overview', 'Transactions', 'Accounts', 'Webhooks', 'Reconciliation', 'Queue']);
  await go(page, 'transactions');
  await page.getByText('No transactions yet').waitFor();
  await go(page, 'queue');
  // Whether their webhooks are on their way, and nothing of how many others send.
  await page.locator('.tile', { hasText: 'Payments' }).getByText('Active').waitFor();
  assert.equal(await page.getByRole('table', { name: 'Lanes' }).count(), 0);
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
  // Somebody who may see little begins with what they may see.
  await page.route('**/api/v1/session', async (route) => {
    if (route.request().method() === 'DELETE') return route.abort();
    const answer = await route.fetch();
    const body = await answer.json();
    return route.fulfill({ response: answer, json: { ...body, data: { ...body.data, permissions: ['read:transactions'] } } });
  });
  await go(page, '');
  await page.reload();
  await page.getByRole('heading', { name: 'Transactions', exact: true }).waitFor();
  // A sign-out that nobody heard of is none.
  const signOut = async () => {
    await page.getByRole('button', { name: 'Account and preferences' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
  };
  await signOut();
  await page.getByText('You are still signed in').waitFor();
  await page.getByRole('heading', { name: 'Transactions', exact: true }).waitFor();
  await page.unroute('**/api/v1/session');
  await signOut();
  await page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
  assert.equal(await page.getByText('Your session ended').count(), 0);
  assert.deepEqual(page.complaints.filter((text) => !/403|ERR_FAILED/.test(text)), []);
  await page.context().close();
}

/** A second factor is set up and used; other sessions are ended; it is turned off with a recovery code. */
export async function secondFactor(browser) {
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
  await other.getByText('Your session ended').waitFor();
  await other.context().close();

  await page.getByLabel('Old password').fill('not the password');
  await page.getByLabel('New password').fill('another long password');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('The old password is wrong.').waitFor();
  await page.getByLabel('Old password').fill(MEMBER_PASSWORD);
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('Password changed').waitFor();
  await page.getByRole('button', { name: 'Turn off' }).click();
  await dialog.getByLabel('Code of your app').fill(codes[0]);
  await dialog.getByRole('button', { name: 'Turn off' }).click();
  await page.getByText('a stolen password alone opens nothing').waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** An OpenID Connect provider signs in who has a role, and nobody else. */
export async function byProvider(browser) {
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
}

/** Whoever needs a second factor sets it up before anything else. */
export async function secondFactorDemanded(browser, send) {
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
}
