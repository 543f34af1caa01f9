// How fast the dashboard is, as one line of JSON: `SECONDS` long, while somebody sends events to the company.
import { base, launch, newPage, signIn } from './browser.mjs';

const seconds = Number(process.env.SECONDS ?? 10);
const browser = await launch();

/** From the navigation to the first page that takes input, a browser's cache being empty. */
async function interactive() {
  const page = await newPage(browser, {}, /./);
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  let bytes = 0;
  session.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
  const begun = performance.now();
  await page.goto(base, { waitUntil: 'commit' });
  await page.getByLabel('E-mail').fill('x');
  const took = performance.now() - begun;
  await page.context().close();
  return { took, bytes };
}

/** The overview of somebody signed in, opened again. */
async function overview(page) {
  const begun = performance.now();
  await page.reload({ waitUntil: 'commit' });
  await page.locator('.tile .value').first().waitFor();
  return performance.now() - begun;
}

const loads = [];
for (let n = 0; n < 5; n += 1) loads.push(await interactive());
const page = await newPage(browser, {}, /./);
await signIn(page);
await page.locator('.tile .value').first().waitFor();
const overviews = [];
for (let n = 0; n < 5; n += 1) overviews.push(await overview(page));
await page.locator('.ticker li').first().waitFor();
const frames = await page.evaluate((length) => new Promise((resolve) => {
  const gaps = [];
  const changes = { count: 0 };
  new MutationObserver(() => { changes.count += 1; }).observe(document.querySelector('.ticker'), { childList: true, subtree: true, characterData: true });
  let last = performance.now();
  const end = last + length * 1000;
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(step);
    else resolve({ gaps, changes: changes.count });
  };
  requestAnimationFrame(step);
}), seconds);
const sorted = frames.gaps.sort((a, b) => a - b);
const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
console.log(JSON.stringify({
  interactiveMs: median(loads.map((load) => load.took)),
  overviewMs: median(overviews),
  firstLoadBytes: Math.max(...loads.map((load) => load.bytes)),
  framesPerSecond: sorted.length / seconds,
  frameP99Ms: sorted[Math.floor(sorted.length * 0.99)],
  longestFrameMs: sorted.at(-1),
  tickerChanges: frames.changes,
}));
await browser.close();
