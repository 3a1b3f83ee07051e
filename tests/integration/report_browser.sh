#!/bin/bash
# The HTML report in a browser: a synthetic night, rendered, opened in headless Chromium, clicked through.
# Prints "N passed, N failed". Needs chromium, node, npm, sqlite3.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in chromium node npm sqlite3; do
  command -v $tool >/dev/null || { echo "report_browser needs $tool: apt-get install $tool" >&2; echo "0 passed, 1 failed"; exit 1; }
done
tests/npm/install >&2 || { echo "0 passed, 1 failed"; exit 1; }
make -s DEV=1 build/dev/tests/unit/report/night_test >&2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
LH_REPORT_OUT=$out build/dev/tests/unit/report/night_test > "$out/log" 2>&1 || { cat "$out/log" >&2; echo "0 passed, 1 failed"; exit 1; }
node tests/integration/report_browser.mjs "$out"
