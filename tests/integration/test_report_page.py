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

    def test_page_in_a_browser(self):
        missing = [tool for tool in ("chromium", "node", "npm", "sqlite3") if not shutil.which(tool)]
        if missing:
            self.skipTest(f"{', '.join(missing)} needed")
        self.run_script("report_browser.sh", 100)


if __name__ == "__main__":
    unittest.main()
