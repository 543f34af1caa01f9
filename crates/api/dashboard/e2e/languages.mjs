// The story of somebody who reads French.
import assert from 'node:assert/strict';
import { base, email, go, newPage, password, signedOut, signIn, violations } from './browser.mjs';

const PAGES = [
  ['', 'Vue d’ensemble'], ['transactions', 'Transactions'], ['accounts', 'Comptes'], ['webhooks', 'Webhooks'], ['reconciliation', 'Rapprochement'],
  ['endpoints', 'Points de terminaison'], ['queue', 'File d’attente'], ['system', 'Système'], ['settings/receivers', 'Paramètres'],
  ['settings/tokens', 'Paramètres'], ['settings/users', 'Paramètres'], ['settings/companies', 'Paramètres'], ['settings/alerts', 'Paramètres'],
  ['settings/audit', 'Paramètres'], ['account', 'Votre compte'], ['nulle-part', 'Page introuvable'],
];

const languageOf = (page) => page.evaluate(() => document.documentElement.lang);
const heading = (page, name) => page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();

export async function inFrench(browser, send) {
  const page = await newPage(browser, {}, /401 .*\/api\/v1\/session|503|Failed to fetch dynamically/);
  const asked = [];
  page.on('request', (request) => /assets\/fr-.*\.js$/.test(request.url()) && asked.push(request.url()));
  await signIn(page);
  await send('accepted');
  await send('accepted');
  await go(page, 'transactions?status=COMPLETED');
  await page.locator('tbody tr').nth(1).waitFor();
  assert.equal(await languageOf(page), 'en');
  assert.deepEqual(asked, [], 'what nobody reads is not loaded');

  // Texts that cannot be loaded change nothing.
  const open = (name) => page.getByRole('button', { name }).click();
  await open('Account and preferences');
  const choice = page.getByRole('dialog').getByRole('combobox', { name: /^(Language|Langue)/ });
  await page.route('**/assets/fr-*.js', (route) => route.fulfill({ status: 503, body: '' }));
  await choice.selectOption('fr');
  await page.getByText('This language could not be loaded.').waitFor();
  assert.deepEqual([await languageOf(page), await choice.inputValue()], ['en', 'en']);
  await page.unroute('**/assets/fr-*.js');

  // All that is shown changes at once, and stays what it was: the dialog, the filter, the page.
  await page.evaluate(() => { globalThis.isSamePage = true; });
  await choice.selectOption('fr');
  await page.getByRole('dialog', { name: 'Compte et préférences' }).waitFor();
  assert.deepEqual([await languageOf(page), await choice.inputValue()], ['fr', 'fr']);
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'File d’attente' }).waitFor();
  assert.equal(await page.getByLabel('Statut').inputValue(), 'COMPLETED');
  assert.equal(await page.evaluate(() => globalThis.isSamePage), true);
  assert.equal(await page.title(), 'Transactions · Webhooks Netbanx');

  // A number, a date and a word of the contract as French has them.
  const { transactions } = (await (await page.request.get(`${base}/api/v1/transactions?status=COMPLETED`)).json()).data;
  const [first] = transactions;
  const date = await page.evaluate((at) => new Intl.DateTimeFormat('fr', {
    month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZone: 'UTC',
  }).format(new Date(at)), first.transactionTime);
  const paid = await page.evaluate((amount) => new Intl.NumberFormat('fr', { style: 'currency', currency: 'EUR' }).format(amount / 100), first.amount);
  assert.match(paid, /^[\d\s]+,\d\d\s€$/);
  const row = page.getByRole('table', { name: 'Transactions' }).locator('tbody tr', { hasText: first.merchantRefNum });
  await row.getByText(paid).waitFor();
  await row.getByText(date).waitFor();
  await row.getByText('Abouti').waitFor();

  // One and several.
  const pager = page.getByRole('navigation', { name: 'Pages' }).filter({ hasText: 'ligne' });
  await pager.getByText(`${transactions.length} lignes`).waitFor();
  await page.getByLabel('Rechercher').fill(first.externalId);
  await pager.getByText('1 ligne', { exact: true }).waitFor();
  // What French sets before a mark does not break.
  await open('Compte et préférences');
  await page.getByRole('dialog').getByRole('link', { name: 'Votre compte' }).click();
  await page.getByText('à lui seul\u202f: vous vous connectez').waitFor();

  for (const [place, name] of PAGES) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await go(page, place);
    await heading(page, name);
    await page.waitForFunction(() => !document.querySelector('.loading'));
    assert.deepEqual(await violations(page), [], place);
    await page.setViewportSize({ width: 360, height: 780 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `${place} is ${wide} wide in French`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });

  // What is secret is hidden in every language.
  for (const [place, opener, label] of [['settings/users', /^Nouvel utilisateur/, /^Mot de passe/], ['settings/receivers', /^(Définir|Renouveler)/, /^Clé du portail/]]) {
    await go(page, place);
    await page.getByRole('button', { name: opener }).first().click();
    assert.equal(await page.getByRole('dialog').getByLabel(label).getAttribute('type'), 'password', place);
    await page.keyboard.press('Escape');
  }
  await go(page, 'nulle-part');

  // It is remembered; whoever signs in next in this browser is greeted in it.
  await page.reload();
  await heading(page, 'Page introuvable');
  assert.equal(await languageOf(page), 'fr');
  await open('Compte et préférences');
  await page.getByRole('dialog').getByRole('button', { name: 'Se déconnecter' }).click();
  await heading(page, 'Se connecter');
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('Langue').selectOption('en');
  await heading(page, 'Sign in');
  assert.equal(await languageOf(page), 'en');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
  await byTheBrowser(browser);
}

/** Without a choice the browser's own language counts, and in each language the customs of the browser's region. */
async function byTheBrowser(browser) {
  for (const [locale, isFrench] of [['fr-CA', true], ['en-CA', false]]) {
    const page = await newPage(browser, { locale }, signedOut);
    await page.goto(base);
    await heading(page, isFrench ? 'Se connecter' : 'Sign in');
    if (!isFrench) await page.getByLabel('Language').selectOption('fr');
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Mot de passe').fill(password);
    await page.getByRole('button', { name: 'Se connecter' }).click();
    await heading(page, 'Vue d’ensemble');
    await go(page, 'transactions');
    const time = page.locator('tbody tr time').first();
    const told = await time.evaluate((own) => [own.textContent, new Intl.DateTimeFormat('fr-CA', {
      month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZone: 'UTC',
    }).format(new Date(own.dateTime))]);
    assert.equal(told[0], told[1], locale);
    assert.match(told[0], / h /);
    assert.equal(await languageOf(page), 'fr');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
}
