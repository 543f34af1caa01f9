import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

export const { URL: base, EMAIL: email, PASSWORD: password } = process.env;
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Debian's Chromium. Its own sandbox needs rights that a container's root does not have. */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
}

/** A page that fails the story for whatever its console complains of, but for what `expected` matches. */
export async function newPage(browser, options = {}, expected = /^$/) {
  return newTab(await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', timezoneId: 'UTC', ...options }), expected);
}

/** Another page of the same browser: it shares cookies, connections and locks with the others of its context. */
export async function newTab(context, expected = /^$/) {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.complaints = [];
  const note = (text) => expected.test(text) || page.complaints.push(text);
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && note(`${message.text()} ${message.location().url}`));
  page.on('pageerror', (error) => note(String(error.stack)));
  return page;
}

// Before anybody signed in the session is asked for once, which the browser reports as a failed request.
export const signedOut = /401 .*\/api\/v1\/session/;

export async function signIn(page, as = email, secret = password) {
  await page.goto(base);
  await page.getByLabel('E-mail').fill(as);
  await page.getByLabel('Password').fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#content h1').waitFor();
}

export async function go(page, place) {
  await page.goto(`${base}/#/${place}`);
  await page.locator('main h1').waitFor();
}

/** Serious and critical violations of WCAG 2.2 AA on what is shown, as text. */
export async function violations(page) {
  await page.evaluate(axeSource);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  return found.violations
    .filter((violation) => ['serious', 'critical'].includes(violation.impact))
    .map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} (${node.failureSummary})`).join('; ')}`);
}

/** Dark and light, on a phone and on a desk; nothing may make the page scroll sideways. */
export async function isAccessible(page, what) {
  const sizes = [{ width: 360, height: 780 }, { width: 1280, height: 800 }];
  for (const [colorScheme, viewport] of ['dark', 'light'].flatMap((scheme) => sizes.map((size) => [scheme, size]))) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    assert.deepEqual(await violations(page), [], `${what}, ${colorScheme}, ${viewport.width} wide`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= viewport.width, `${what} is ${wide} wide on ${viewport.width}`);
  }
}
