// Opens the HTML report of a synthetic night and uses it as a reader would. Usage: node report_browser.mjs FOLDER
// FOLDER holds night.html, night.json and the run file that both were made from.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const { chromium } = createRequire(join(root, 'build/npm/'))('playwright-core');
const folder = process.argv[2];
const url = `file://${resolve(folder, 'night.html')}`;
const json = JSON.parse(readFileSync(join(folder, 'night.json')));
const runFile = join(
  folder,
  readdirSync(folder).find((name) => name.endsWith('.longhaul')),
);
let passed = 0,
  failed = 0;

function check(name, ok, detail = '') {
  if (ok) passed++;
  else failed++;
  if (!ok) console.log(`FAILED ${name}${detail === '' ? '' : `: ${detail}`}`);
}
const equal = (name, seen, expected) =>
  check(name, seen === expected, `saw ${JSON.stringify(seen)}, expected ${JSON.stringify(expected)}`);
const at = (path) => path.split('.').reduce((value, key) => (value === null || value === undefined ? value : value[key]), json);

const patience = 120000; // ms until a browser that does not come, or a page that does not change, is given up
// What is seen once it is good, or given up: a page takes its time to follow a new size.
async function settled(look, isGood) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))); // the new size is drawn
  for (const end = Date.now() + 10000; ; await page.waitForTimeout(50)) {
    const seen = await look();
    if (isGood(seen) || Date.now() > end) return seen;
  }
}

