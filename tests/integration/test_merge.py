"""longhaul merge: two shards of one run against one server become one run file whose sums are the books of both."""
import json
import shutil
import sqlite3
import unittest
from concurrent.futures import ThreadPoolExecutor

from common import Case, Faultd, config, longhaul, run
from lib import npm


def shard(conf, n):
    return run(conf, "--shard", f"{n}/2", deadline=60)


class Merge(Case):
    @classmethod
    def setUpClass(cls):
        with Faultd("at 4s close 1012") as server, ThreadPoolExecutor() as pool:
            conf = config(server.url(), connections=21, duration="6s")
            conf["groups"]["g"]["reconnect"] = {"first": "100ms", "max": "500ms"}
            conf["groups"]["h"] = {**conf["groups"]["g"], "connections": 8, "messages": []}
            conf["slo"] = [{"metric": "g.drops", "below": "1"}]
            cls.conf = conf
            cls.shards = [one.result() for one in [pool.submit(shard, conf, n) for n in (1, 2)]]
            cls.url = server.url()
        cls.out = cls.shards[0].folder / "whole.longhaul"
        cls.said = longhaul.command("merge", cls.out, *(one.path for one in reversed(cls.shards)))

    def test_sums_are_the_books_of_both(self):
        self.assertEqual(self.said.returncode, 0, self.said.stderr)
        whole, parts = longhaul.report(self.out), [one.report for one in self.shards]
        self.assertEqual((whole["run"]["shard"], whole["run"]["shards"], whole["run"]["workers"]),
                         (1, 1, sum(part["run"]["workers"] for part in parts)))
        for n, name in [(None, "totals"), (0, "g"), (1, "h")]:
            of = (lambda model: model["totals"]) if n is None else (lambda model: model["groups"][n])
            self.assertTrue(of(whole)["books_balance"], of(whole)["books"])
            for path in ("opened", "attempts", "ended", "drops", "reconnects", "clients.planned", "clients.finished", "messages.planned", "messages.sent",
                         "messages.replied", "messages.lost", "bytes.sent", "bytes.received", "latency.response.count", "latency.outage.count"):
                self.assertEqual(dig(of(whole), path), sum(dig(of(part), path) for part in parts), f"{name} {path}")
            self.assertAlmostEqual(of(whole)["client_hours"], sum(of(part)["client_hours"] for part in parts), delta=0.0016)
            for path in ("latency.response.max_us", "latency.outage.max_us"):
                self.assertEqual(dig(of(whole), path), max((dig(of(part), path) for part in parts if dig(of(part), path)), default=None), path)
        self.assertEqual((whole["groups"][0]["clients"]["planned"], whole["groups"][1]["clients"]["planned"]), (21, 8))
        self.assertEqual(whole["groups"][0]["clients"]["open_most"], 21)
        self.assertTrue(20 <= whole["totals"]["drops"] <= 29, whole["totals"]["drops"])  # on a busy machine not all were open by then
        self.assertIn(whole["verdict"], ("failed", "inconclusive"))  # g.drops, unless the tester was late just then
        self.assertEqual(longhaul.endings(whole["totals"]), {key: sum(longhaul.endings(part["totals"]).get(key, 0) for part in parts)
                                                             for key in longhaul.endings(whole["totals"])})
        kinds = [event["text"] for event in whole["events"] if event["kind"] == "run started"]
        self.assertEqual(sorted(text[:9] for text in kinds), ["shard 1: ", "shard 2: "])

    def test_rows_are_all_there(self):
        with sqlite3.connect(self.out) as db:
            count = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("endings", "workers", "host", "watched", "facts", "ladder", "seconds")}
            clients = db.execute("SELECT count(DISTINCT client) FROM endings WHERE group_no = 0").fetchone()[0]
            check = db.execute("PRAGMA integrity_check").fetchone()[0]
        self.assertEqual(check, "ok")
        self.assertEqual(clients, 21)
        for table in ("endings", "workers", "host", "watched", "facts", "ladder"):
            rows = [one.query(f"SELECT count(*) AS n FROM {table}")[0]["n"] for one in self.shards]
            self.assertTrue(all(rows), table)
            self.assertEqual(count[table], sum(rows), table)
        with sqlite3.connect(self.out) as db:
            for table in ("host", "watched", "facts", "ladder"):
                for n, one in enumerate(self.shards, 1):
                    values = "SELECT * FROM (SELECT {} FROM %s WHERE shard = ? ORDER BY rowid)" % table
                    values = values.format({"host": "k, cpu_busy_us", "watched": "at_ns, source, name, value", "facts": "name, value", "ladder": "rung, name, value, clients"}[table])
                    self.assertEqual(db.execute(values, (n,)).fetchall(), sqlite3.connect(one.path).execute(values, (n,)).fetchall(), table)
        self.assertGreater(count["seconds"], 0)
        # the clients open in the last second before the drop are all of them
        with sqlite3.connect(self.out) as db:
            self.assertEqual(db.execute("SELECT max(open) FROM seconds WHERE group_no = 0").fetchone()[0], 21)

    def test_a_mass_drop_of_the_whole(self):
        """What run.mass_drop says of all clients: as of one host's, where the config has a number, and by their own number where not."""
        def limits(path):
            with sqlite3.connect(path) as db:
                return [row[0] for row in db.execute("SELECT mass_drop FROM groups ORDER BY group_no")]
        self.assertEqual(limits(self.out), [5, 5])  # the least there is, not the sum of two
        folder = self.shards[0].folder
        for n, one in enumerate(self.shards):
            shutil.copy(one.path, folder / f"set-{n}.longhaul")
            with sqlite3.connect(folder / f"set-{n}.longhaul") as db:
                db.execute("UPDATE groups SET mass_drop = 7")
        done = longhaul.command("merge", folder / "set.longhaul", folder / "set-0.longhaul", folder / "set-1.longhaul")
        self.assertEqual((done.returncode, limits(folder / "set.longhaul")), (0, [7, 7]), done.stderr)

    def test_each_shard_is_told_apart(self):
        """What each host's clients saw, as its own report says it, stands beside the sums; so do its facts, limits and samples."""
        whole = longhaul.report(self.out)
        self.assertEqual([one["shard"] for one in whole["shards"]], [1, 2])
        self.assertEqual([one["clients"] for one in whole["shards"]], [15, 14])
        for one, part in zip(whole["shards"], (shard.report for shard in self.shards)):
            totals = part["totals"]
            for key in ("attempts", "opened", "drops", "tester_drops", "reconnects", "availability_percent", "client_hours", "drops_per_client_hour"):
                self.assertEqual(one[key], totals[key], key)
            self.assertEqual((one["messages_sent"], one["replied"], one["lost"]), tuple(totals["messages"][key] for key in ("sent", "replied", "lost")))
            for key, (hist, value) in {"response_p50_us": ("response", "p50_us"), "response_p99_us": ("response", "p99_us"), "response_max_us": ("response", "max_us"),
                                       "connect_p99_us": ("connect_total", "p99_us"), "send_lateness_p99_us": ("send_lateness", "p99_us")}.items():
                self.assertEqual(one["latency"][key], totals["latency"][hist][value], key)
            for key in ("host", "limits", "ladder"):
                self.assertEqual(one[key], part[key], key)
            for key in ("cpu_s", "cpu_busiest_percent_max", "loop_lag_max_us"):
                self.assertEqual(one["tester"][key], part["tester"][key], key)
            self.assertEqual((one["started"], one["workers"], one["how"]), (part["run"]["started"], part["run"]["workers"], "complete"))
            self.assertEqual(whole["series"]["shards"][one["shard"] - 1]["host"], part["series"]["host"])
        self.assertIsNone(self.shards[0].report["shards"])
        text = longhaul.command("report", self.out).stdout
        self.assertRegex(text, r"(?s)Shards\nshard .*\n +1 .*\n +2 .*\n")
        self.assertRegex(text, r"(?s)Host +shard 1: .*shard 2: ")
        self.assertLess(max(map(len, text.splitlines()[:-1])), 81)

    def test_its_json_fits_the_schema(self):
        if npm.why_not():
            self.skipTest(npm.why_not())
        self.assertEqual(npm.validate(json.loads(longhaul.command("report", "--schema").stdout), [longhaul.report(self.out)]), [[]])

    def test_every_report_is_made_of_it(self):
        for form in ("text", "md", "html", "csv", "junit", "hlog"):
            self.assertEqual(longhaul.command("report", self.out, "-f", form).returncode, 0, form)

    def test_what_does_not_fit_is_said(self):
        with Faultd() as server:
            alone = run(config(server.url(), connections=1, duration="1s"))
            other = {**self.conf, "run": {**self.conf["run"], "duration": "1s"}}
            seed = {**self.conf, "run": {**self.conf["run"], "seed": 8}}
            with ThreadPoolExecutor() as pool:
                other, seed = [one.result() for one in [pool.submit(shard, conf, 2) for conf in (other, seed)]]
        one, two = (one.path for one in self.shards)
        new = self.shards[0].folder / "new.longhaul"
        for arguments, words in (((new, one), "two run files"), ((new, one, one), "both shard 1"), ((self.out, one, two), "already there"),
                                 ((new, one, alone.path), "no shard"), ((new, other.path, seed.path), "shard 2"), ((new, one, other.path), "duration"), ((new, one, seed.path), "seed"),
                                 ((new, one, "/none.longhaul"), "/none.longhaul"), (("/none/new.longhaul", one, two), "/none/new.longhaul")):
            said = longhaul.command("merge", *arguments)
            self.assertEqual(said.returncode, 2, said)
            self.assertIn(words, said.stderr)
            self.assertFalse(new.exists())


def dig(of, path):
    for key in path.split("."):
        of = of[key]
    return of


if __name__ == "__main__":
    unittest.main()
