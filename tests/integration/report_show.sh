#!/bin/bash
# The page's own number formatting against the table that the C formatting is tested with. Prints "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v node >/dev/null || { echo "report_show needs node: apt-get install nodejs" >&2; echo "0 passed, 1 failed"; exit 1; }
node - <<'JS'
const fs = require('fs');
const show = new Function(`${fs.readFileSync('src/report/page_format.js', 'utf8')}; return show;`)();
let passed = 0, failed = 0;
for (const [, how, value, text] of fs.readFileSync('tests/unit/report/show_rows.h', 'utf8').matchAll(/^X\((\w+), ([\d.]+), "(.*)"\)$/gm)) {
  const seen = show[how](Number(value));
  if (seen === text) passed++;
  else { failed++; console.log(`FAILED ${how}(${value}): page says "${seen}", table "${text}"`); }
}
if (passed + failed < 40) { failed++; console.log('FAILED the table was not read'); }
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
JS
