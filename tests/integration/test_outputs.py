"""What comes of run files, as a user calls it: two real runs, the second against a slower server."""
import json
import shutil
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import Case, Faultd, config, longhaul, run


def soak(rules, connections):
    with Faultd(*rules) as server:
        conf = config(server.url(), connections=connections, duration="14s")
        conf["groups"]["g"]["messages"][0]["every"] = "50ms"
        conf["slo"] = [{"metric": "g.response.p50", "below": "40ms"}]
        return run(conf)


def compare(*arguments):
    return longhaul.command("compare", *arguments)


class Compare(Case):
    @classmethod
    def setUpClass(cls):
        cls.store = Path(tempfile.mkdtemp(prefix="longhaul-compare-"))
        with ThreadPoolExecutor() as pool:
            runs = [pool.submit(soak, (), 8), pool.submit(soak, ("from 0s to 60s delay 70ms",), 9)]
            runs = [one.result() for one in runs]
        cls.a, cls.b = (cls.store / f"soak-20261122-20032{n}.longhaul" for n in range(2))
        for one, path in zip(runs, (cls.a, cls.b)):
            shutil.copy(one.path, path)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.store, ignore_errors=True)

    def test_slower_server_is_worse(self):
        done = compare(self.a, self.b, "-f", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        found = {item["measure"]: item for item in said["differences"] if item["group"] == "g"}
        # a busy machine makes neighbouring values alike, and then so few prove nothing
        self.assertIn(found["response_p50"]["outcome"], ("worse", "unclear"), found["response_p50"])
        self.assertEqual((found["response_p50"]["delta"], found["response_p50"]["effect"]), (1, "large"), found["response_p50"])
        self.assertGreater(found["response_p50"]["b"]["median"] - found["response_p50"]["a"]["median"], 40000)
        self.assertEqual([item["outcome"] for item in said["slo"]], ["worse"])
        self.assertIn({"key": "groups.g.connections", "a": "8", "b": "9"}, said["config"])
        self.assertEqual(compare(self.a, self.b, "--fail-on", "worse").returncode, 1)
        self.assertEqual(compare(self.b, self.a, "--fail-on", "worse").returncode, 0)

    def test_text_fits_a_terminal_and_every_format_is_written(self):
        done = compare(self.a, self.b)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("WORSE\n"), done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        for ending, begins in (("html", "<!doctype html>"), ("md", "## ❌ worse"), ("json", "{")):
            out = self.store / f"both.{ending}"
            self.assertEqual(compare(self.a, self.b, "-o", out).returncode, 0)
            self.assertTrue(out.read_text().startswith(begins))
        page = (self.store / "both.html").read_text()
        self.assertNotRegex(page, "(src|href)=.?http")
        self.assertNotIn(str(self.store), page)

    def test_names_of_runs(self):
        said = json.loads(compare("latest~1", "latest", "--store", self.store, "-f", "json").stdout)
        self.assertEqual((said["a"]["file"], said["b"]["file"]), (str(self.a), str(self.b)))
        said = json.loads(compare(self.a.stem, self.b.name, "--store", self.store, "-f", "json").stdout)
        self.assertEqual((said["a"]["file"], said["b"]["file"]), (str(self.a), str(self.b)))

    def test_wrong_input(self):
        for arguments, words in (((self.a,), "two runs"), ((self.a, "/none.longhaul"), "/none.longhaul"),
                                 ((self.a, self.b, "--least", "5 apples"), "5 apples"), ((self.a, self.b, "--fail-on", "better"), "worse"),
                                 (("latest~7", "latest", "--store", self.store), "2 run files"), ((self.a, self.b, "-f", "xml"), "xml"),
                                 ((self.a, self.b, "-o", "x.pdf"), "x.pdf"), ((self.a, __file__), "not")):
            done = compare(*arguments)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
