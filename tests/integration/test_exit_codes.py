"""Every command in every outcome has the exit code that --help promises, says why on stderr, and keeps stdout for results."""
import json
import shutil
import tempfile
import unittest
from pathlib import Path

from common import Case, Faultd, config, longhaul

PASSED, FAILED, USAGE, TESTER = 0, 1, 2, 4

# (words, code); RUN is a whole run, SHARD none of a run's shards, PLAN a config, NONE a path that is not there.
COMMANDS = [
    ("--help", PASSED), ("--version", PASSED), ("version", PASSED), ("help", PASSED), ("help run", PASSED), ("help nosuch", USAGE), ("", USAGE),
    ("nosuch", USAGE), ("--nosuch", USAGE), ("worker", USAGE), ("live", USAGE),
    ("run", USAGE), ("run NONE", USAGE), ("run PLAN extra", USAGE), ("run PLAN --report NONE/x.html", USAGE), ("run PLAN --report x.nosuch", USAGE),
    ("run PLAN --set nonsense=1", USAGE), ("run PLAN --shard 3/2", USAGE), ("run PLAN --duration soon", USAGE),
    ("check", USAGE), ("check PLAN", PASSED), ("check PLAN --json", PASSED), ("check NONE", USAGE), ("check NONE --json", USAGE),
    ("explain", PASSED), ("explain run.duration", PASSED), ("explain nosuch", USAGE), ("explain --json", PASSED), ("explain --schema", PASSED),
    ("explain --reference", PASSED), ("explain --man", PASSED), ("explain --completion", PASSED),
    ("doctor NONE", USAGE), ("doctor --compare NONE", USAGE),
    ("report", USAGE), ("report RUN", PASSED), ("report RUN --json", PASSED), ("report RUN --json --format md", USAGE), ("report NONE", USAGE),
    ("report latest --store NONE", USAGE), ("report RUN --format nosuch", USAGE), ("report RUN -o x.nosuch", USAGE), ("report RUN -o NONE/x.html", USAGE),
    ("report RUN -f html -o /dev/full", TESTER), ("report RUN --from 0s --until 1s", PASSED), ("report RUN --from 1s --until 1s", USAGE),
    ("report RUN --from soon", USAGE), ("report RUN --from 100h", USAGE), ("report RUN --until 2000-01-01T00:00:00Z", USAGE), ("report --schema", PASSED),
    ("compare RUN", USAGE), ("compare RUN RUN", PASSED), ("compare RUN RUN --json", PASSED), ("compare RUN RUN --fail-on worse", PASSED),
    ("compare RUN RUN --fail-on better", USAGE), ("compare RUN NONE", USAGE), ("compare RUN RUN -o NONE/x.html", USAGE),
    ("merge", USAGE), ("merge NEW RUN", USAGE), ("merge NEW RUN RUN", USAGE), ("merge NEW RUN NONE", USAGE),
    ("runs --store STORE", PASSED), ("runs --store STORE --json", PASSED), ("runs --store NONE", USAGE), ("runs --nosuch", USAGE),
    ("resume", USAGE), ("resume RUN", USAGE), ("resume NONE", USAGE),
    ("mark", USAGE), ("mark RUN", USAGE), ("mark RUN text", USAGE), ("mark RUN text --at 500ms", PASSED), ("mark RUN text --at 100h", USAGE),
    ("mark RUN text --at soon", USAGE), ("mark NONE text", USAGE),
    ("idle", USAGE), ("idle nothing", USAGE), ("idle ws://127.0.0.1:9/ --up-to 1s", USAGE), ("idle ws://127.0.0.1:9/ -c 0", USAGE),
]


class Commands(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="longhaul-"))
        cls.plan = cls.folder / "plan.yaml"
        with Faultd() as server:
            cls.plan.write_text(json.dumps(config(server.url(), duration="1500ms", connections=3)))
            cls.run_ = longhaul.run(config(server.url(), duration="1500ms", connections=3))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_each(self):
        names = {"RUN": self.run_.path, "PLAN": self.plan, "STORE": self.run_.store, "NONE": self.folder / "none", "NEW": self.folder / "new.longhaul"}
        for words, code in COMMANDS:
            with self.subTest(words):
                arguments = []
                for word in words.split():
                    name, slash, rest = word.partition("/")
                    arguments.append(str(names[name]) + slash + rest if name in names else word)
                done = longhaul.command(*arguments, cwd=self.folder)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual(bool(done.stdout.strip()), code == PASSED, (done.stdout[:200], done.stderr))
                self.assertTrue(code == PASSED or done.stderr.strip())
                if "--json" in words and code == PASSED:
                    json.loads(done.stdout)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["plan.yaml"])


class Runs(Case):
    """How a run went; interrupted ones are in test_processes, hosts that are too small in test_bad_input and test_doctor."""

    def test_passed_failed_and_unanswered(self):
        with Faultd() as server:
            for slo, code in (([], PASSED), ([{"metric": "availability", "above": "1%"}], PASSED), ([{"metric": "g.replied", "below": 1}], FAILED),
                              ([{"metric": "g.outage.p50", "below": "1s"}], TESTER)):
                with self.subTest(slo):
                    done = longhaul.run({**config(server.url(), duration="1s", connections=3), "slo": slo})
                    self.ended_with(done, code)
                    self.assertEqual({0: "passed", 1: "failed", 4: "inconclusive"}[done.code], done.report["verdict"])

    def test_a_short_try_of_a_long_config(self):
        """--duration below the warm-up and the interval: it runs, says what that costs, and without objectives it passes."""
        with Faultd() as server:
            conf = config(server.url(), duration="1h", connections=3, run={"warmup": "1m", "interval": "10s"})
            for slo, code in (([], PASSED), ([{"metric": "availability", "above": "1%"}], TESTER)):
                with self.subTest(slo):
                    done = longhaul.run({**conf, "slo": slo}, "--duration", "1s")
                    self.ended_with(done, code)
                    self.assertIn("run.interval: is longer than the run was made by --duration: intervals of 1s are stored", done.stderr)
                    self.assertEqual("run.warmup: takes all of the run" in done.stderr, bool(slo), done.stderr)
                    self.assertEqual(done.report["run"]["interval_s"], 1)
            said = "availability could not be evaluated: the run was planned for 1 s, and this objective counts from 1 min on"
            self.assertIn(said, done.report["verdict_reasons"])
            self.ended_with(longhaul.run({**conf, "slo": slo}, "--duration", "1s", "--set", "run.warmup=0s"), PASSED)
            self.assertEqual(longhaul.run({**conf, "run": {**conf["run"], "duration": "1s"}}).code, USAGE)

    def test_nobody_listens(self):
        with Faultd() as server:
            url = server.url()
        self.ended_with(longhaul.run(config(url, duration="1s", connections=3)), FAILED)

    def test_an_idle_limit_where_nobody_listens(self):
        """Known at once, not after the eleven minutes that would be tried; with the reason."""
        with Faultd() as server:
            url = server.url()
        with tempfile.TemporaryDirectory() as folder:
            done = longhaul.command("idle", url, cwd=folder, deadline=20)
            self.assertEqual(done.returncode, TESTER, done.stderr)
            self.assertIn("None was opened: connection refused in stage connect", done.stdout)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
