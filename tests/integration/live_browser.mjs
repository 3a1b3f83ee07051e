// Follows a run in progress in headless Chromium: node live_browser.mjs URL. Prints "N passed, N failed".
// The run is one of config "live" of test_dashboard.py: all clients drop at some time, and it is ended when this says END.
import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const { chromium } = createRequire(join(root, 'build/npm/'))('playwright-core');
const [url, asleep_s] = [process.argv[2], Number(process.argv[3])];
let passed = 0,
  failed = 0;
const failures = []; // told at the end: the first line is the word to end the run
function check(name, ok, detail = '') {
  if (ok) passed++;
  else failed++;
  if (!ok) failures.push(`FAILED ${name}${detail === '' ? '' : `: ${detail}`}`);
}
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  headless: true,
  timeout: 120000,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
const complaints = [];
page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
page.on('pageerror', (error) => complaints.push(error.message));
await page.goto(url);
await page.waitForFunction(() => document.querySelector('.link') && document.querySelector('.link').textContent === 'live', null, { timeout: 60000 });
await page.waitForFunction(() => typeof view !== 'undefined' && view.items.length > 0 && view.items.every((item) => item.chart), null, { timeout: 60000 });

// ---- it moves by itself ----
const end = () => page.evaluate(() => view.full[1]);
const first = await end();
await page.waitForFunction((was) => view.full[1] >= was + 2, first, { timeout: 60000 });
check('the charts grow', (await end()) >= first + 2);
check('the whole run stays in view', await page.evaluate(() => view.until === view.full[1]));
check('it says that it runs', (await page.textContent('.verdict')).startsWith('Running'), await page.textContent('.verdict'));
check('figures of this second', /\d/.test(await page.textContent('#now .figures')));
check('the run is named in the title', (await page.title()).startsWith('live: '), await page.title());

// ---- what a reader does is kept ----
await page.evaluate(() => view.setRange(1, 3));
await page.selectOption('#group', { label: 'b' });
await page.click('text=Glossary');
await page.focus('#theme');
const zoomed = await end();
await page.waitForFunction((was) => view.full[1] >= was + 2, zoomed, { timeout: 60000 });
check('a zoom is kept', await page.evaluate(() => view.from === 1 && view.until === 3));
check('the group is kept', (await page.evaluate(() => view.lane.group)) === 'b');
check('what was opened stays open', await page.evaluate(() => [...document.querySelectorAll('details.big')].some((node) => node.open && node.textContent.includes('Availability'))));
check('focus is kept', await page.evaluate(() => document.activeElement.id === 'theme'));
await page.evaluate(() => view.setRange(...view.full));
await page.selectOption('#group', '');

// ---- a tab that is stopped for a while ----
const pids = execFileSync('ps', ['-e', '-o', 'pid=,ppid=,args='])
  .toString()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));
const ours = new Set([process.pid]);
for (let grown = true; grown; ) {
  grown = false;
  for (const [pid, parent] of pids) if (ours.has(Number(parent)) && !ours.has(Number(pid))) grown = !!ours.add(Number(pid));
}
const renderers = pids.filter(([pid, , ...args]) => ours.has(Number(pid)) && args.includes('--type=renderer')).map(([pid]) => Number(pid));
check('the page has a process', renderers.length > 0);
const before = await end();
renderers.forEach((pid) => process.kill(pid, 'SIGSTOP'));
await new Promise((done) => setTimeout(done, asleep_s * 1000));
renderers.forEach((pid) => process.kill(pid, 'SIGCONT'));
await page.waitForFunction((least) => view.full[1] >= least, before + asleep_s - 1, { timeout: 60000 });
check('after a stop it catches up', (await end()) >= before + asleep_s - 1);
check('and is live', (await page.textContent('.link')) === 'live', await page.textContent('.link'));
check('the drop is on the timeline', (await page.textContent('#timeline')).includes('mass drop'));

// ---- the end of the run ----
console.log('END');
await page.waitForFunction(() => document.querySelector('.link').className.includes('ended'), null, { timeout: 60000 });
check('the verdict is the last one', ['Passed', 'Failed', 'Inconclusive'].includes(await page.textContent('.verdict')));
check('the figures of this second are gone', (await page.$('#now')) === null);
await page.waitForTimeout(1500); // the process is gone by now: the page must not begin to complain
check('it stays as it is', (await page.textContent('.link')).includes('ended'));
check('no complaints', complaints.length === 0, complaints.join('; '));
failures.forEach((text) => console.log(text));
console.log(JSON.stringify(await page.$$eval('[data-path]', (nodes) => nodes.map((node) => [node.dataset.path, node.textContent]))));
console.log(`${passed} passed, ${failed} failed`);
await browser.close();
