"""Our histograms against npm's hdr-histogram-js: it reads what we write, and we read what it writes, with equal results."""
import json
import os
import subprocess
import unittest
from pathlib import Path

from lib import npm

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/integration/hdr_js"
SCRATCH = ROOT / "build/hdr_js"


def build():
    sources = [*ROOT.glob("src/base/*.c"), *ROOT.glob("src/stats/*.c"), HERE / "hdr_files.c"]
    command = [os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-fsanitize=address,undefined",
               f"-I{ROOT}/include", f"-I{ROOT}/src", "-o", str(SCRATCH / "hdr_files"), *map(str, sources), "-lz", "-lm", "-lpthread"]
    subprocess.run(command, check=True, timeout=300)


def ours(mode, text=""):
    done = subprocess.run([str(SCRATCH / "hdr_files"), mode], input=text, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    return done.stdout


def theirs(mode, text=""):
    done = subprocess.run(["node", str(HERE / "hdr_js.js"), mode], input=text, stdout=subprocess.PIPE, text=True, check=True, timeout=120,
                          env=npm.ENVIRONMENT)
    return done.stdout


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


class HdrJs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        reason = npm.why_not()
        if reason:
            raise unittest.SkipTest(reason)
        build()

    def assert_same(self, got, expected, what):
        self.assertEqual(got["count"], expected["count"], what)
        self.assertEqual(got["percentiles"], expected["percentiles"], what)
        self.assertAlmostEqual(got["mean"], expected["mean"], delta=1e-9 * max(1, expected["mean"]), msg=what)

    def test_they_read_what_we_write(self):
        text = ours("write")
        written, read = rows(text), rows(theirs("read", text))
        self.assertEqual(len(written), 60)
        self.assertEqual(len(read), len(written))
        for n, (mine, seen) in enumerate(zip(written, read)):
            self.assert_same(seen["plain"], mine, f"histogram {n}, plain")
            self.assert_same(seen["compressed"], mine, f"histogram {n}, compressed")
            self.assertEqual(seen["counts"], mine["plain"][80:], f"histogram {n}: the counts differ as bytes")

    def test_we_read_what_they_write(self):
        written = rows(theirs("write"))
        read = rows(ours("read", "".join(row["payload"] + "\n" for row in written)))
        self.assertEqual(len(read), 40)
        for n, (mine, seen) in enumerate(zip(written, read)):
            self.assert_same(seen, mine, f"histogram {n}")


if __name__ == "__main__":
    unittest.main()
