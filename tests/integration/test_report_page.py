"""The report's page: its number formatting against the C table, and the page itself in headless Chromium."""
import re
import shutil
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


class ReportPage(unittest.TestCase):
    def run_script(self, name, least):
        done = subprocess.run(["bash", ROOT / "tests/integration" / name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=400)
        counts = COUNTS.findall(done.stdout)
        self.assertTrue(counts, done.stdout[-2000:])
        passed, failed = map(int, counts[-1])
        self.assertEqual((failed, done.returncode), (0, 0), done.stdout[-4000:])
        self.assertGreaterEqual(passed, least, done.stdout[-2000:])

    def test_numbers_read_as_in_the_terminal(self):
        if not shutil.which("node"):
            self.skipTest("node is needed")
        self.run_script("report_show.sh", 40)

    def test_every_shard_has_a_curve(self):
        if not shutil.which("node"):
            self.skipTest("node is needed")
        source = (ROOT / "src/report/page_series.js").read_text() + """
            const shards = Array.from({ length: 9 }, (_, i) => ({ shard: i + 1, host: { cpu_percent: [i] } }));
            const series = { t_s: [0], end_s: 1, interval_s: 1, run: {}, groups: [], shards };
            const lane = lanes.make({ series, groups: [], totals: {} }, null);
            console.log(lane.shards.map((one) => `${one.shard} ${one.color} ${one.dash} ${one.host.cpu_percent[0]}`).join());"""
        done = subprocess.run(["node", "-e", source], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
        self.assertEqual(done.stdout.strip(), ",".join(f"{i + 1} --c{i % 7 + 2} {str(i >= 7).lower()} {i}" for i in range(9)))

    def test_page_in_a_browser(self):
        missing = [tool for tool in ("chromium", "node", "npm", "sqlite3") if not shutil.which(tool)]
        if missing:
            self.skipTest(f"{', '.join(missing)} needed")
        self.run_script("report_browser.sh", 100)


if __name__ == "__main__":
    unittest.main()