const profile = mkdtempSync(join(tmpdir(), 'longhaul-browser-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  timeout: patience,
  headless: true,
  viewport: { width: 1440, height: 1000 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
context.setDefaultTimeout(patience);
const page = await context.newPage();
const complaints = [],
  requests = [];
page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
page.on('pageerror', (error) => complaints.push(error.message));
page.on('request', (request) => requests.push(request.url()));
const begun = Date.now();
await page.goto(url);
await page.waitForFunction(
  () => view.items.length > 0 && view.items.every((item) => item.chart && item.chart.data.datasets.length > 0),
);
console.log(`opened in ${Date.now() - begun} ms, ${json.series.t_s.length} intervals, ${json.groups.length} groups`);

// ---- the numbers on the page are those of the JSON report ----
const scale = { us: 1, ms: 1e3, s: 1e6, min: 6e7, h: 3.6e9, d: 8.64e10 };
function parse(text) {
  // "4 min 12 s" in us, "99.9 %", "1,234"
  if (/^[\d,]+$/.test(text)) return Number(text.replace(/,/g, ''));
  if (text.endsWith(' %')) return Number(text.slice(0, -2));
  const parts = [...text.matchAll(/([\d.]+) (us|ms|s|min|h|d)\b/g)];
  return parts.length ? parts.reduce((sum, [, n, unit]) => sum + Number(n) * scale[unit], 0) : Number(text);
}
const shown = await page.$$eval('[data-path]', (nodes) => nodes.map((node) => [node.dataset.path, node.textContent]));
let numbers = 0;
for (const [path, text] of shown) {
  const value = at(path);
  if (path === 'verdict') equal(path, text.toLowerCase(), value);
  else if (path === 'headline') equal(path, text.replaceAll('\u00a0', ' '), `${value}.`);
  else if (path.startsWith('brief.')) equal(path, text.replaceAll('\u00a0', ' '), value);
  else if (typeof value === 'string') equal(path, text, value);
  else if (value === null) equal(path, text, '–');
  else if (typeof value === 'number' && !path.startsWith('slo.')) {
    const read = parse(text),
      near = Math.abs(read - value) <= Math.max(1e-9, 0.006 * Math.abs(value));
    check(
      path,
      near && (!Number.isInteger(value) || path.includes('_us') || read === value),
      `page says ${text}, JSON ${value}`,
    );
    numbers++;
  }
}
check('many numbers were compared', numbers > 100, numbers);
const sql = (query) => execFileSync('sqlite3', ['-readonly', runFile, query]).toString().trim();
equal(
  'drops as in the run file',
  parse(await page.textContent('[data-path="totals.drops"]')),
  Number(sql('select sum(drops) - sum(tester_drops) from intervals')),
);
equal(
  'messages as in the run file',
  parse(await page.textContent('[data-path="totals.messages.sent"]')),
  Number(sql('select sum(messages_sent) from intervals')),
);

// ---- nothing of a peer's text is markup; nothing goes out ----
check('title is ours', (await page.title()).startsWith('gateway-overnight: failed'), await page.title());
equal('no element from an event text', await page.locator('td b').count(), 0);
check(
  'a close text is shown as it came',
  (await page.textContent('#endings')).includes("</script><script>document.title='owned'</script>"),
);
check('a mark is shown as it came', (await page.textContent('#timeline')).includes('deployed v2 <b>bold</b>'));
equal('no request but the file', requests.filter((request) => request !== url).length, 0);

// ---- spikes survive the thinning ----
const spikes = await page.evaluate(() => ({
  max: Math.max(...view.lane.response_max_us.filter((v) => v !== null)),
  open: Math.min(...view.lane.open.slice(200, -20)),
  drops: view.lane.drops.reduce((a, b) => a + b, 0),
  points: view.lane.t.length,
}));
equal('the highest response is on the chart', spikes.max, json.totals.latency.response.max_us);
equal('the deepest loss of clients is on the chart', spikes.open, Math.min(...json.series.run.open.slice(600, -60)));
equal('every drop is in a bar', spikes.drops, json.totals.drops);
check('the series was thinned', spikes.points < json.series.t_s.length, spikes.points);

// ---- hover ----
const canvas = (id) => page.locator(`#chart-${id} canvas`);
await canvas('clients').scrollIntoViewIfNeeded();
let box = await canvas('clients').boundingBox();
await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
await page.waitForFunction(() => view.items[0].chart.tooltip.opacity > 0, null, { timeout: 30000 }).catch(() => {});
const tip = await page.evaluate(() => {
  const c = view.items[0].chart.tooltip;
  return { opacity: c.opacity, body: (c.body || []).map((b) => b.lines[0]), title: (c.title || [''])[0] };
});
check(
  'hover shows values',
  tip.opacity > 0 && tip.body.some((line) => /open: [\d,]+/.test(line)) && /UTC/.test(tip.title),
  JSON.stringify(tip),
);
check('hover points on every chart', await page.evaluate(() => view.hover !== null));

// ---- zoom by drag, together, and back ----
const ranges = () => page.evaluate(() => view.items.map((item) => [item.chart.scales.x.min, item.chart.scales.x.max]));
await page.mouse.move(box.x + box.width * 0.6, box.y + 80);
await page.mouse.down();
await page.mouse.move(box.x + box.width * 0.8, box.y + 90, { steps: 5 });
await page.mouse.up();
let now = await ranges();
check('drag zooms', now[0][0] > 20000 && now[0][1] < 40000, now[0]);
check(
  'all charts zoom together',
  now.every(([a, b]) => a === now[0][0] && b === now[0][1]),
  JSON.stringify(now),
);
check('the bar tells the range', /to .* UTC/.test(await page.textContent('.bar .range')));
box = await canvas('clients').boundingBox();
await page.mouse.dblclick(box.x + box.width / 2, box.y + 100);
now = await ranges();
check('double-click shows the whole run', now[0][0] === 0 && now[0][1] === json.series.end_s, now[0]);
await page.getByRole('button', { name: 'Zoom in' }).focus();
await page.keyboard.press('Enter');
now = await ranges();
check('the keyboard zooms', now[0][1] - now[0][0] === json.series.end_s / 2, now[0]);
await page.getByRole('button', { name: 'Show the whole run' }).press('Enter');

// ---- legend, log scale, groups, theme ----
const legend = page.locator('#chart-response .keys button', { hasText: 'p99' });
await legend.click();
equal('the legend hides a curve', await legend.getAttribute('aria-pressed'), 'false');
check(
  'and its band',
  await page.evaluate(() =>
    view.items
      .find((item) => item.spec.id === 'response')
      .chart.data.datasets.filter((set) => set.label === 'p99')
      .every((set) => set.hidden),
  ),
);
await legend.click();
const log = page.locator('#chart-response .tools button', { hasText: 'Log scale' });
await log.click();
equal(
  'log scale goes off',
  await page.evaluate(() => view.items.find((item) => item.spec.id === 'response').chart.scales.y.type),
  'linear',
);
await log.click();
await page.locator('#chart-response .tools button', { hasText: 'Service' }).click();
check(
  'service instead of response',
  await page
    .locator('#chart-response .keys')
    .textContent()
    .then((text) => text.includes('service p99')),
);
await page.selectOption('#group', { label: 'feed' });
const feed = json.groups.findIndex((group) => group.name === 'feed');
equal(
  'a group has its own drops',
  await page.evaluate(() => view.lane.drops.reduce((a, b) => a + b, 0)),
  json.groups[feed].drops,
);
equal(
  'and its own endings',
  parse(await page.locator(`[data-path="groups.${feed}.endings.0.count"]`).textContent()),
  json.groups[feed].endings[0].count,
);
await page.selectOption('#group', { index: 0 });
const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const light = await background();
await page.click('#theme');
check('the theme changes', (await background()) !== light, light);
check(
  'the charts follow',
  await page.evaluate(
    () =>
      view.items[0].chart.options.scales.x.ticks.color ===
      getComputedStyle(document.documentElement).getPropertyValue('--soft').trim(),
  ),
);

// ---- contrast of all text, in both themes (WCAG AA: 4.5) ----
const contrast = () =>
  page.evaluate(() => {
    const rgb = (text) => text.match(/[\d.]+/g).map(Number);
    const shine = ([r, g, b]) =>
      [r, g, b]
        .map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    let worst = [99, ''];
    for (const node of document.querySelectorAll('main *, header *, footer *')) {
      if (
        ![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()) ||
        node.disabled ||
        !node.getClientRects().length ||
        node.closest('noscript')
      )
        continue;
      let ground = node;
      while (ground && rgb(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
      const [a, b] = [
        shine(rgb(getComputedStyle(node).color)),
        shine(rgb(getComputedStyle(ground || document.body).backgroundColor)),
      ];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < worst[0]) worst = [ratio, `${node.tagName} ${node.className} "${node.textContent.slice(0, 30)}"`];
    }
    return worst;
  });
for (const theme of ['dark', 'light']) {
  const [ratio, where] = await contrast();
  check(`contrast in the ${theme} theme`, ratio >= 4.5, `${ratio.toFixed(2)} at ${where}`);
  await page.click('#theme');
}
await page.click('#theme');

// ---- text equivalents, folds ----
for (const summary of await page.locator('figure details.table > summary').all()) await summary.click();
const tables = await page.$$eval('figure details[open] table', (list) => list.map((table) => table.tBodies[0].rows.length));
const figures = await page.locator('figure').count();
check(
  'each chart has a table',
  tables.length === figures && tables.every((rows) => rows > 0),
  `${tables.length} of ${figures}`,
);
await page.locator('summary', { hasText: 'Configuration' }).click();
check(
  'the config is shown, masked',
  await page.textContent('[data-path="config"]').then((text) => text.includes('***') && !text.includes('secret-token')),
);
await page.locator('summary', { hasText: 'Glossary' }).click();

// ---- widths, print, no script ----
const spill = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
for (const width of [1440, 800, 390]) {
  await page.setViewportSize({ width, height: 900 });
  const wide = await settled(spill, (px) => px <= 0);
  check(`nothing sticks out at ${width} px`, wide <= 0, `${wide} px`);
  const labelsCut = () =>
    page.$$eval('.figures dd, .figures dt, button, .bar .range, figcaption', (nodes) =>
      nodes
        .filter((node) => node.scrollWidth > node.clientWidth + 1 && node.getClientRects().length)
        .map((node) => node.textContent),
    );
  const cut = await settled(labelsCut, (labels) => labels.length === 0);
  check(`no label is cut at ${width} px`, cut.length === 0, cut.join(' | '));
}
await page.setViewportSize({ width: 1440, height: 1000 });
const bottomsOnTop = () =>
  page.evaluate(() => {
    scrollTo(0, 0);
    return ['.verdict', '.headline', '#objectives table', '#chart-clients canvas'].map((selector) =>
      Math.round(document.querySelector(selector).getBoundingClientRect().bottom),
    );
  });
const bottoms = await settled(bottomsOnTop, (all) => Math.max(...all) <= 1000);
check('verdict, sentence, objectives and timeline are on the first screen', Math.max(...bottoms) <= 1000, bottoms.join(', '));
await page.emulateMedia({ media: 'print' });
await page.setViewportSize({ width: 760, height: 1000 });
const spilt = await settled(spill, (px) => px <= 0);
check('nothing sticks out on paper', spilt <= 0, `${spilt} px`);
await page.emulateMedia({ media: null });
await page.setViewportSize({ width: 1440, height: 1000 });
const findings = () => page.locator('.findings li').count();
check('a screen shows the first findings', (await findings()) < json.findings.length, json.findings.length);
check('prints', (await page.pdf({ format: 'A4' })).length > 50000);
equal('every finding is on paper', await findings(), json.findings.length);
equal('no complaint in the console', complaints.join('; '), '');
const bare = await chromium.launch({ executablePath: '/usr/bin/chromium', timeout: patience, args: ['--no-sandbox', '--disable-gpu'] });
const plain = await bare.newPage({ javaScriptEnabled: false });
await plain.goto(url);
check(
  'without scripts the text report is there',
  await plain
    .locator('noscript')
    .innerText()
    .then((text) => text.includes('5,000 clients for 12 h'))
    .catch(() => false),
);
await bare.close();
await context.close();
rmSync(profile, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }); // the browser's helpers outlive it a little, and write there
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
