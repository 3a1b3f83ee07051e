"""longhaul resume: the rest of a run that was interrupted, or that a crash ended; and what it refuses."""
import os
import signal
import sqlite3
import subprocess
import time
import unittest

from common import Case, Faultd, config, longhaul
from lib import paths
from lib.longhaul import Run


def after(child, intervals):
    """Once so many intervals are stored."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.1)
        found = list(child.store.glob("*.longhaul"))
        if found and found[0].stat().st_size > 4096 and child.query("SELECT count(*) AS n FROM intervals")[0]["n"] >= intervals:
            return found[0]
    raise TimeoutError(child.stderr)


def wait_for_new(child, known, intervals):
    """The run file that is not known yet, once it holds so many intervals."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.1)
        for path in set(child.store.glob("*.longhaul")) - set(known):
            try:
                with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
                    if db.execute("SELECT count(*) FROM intervals").fetchone()[0] >= intervals:
                        return path
            except sqlite3.OperationalError:
                pass  # it is being made
    raise TimeoutError("no further run file")


def resume(child, *arguments):
    """In the folder of the first part: its command line is used again."""
    return longhaul.command("resume", *arguments, cwd=child.folder, deadline=60)


class Resume(Case):
    def begin(self, server, how, duration="9s"):
        child = Run(config(server.url(), connections=5, duration=duration, run={"seed": 11}), "--set", "groups.g.ping={every: 1s, timeout: 1s}")
        with child:
            path = after(child, 2)
            workers = child.workers
            child.signal(how)
            child.wait(30)
            if how == signal.SIGKILL:
                for pid in workers:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
        return child, path

    def check_rest(self, child, path, said):
        self.assertIn(said.returncode, (0, 4), said.stderr)
        new, = set(child.store.glob("*.longhaul")) - {path}
        first, rest = longhaul.report(path), longhaul.report(new)
        self.assertEqual((rest["run"]["seed"], rest["run"]["interval_s"], rest["run"]["name"]), (11, 1, "test"))
        self.assertAlmostEqual(rest["run"]["planned_s"] + first["run"]["duration_s"], 9, delta=0.01)
        self.assertEqual(rest["groups"][0]["clients"]["planned"], 5)
        self.assertGreater(rest["totals"]["pings"]["sent"], 0)  # the settings of then
        told = [reason for reason in rest["verdict_reasons"] if "rest of a run that held" in reason]
        self.assertEqual(len(told), 1, rest["verdict_reasons"])
        self.assertIn(path.name, told[0])
        self.assertIn(first["run"]["id"], told[0])
        self.assertIn(f"the rest of this run is in {new}", " ".join(first["verdict_reasons"]))
        self.assertIn("rest of a run", said.stdout)
        self.check_whole(child, path, new, first, rest)

    def check_whole(self, child, path, new, first, rest):
        """Both parts in one file: the books of both, and a gap that counts for nothing."""
        out = child.folder / "whole.longhaul"
        said = longhaul.command("merge", out, new, path)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("nobody watched for", said.stderr)
        whole = longhaul.report(out)
        group = whole["groups"][0]
        self.assertTrue(group["books_balance"], group["books"])
        for of in (lambda g: g["attempts"], lambda g: g["messages"]["sent"], lambda g: g["messages"]["replied"], lambda g: g["latency"]["response"]["count"]):
            self.assertEqual(of(group), of(first["groups"][0]) + of(rest["groups"][0]))
        self.assertEqual((whole["run"]["how"], whole["run"]["planned_s"], group["clients"]["planned"]), (rest["run"]["how"], 9, 5))
        self.assertEqual((whole["totals"]["drops"], group["drops"]), (0, 0))
        away = whole["tester"]["intervals_away"]
        self.assertEqual(len(whole["series"]["t_s"]), len(first["series"]["t_s"]) + len(rest["series"]["t_s"]) + away)
        if away:
            self.assertIn(f"nobody watched in {away} of", " ".join(whole["verdict_reasons"]))
            self.assertIn(f"of {len(whole['series']['t_s']) - away} intervals" if whole["tester"]["intervals_late"] else "in time in all", whole["brief"]["tester"])
            late = [finding for finding in whole["findings"] if finding["id"] == "tester-late"]
            self.assertEqual(len(late), whole["tester"]["intervals_late"] > 0)
            at = len(first["series"]["t_s"])
            self.assertEqual(whole["series"]["run"]["open"][at:at + away], [0] * away)
        self.assertNotIn("rest of", " ".join(whole["verdict_reasons"]))
        if first["run"]["how"] == "unfinished":
            self.assertEqual(group["tester_drops"], 5)
            self.assertIn(("open", "tester", "worker lost", None), longhaul.endings(group))
        self.assertEqual(longhaul.command("merge", child.folder / "again.longhaul", path, path).returncode, 2)

    def test_after_an_interrupt(self):
        with Faultd() as server:
            child, path = self.begin(server, signal.SIGINT)
            self.check_rest(child, path, resume(child, path))

    def test_after_a_crash(self):
        with Faultd() as server:
            child, path = self.begin(server, signal.SIGKILL)
            said = resume(child, path)
            self.assertEqual(said.returncode, 2, said)
            self.assertIn("seems to go on", said.stderr)
            self.check_rest(child, path, resume(child, path, "--force"))

    def test_the_plan_goes_on_where_it_stood(self):
        """Stopped twice: clients come back at the ramp's pace, a later stage and a message's `from` keep their times of the whole plan."""
        stages = [{"at": "0s", "connections": 0}, {"at": "3s", "connections": 30}, {"at": "7s", "connections": 30}, {"at": "7s", "connections": 8}]
        with Faultd() as server:
            conf = config(server.url(), duration="9s", run={"seed": 3})
            group = conf["groups"]["g"]
            del group["connections"]
            group["ramp"] = {"stages": stages}
            group["messages"] = [{"name": "late", "every": "500ms", "from": "7s", "text": "x"}]
            child = Run(conf)
            with child:
                files = [after(child, 3)]
                child.signal(signal.SIGINT)
                child.wait(30)
            with subprocess.Popen([paths.LONGHAUL, "resume", files[0], "--store", child.store], cwd=child.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as second:
                files.append(wait_for_new(child, files, 1))
                second.send_signal(signal.SIGINT)
                said = second.communicate(timeout=30)[1]
                self.assertEqual(second.returncode, 130, said)
            done = resume(child, files[1])
            self.assertIn(done.returncode, (0, 4), done.stderr)
            self.assertNotIn("warning", done.stderr)
            files.append(max(child.store.glob("*.longhaul"), key=lambda path: path.stat().st_mtime))
        parts = [longhaul.report(path) for path in files]
        self.assertEqual(len(set(files)), 3)
        self.assertAlmostEqual(parts[2]["run"]["planned_s"], 9 - parts[0]["run"]["duration_s"] - parts[1]["run"]["duration_s"], delta=0.01)
        wanted = [part["series"]["groups"][0]["wanted"] for part in parts]
        self.assertGreaterEqual(max(wanted[0]), 10)
        for part, of in zip(parts[1:], wanted[1:]):  # 10 a second, not all at once
            late = 10 * part["tester"]["loop_lag_max_us"] / 1e6
            self.assertTrue(8 - late <= of[0] <= 12 + late, of)
        self.assertEqual(wanted[2][-2], 8, wanted[2])  # the stage of 7 s
        began = parts[0]["run"]["duration_s"] + parts[1]["run"]["duration_s"] > 7  # a busy machine may have come that far
        self.assertEqual([part["totals"]["messages"]["sent"] > 0 for part in parts], [False, began, True])
        whole = child.folder / "whole.longhaul"
        done = longhaul.command("merge", whole, *files)
        self.assertEqual(done.returncode, 0, done.stderr)
        merged = longhaul.report(whole)
        self.assertTrue(merged["groups"][0]["books_balance"], merged["groups"][0]["books"])
        self.assertEqual(merged["run"]["planned_s"], 9)

    def test_counts_go_on(self):
        """A message is sent as often as its count says over both parts; what begins anew is said."""
        with Faultd() as server:
            messages = [{"name": "often", "every": "250ms", "count": 12, "text": "x"}, {"name": "once", "after": "open", "count": 1, "text": "y"}]
            conf = config(server.url(), connections=3, duration="6s", messages=messages, lifetime="1m")
            child = Run(conf)
            with child:
                path = after(child, 2)
                child.signal(signal.SIGINT)
                child.wait(30)
            done = resume(child, path)
            self.assertIn(done.returncode, (0, 4), done.stderr)
        new, = set(child.store.glob("*.longhaul")) - {path}
        first, rest = longhaul.report(path), longhaul.report(new)
        sent = [part["totals"]["messages"]["sent"] for part in (first, rest)]
        self.assertEqual(sum(sent), 3 * 13, sent)
        self.assertGreater(sent[1], 0)
        told, = [reason for reason in rest["verdict_reasons"] if "rest of a run that held" in reason]
        self.assertTrue(told.endswith("this verdict is for the rest alone; lifetimes begin anew"), told)

    def test_refused(self):
        with Faultd() as server:
            child, path = self.begin(server, signal.SIGINT)
            text = child.config_path.read_text()
            child.config_path.write_text(text.replace('"connections": 5', '"connections": 6'))
            said = resume(child, path)
            self.assertEqual((said.returncode, "connections: 5" in said.stderr), (2, True), said)
            elsewhere = child.folder / "moved.yaml"
            child.config_path.rename(elsewhere)
            said = resume(child, path)
            self.assertEqual((said.returncode, "test.yaml" in said.stderr), (2, True), said)
            elsewhere.write_text(text)
            said = resume(child, path, elsewhere)  # without the setting of then
            self.assertEqual((said.returncode, "not the one of" in said.stderr), (2, True), said)
            said = resume(child, path, "--set", "groups.g.connections=7")  # which it would have passed over
            self.assertEqual((said.returncode, "--set goes with a config" in said.stderr), (2, True), said)
            whole = longhaul.run(config(server.url(), connections=1, duration="1s"))
        said = resume(child, whole.path)
        self.assertEqual((said.returncode, "is complete" in said.stderr), (2, True), said)
        self.assertEqual(resume(child, "/none.longhaul").returncode, 2)
        self.assertEqual(len(list(child.store.glob("*.longhaul"))), 1)


if __name__ == "__main__":
    unittest.main()
