// Every page, dark and light, on a desk, a phone and (the overview) a 4K screen, into the folder OUT.
import { mkdirSync } from 'node:fs';
import { go, launch, newPage, signIn } from './browser.mjs';

const out = process.env.OUT ?? 'screenshots';
mkdirSync(out, { recursive: true });
const browser = await launch();
const places = {
  overview: '', month: '?range=month', transactions: 'transactions', accounts: 'accounts', webhooks: 'webhooks', failed: 'webhooks?show=failed', reconciliation: 'reconciliation', endpoints: 'endpoints', queue: 'queue',
  system: 'system', receivers: 'settings/receivers', tokens: 'settings/tokens', users: 'settings/users', alerts: 'settings/alerts', audit: 'settings/audit',
};
/** Has a report compared, so that there is something to see: of the newest transactions one is left out, one altered, one invented. */
async function compare(page) {
  const { transactions } = (await (await page.request.get(`${process.env.URL}/api/v1/transactions?limit=40`)).json()).data;
  const rows = transactions.slice(1).map((own, n) => [own.externalId, own.merchantRefNum, own.kind, own.status, own.amount + (n === 20 ? 500 : 0), own.currency, own.transactionTime]);
  rows.push(['never-came', 'order-4711', ...rows[0].slice(2)]);
  const { csrfToken } = (await (await page.request.get(`${process.env.URL}/api/v1/session`)).json()).data;
  const answer = await page.request.post(`${process.env.URL}/api/v1/reconciliations?company=demo&name=january.csv`, {
    headers: { 'content-type': 'text/csv', 'x-csrf-token': csrfToken },
    data: ['id,merchantRefNum,kind,status,amount,currency,time', ...rows.map((row) => row.join())].join('\n'),
  });
  return (await answer.json()).data.id;
}

let comparison;
const sizes = { desk: { width: 1440, height: 900 }, phone: { width: 360, height: 780 }, '4k': { width: 3840, height: 2160 } };
for (const colorScheme of ['light', 'dark']) {
  for (const [size, viewport] of Object.entries(sizes)) {
    const page = await newPage(browser, { colorScheme, viewport, isMobile: size === 'phone', hasTouch: size === 'phone' });
    const shoot = (name) => page.screenshot({ path: `${out}/${name}-${size}-${colorScheme}.png`, fullPage: size === 'phone' });
    await page.goto(process.env.URL);
    await page.getByLabel('E-mail').waitFor();
    if (size !== '4k') await shoot('sign-in');
    await signIn(page);
    comparison ??= await compare(page);
    for (const [name, place] of Object.entries({ ...places, comparison: `reconciliation/${comparison}` })) {
      if (size === '4k' && !['overview', 'month', 'transactions'].includes(name)) continue;
      await go(page, place);
      await page.waitForLoadState('load');
      await page.locator('.loading').waitFor({ state: 'detached' }).catch(() => {});
      await page.waitForTimeout(['overview', 'month'].includes(name) ? 1500 : 400);
      await shoot(name);
      if (name === 'transactions' && size !== '4k') {
        await page.locator('tbody a').first().click();
        await page.locator('dialog h3').waitFor();
        await shoot('transaction');
      }
    }
    if (size === 'phone') {
      await go(page, '');
      await page.getByRole('button', { name: 'Menu' }).click();
      await shoot('menu');
    }
    await page.context().close();
  }
}
await browser.close();
