"""The commands of `hooks`: what they are told, their deadline, and what becomes of their results."""
import os
import signal
import tempfile
import unittest
from pathlib import Path

from common import Case, Faultd, config, run
from lib import process
from lib.longhaul import Run

SHOW = "env | grep ^LONGHAUL_ | sort > $0.$LONGHAUL_EVENT.$$; test -z \"$LONGHAUL_REPORT\" || head -c 15 \"$LONGHAUL_REPORT\" > $0.head"
MINE = 10000 + os.getpid()  # seconds that only hooks of this process sleep: others may play these tests beside it


def facts(path):
    return dict(line.split("=", 1) for line in Path(path).read_text().splitlines())


def hooks(done):
    return [row["text"] for row in done.query("SELECT text FROM events WHERE kind = 'hook' ORDER BY at_ns, rowid")]


class Hooks(Case):
    def soak(self, hooks, *arguments, rules=("delay 60ms",), duration="4s"):
        with Faultd(*rules) as server:
            conf = config(server.url(), connections=3, duration=duration)
            conf["slo"] = [{"metric": "g.response.p50", "below": "10ms"}, {"metric": "availability", "above": "1%"}]
            conf["hooks"] = hooks
            return run(conf, *arguments)

    def test_facts_of_both(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        note = str(folder / "note")
        done = self.soak({"on_breach": ["sh", "-c", SHOW, note], "on_end": ["sh", "-c", SHOW, note]})
        self.assertIn(done.code, (1, 4), done.stderr)
        breach, end = (facts(next(folder.glob(f"note.{event}.*"))) for event in ("breach", "end"))
        self.assertEqual((breach["LONGHAUL_METRIC"], breach["LONGHAUL_OBJECTIVE"]), ("g.response.p50", "g.response.p50 below 10ms"))
        run_file = next(path for path in done.store.iterdir() if path.suffix == ".longhaul")
        for said in (breach, end):
            self.assertEqual((said["LONGHAUL_RUN"], said["LONGHAUL_RUN_FILE"]), ("test", str(run_file)))
        self.assertEqual(done.report["run"]["id"], end["LONGHAUL_RUN_ID"])
        self.assertEqual((end["LONGHAUL_VERDICT"], end["LONGHAUL_EXIT_CODE"]), (done.report["verdict"], str(done.code)))
        self.assertEqual(end["LONGHAUL_REPORT"], str(run_file.with_suffix(".html")))
        self.assertEqual((folder / "note.head").read_text(), "<!doctype html>")
        self.assertEqual(hooks(done), ["on_breach (g.response.p50): exit code 0", "on_end: exit code 0"])

    def test_deadline_and_failures(self):
        """A hook that hangs is killed with its children, and the loop went on meanwhile; one that is not there is said."""
        done = self.soak({"on_breach": ["sh", "-c", f"sleep {MINE}1 & sleep {MINE}2"], "on_end": ["/none/such"], "timeout": "1s"})
        self.assertIn(done.code, (1, 4), done.stderr)
        first, second = hooks(done)
        self.assertEqual(first, "on_breach (g.response.p50): killed: not done in 1s")
        self.assertRegex(second, "^on_end: /none/such could not be started: no such file")
        self.assertGreater(done.report["totals"]["messages"]["sent"], 40)
        self.assertFalse(running("sleep", f"{MINE}1") or running("sleep", f"{MINE}2"))

    def test_an_interrupt_ends_hooks_that_are_waited_for(self):
        """The run itself is complete by then: its file and its exit code say so."""
        with Faultd("delay 60ms") as server:
            conf = config(server.url(), connections=3, duration="3s")
            conf["slo"] = [{"metric": "g.response.p50", "below": "10ms"}]
            conf["hooks"] = {"on_breach": ["sleep", f"{MINE}3"], "on_end": ["sleep", f"{MINE}4"], "timeout": "1h"}
            with Run(conf) as child:
                process.wait_until(lambda: "waiting for 1 hook; Ctrl-C ends it" in child.stderr, 30, "the run to wait")
                child.signal(signal.SIGINT)
                process.wait_until(lambda: running("sleep", f"{MINE}4"), 20, "on_end")
                child.signal(signal.SIGHUP)
                self.assertIn(child.wait(10), (1, 4), child.stderr)
                self.assertCountEqual(hooks(child), ["on_breach (g.response.p50): killed: interrupted", "on_end: killed: interrupted"])
                self.assertEqual(child.report["run"]["how"], "complete")
                self.assertFalse(running("sleep", f"{MINE}3") or running("sleep", f"{MINE}4"))

    def test_hooks_inherit_nothing(self):
        """Rows of data, which may be passwords, and the counts of messages are the workers' alone."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "users.csv").write_text("user\nann\nbob\n")
        with Faultd("delay 30ms") as server:
            conf = config(server.url(), connections=2, duration="3s", messages=[
                {"every": "200ms", "count": 5, "text": "${data.user} ${token}", "reply": {"within": "1s"}}])
            conf["groups"]["g"]["data"] = {"file": str(folder / "users.csv")}
            conf["slo"] = [{"metric": "g.response.p50", "below": "10ms"}]
            conf["hooks"] = {"on_breach": ["sh", "-c", "ls -l /proc/$$/fd"], "on_end": ["sh", "-c", "ls -l /proc/$$/fd"]}
            done = run(conf)
        self.assertEqual(done.report["totals"]["messages"]["replied"], 10, done.stderr)
        self.assertEqual(len(hooks(done)), 2)
        self.assertIn(" 2 -> ", done.stderr)
        self.assertNotIn("memfd", done.stderr)

    def test_report_asked_for_is_the_one_told(self):
        done = self.soak({"on_end": ["sh", "-c", "echo verdict $LONGHAUL_VERDICT, $LONGHAUL_REPORT; exit 3"]}, "--report", "a.md", rules=(), duration="1s")
        self.assertIn("verdict ", done.stderr)
        self.assertIn(", a.md\n", done.stderr)
        self.assertTrue((done.folder / "a.md").exists())
        self.assertEqual(hooks(done), ["on_end: exit code 3"])
        self.assertEqual([path.suffix for path in done.store.iterdir()], [".longhaul"])


def running(*command):
    wanted = b"".join(word.encode() + b"\0" for word in command)
    return any(readable(path) == wanted for path in Path("/proc").glob("[0-9]*/cmdline"))


def readable(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    unittest.main()
