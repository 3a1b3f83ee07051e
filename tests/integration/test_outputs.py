"""What comes of run files, as a user calls it: two real runs, the second against a slower server."""
import csv
import io
import json
import shutil
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

from common import Case, Faultd, config, longhaul, run
from lib import npm

HERE = Path(__file__).resolve().parent


def soak(rules, connections):
    with Faultd(*rules) as server:
        conf = config(server.url(), connections=connections, duration="14s")
        conf["groups"]["g"]["messages"][0]["every"] = "50ms"
        conf["slo"] = [{"metric": "g.response.p50", "below": "40ms"}]
        return run(conf)


def compare(*arguments):
    return longhaul.command("compare", *arguments)


class Outputs(Case):
    @classmethod
    def setUpClass(cls):
        cls.store = Path(tempfile.mkdtemp(prefix="longhaul-compare-"))
        with ThreadPoolExecutor() as pool:
            runs = [pool.submit(soak, (), 8), pool.submit(soak, ("from 0s to 60s delay 70ms",), 9)]
            runs = [one.result() for one in runs]
        cls.a, cls.b = (cls.store / f"soak-20261122-20032{n}.longhaul" for n in range(2))
        for one, path in zip(runs, (cls.a, cls.b)):
            shutil.copy(one.path, path)
        cls.model = longhaul.report(cls.b)

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
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80, done.stdout)
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
                                 (("latest~7", "latest", "--store", self.store), "2 run files"), ((self.a, self.b, "-f", "pdf"), "pdf"), ((self.a, self.b, "-f", "csv"), "comparison"),
                                 ((self.a, self.b, "-o", "x.pdf"), "x.pdf"), ((self.a, __file__), "not")):
            done = compare(*arguments)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stdout, "")


    def report(self, *arguments):
        done = longhaul.command("report", self.b, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_runs_fit_a_terminal(self):
        (self.store / "broken.longhaul").write_text("no run file")
        try:
            said, rows = longhaul.command("runs", "--store", self.store), longhaul.command("runs", "--store", self.store, "--json")
        finally:
            (self.store / "broken.longhaul").unlink()
        self.assertEqual((said.returncode, rows.returncode), (0, 0))
        self.assertLessEqual(max(map(len, said.stdout.splitlines())), 80)
        self.assertIn(self.b.stem, said.stdout)
        row = next(row for row in json.loads(rows.stdout) if row["path"] == str(self.b))
        self.assertEqual((row["headline"], row["verdict"], row["drops"]), (self.model["headline"], self.model["verdict"], self.model["totals"]["drops"]))
        self.assertEqual([Path(row["path"]).name for row in json.loads(rows.stdout) if "error" in row], ["broken.longhaul"])

    def test_csv_adds_up(self):
        rows = list(csv.DictReader(io.StringIO(self.report("-f", "csv"))))
        group, series = self.model["groups"][0], self.model["series"]
        self.assertEqual(len(rows), len(series["t_s"]))
        for column, total in (("messages_sent", group["messages"]["sent"]), ("replied", group["messages"]["replied"]), ("drops", group["drops"]),
                              ("opened", group["opened"]), ("bytes_received", group["bytes"]["received"])):
            self.assertEqual(sum(int(row[column]) for row in rows), total, column)
        self.assertEqual([float(row["t_s"]) for row in rows], series["t_s"])
        self.assertAlmostEqual(sum(float(row["length_s"]) for row in rows), self.model["run"]["duration_s"], places=2)
        self.assertEqual([int(row["response_p99_us"]) if row["response_p99_us"] else None for row in rows], series["groups"][0]["response_p99_us"])
        self.assertTrue(rows[0]["events"].startswith("run started: "))
        self.assertEqual(sum(row["events"].count("run ended") for row in rows), 1)
        part = list(csv.DictReader(io.StringIO(self.report("-f", "csv", "--from", "5s", "--until", "8s"))))
        self.assertEqual([row["t_s"] for row in part], ["5", "6", "7"])

    @unittest.skipUnless(shutil.which("xmllint"), "xmllint is needed")
    def test_junit_has_the_common_shape(self):
        out = self.store / "b.xml"
        self.report("-o", out)
        hostile = HERE.parent / "golden/hostile.xml"
        for file in (out, hostile):
            done = subprocess.run(["xmllint", "--noout", "--schema", HERE / "formats/junit.xsd", file], stderr=subprocess.PIPE, text=True, timeout=30)
            self.assertEqual(done.returncode, 0, done.stderr)
        suite = ElementTree.parse(out).getroot()[0]
        cases = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
        self.assertEqual(cases, {"g.response.p50 below 40ms": ["failure"], "verdict": ["failure"]})
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("errors")), ("2", "2", "0"))

    def test_hlog_is_read_by_another(self):
        if npm.why_not():
            self.skipTest(npm.why_not())
        text = self.report("-f", "hlog")
        done = subprocess.run(["node", HERE / "formats/hlog.js"], input=text, stdout=subprocess.PIPE, text=True, check=True, timeout=60, env=npm.ENVIRONMENT)
        tags = json.loads(done.stdout)
        latency = {f"g.{name}": h for name, h in self.model["groups"][0]["latency"].items() if h["count"]}
        self.assertEqual(set(tags), set(latency))
        for tag, h in latency.items():
            self.assertEqual((tags[tag]["count"], tags[tag]["p50"]), (h["count"], h["p50_us"]), tag)
            self.assertAlmostEqual(tags[tag]["p99"], h["p99_us"], delta=h["p99_us"] / 1000 + 1, msg=tag)
        self.assertGreater(tags["g.response"]["first_ms"], 1.6e12)
        self.assertAlmostEqual((tags["g.response"]["last_ms"] - tags["g.response"]["first_ms"]) / 1e3, self.model["run"]["duration_s"], delta=1.1)

    def test_comparison_fits_its_schema(self):
        if npm.why_not():
            self.skipTest(npm.why_not())
        schema = json.loads(compare("--schema").stdout)
        said = json.loads(compare(self.a, self.b, "-f", "json").stdout)
        broken, more = json.loads(json.dumps(said)), {**said, "more": 1}
        broken["differences"][0]["outcome"] = "nicer"
        lacking = {key: value for key, value in said.items() if key != "method"}
        errors = npm.validate(schema, [said, json.loads(compare(self.b, self.b, "-f", "json").stdout), (HERE.parent / "golden/compare.json").read_text(),
                                       broken, lacking, more])
        self.assertEqual(errors[:3], [[], [], []])
        self.assertIn("/differences/0/outcome", errors[3][0])
        self.assertTrue(errors[4] and errors[5])

    def test_json_fits_its_schema(self):
        if npm.why_not():
            self.skipTest(npm.why_not())
        schema = json.loads(longhaul.command("report", "--schema").stdout)
        broken = json.loads(json.dumps(self.model))
        broken["groups"][0]["latency"]["response"]["count"] = "many"
        lacking = {key: value for key, value in self.model.items() if key != "totals"}
        errors = npm.validate(schema, [self.model, longhaul.report(self.a), broken, lacking])
        self.assertEqual(errors[:2], [[], []])
        self.assertIn("/groups/0/latency/response/count", errors[2][0])
        self.assertTrue(errors[3])


if __name__ == "__main__":
    unittest.main()
