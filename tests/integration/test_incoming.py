"""What servers push unasked, checked: numbers missing, doubled, late, missed while away; silences; clocks that differ."""
import json
import subprocess
import unittest
from pathlib import Path

from common import Case, Faultd, books, config, process, run
from lib import npm

SERVER = Path(__file__).resolve().parent / "incoming/push_server.mjs"
BY_ID = {"sequence": {"field": "id"}}
BY_SEQ = {"sequence": {"field": "/seq"}}
SOON = {"first": "50ms", "max": "50ms", "jitter": "none"}


def tell(connections, by_client):
    """What a client must count, told by remembering everything: connections as lists of numbers."""
    count = dict.fromkeys(("numbered", "gaps", "skipped", "out_of_order", "duplicate", "missed_away", "caught_up", "restarts"), 0)
    came, away, low, high = set(), set(), None, None
    for nth, numbers in enumerate(connections):
        if not by_client:
            came, away, low, high = set(), set(), None, None
        fresh = gone = nth > 0 and by_client and high is not None
        for n in numbers:
            count["numbered"] += 1
            if high is None or fresh and n <= low and n < high:
                count["restarts"] += high is not None
                came, away, low, high, gone = set(), set(), n, n, False
            elif n > high:
                left_out = set(range(high + 1, n))
                if left_out and gone:
                    away |= left_out
                    count["missed_away"] += len(left_out)
                elif left_out:
                    count["gaps"] += 1
                    count["skipped"] += len(left_out)
                high, gone = n, False
            elif n < low:  # it began before what was thought its beginning
                count["gaps"] += 1
                count["skipped"] += low - n
                count["out_of_order"] += 1
                low = n
            elif n in came:
                count["duplicate"] += 1
            elif n in away:
                count["caught_up"] += 1
            else:
                count["out_of_order"] += 1
            came.add(n)
            fresh = False
    return count


class Pushes(Case):
    def clean(self, incoming, *but):
        names = ("unreadable", "gaps", "skipped", "out_of_order", "missing", "duplicate", "undecided", "missed_away", "restarts", "silences", "untimed")
        self.assertEqual({name: incoming[name] for name in names if name not in but and incoming[name]}, {})


class AgainstFaultd(Pushes):
    def check_spoilt(self, incoming, log):
        lost, repeated, swapped = (sum(line[name] for line in log) for name in ("push_lost", "push_repeated", "push_swapped"))
        self.assertGreater(min(lost, repeated, swapped), 10)
        # What was spoilt as the very last of a connection can't be told by anyone, or was still on its way.
        for name, did in (("missing", lost), ("duplicate", repeated), ("out_of_order", swapped)):
            self.assertLessEqual(incoming[name], did, name)
            self.assertGreaterEqual(incoming[name], did - 10, name)
        self.assertEqual(incoming["numbered"], incoming["received"])
        self.clean(incoming, "gaps", "skipped", "out_of_order", "missing", "duplicate")

    def test_spoilt_pushes(self):
        rules = ("push 100/s", "push-lose 5%", "push-repeat 5%", "push-swap 5%")
        with Faultd(*rules) as server:
            conf = config(server.url(), connections=10, duration="2s", messages=[], incoming={**BY_SEQ, "timestamp": {"field": "/time_us", "unit": "us"}})
            conf["targets"]["http"] = {"url": server.url("/sse/10ms", scheme="http")}
            conf["groups"]["events"] = {"kind": "sse", "target": "http", "connections": 10, "incoming": BY_ID}
            conf["slo"] = [{"metric": "g.incoming_gaps", "below": "1"}, {"metric": "events.gap.max", "below": "1m"}, {"metric": "g.delay.p50", "below": "10s"}]
            done = run(conf)
        books.check(self, done)
        self.assertEqual([(row["metric"], row["passed"]) for row in done.report["slo"]],
                         [("g.incoming_gaps", False), ("events.gap.max", True), ("g.delay.p50", True)])
        self.assertIn(done.code, (1, 4))
        series = done.report["series"]
        for group in series["groups"]:
            self.assertEqual(sum(group["incoming_skipped"]), next(g for g in done.report["groups"] if g["name"] == group["name"])["incoming"]["skipped"])
        websocket, events = (group["incoming"] for group in done.report["groups"])
        log = server.log()
        for incoming, upgraded in ((websocket, True), (events, False)):
            part = [line for line in log if ("upgraded_ns" in line) == upgraded]
            self.assertEqual(len(part), 10)
            self.check_spoilt(incoming, part)
        delay = done.report["groups"][0]["latency"]["delay"]
        self.assertEqual(delay["count"] + done.report["groups"][0]["latency"]["delay_ahead"]["count"], websocket["received"])
        self.assertLess(delay["p50_us"], 50_000)
        self.assertEqual([row["id"] for row in done.report["findings"] if row["id"] == "pushes-missing"], ["pushes-missing"] * 2)

    def test_a_stream_goes_on_where_it_stopped(self):
        with Faultd("after 600ms jitter 50% fin") as server:
            url = server.url("/sse/20ms", scheme="http")
            done = run(config(url, connections=5, duration="2s", kind="sse", messages=[], reconnect=SOON, incoming={**BY_ID, "scope": "client"}))
        incoming = done.group["incoming"]
        self.assertGreaterEqual(done.group["reconnects"], 5)
        self.assertGreater(incoming["numbered"], 50)
        self.clean(incoming)

    def test_a_sequence_that_begins_anew(self):
        with Faultd("push 20/s", "after 600ms jitter 50% close 1012") as server:
            done = run(config(server.url(), connections=5, duration="2s", messages=[], reconnect=SOON, incoming={**BY_SEQ, "scope": "client"}))
        incoming = done.group["incoming"]
        self.assertGreaterEqual(incoming["restarts"], 3)
        self.assertLessEqual(incoming["restarts"], done.group["reconnects"])
        self.clean(incoming, "restarts")

    def test_silences_stand_on_the_timeline(self):
        with Faultd("push 2/s") as server:
            done = self.checked(config(server.url(), connections=5, duration="2s", messages=[], incoming={"gap_max": "200ms"}), server)
        incoming = done.group["incoming"]
        self.assertGreater(incoming["silences"], 10)
        self.assertGreater(incoming["longest_silence_us"], 450_000)
        self.assertAlmostEqual(done.group["latency"]["silence"]["count"], incoming["silences"], delta=0)
        told = [row["text"] for row in done.report["events"] if row["kind"] == "silence"]
        self.assertEqual(len(told), 1, told)
        self.assertRegex(told[0], r"^group g: \d+ times an open client heard no push for longer than 200ms$")

    def test_a_clock_that_is_ahead(self):
        with Faultd("push 20/s", "push-ahead 5s") as server:
            done = self.checked(config(server.url(), connections=2, duration="1s", messages=[],
                                       incoming={"timestamp": {"regex": '"time_us":([0-9]+)', "unit": "us"}}), server)
        latency = done.group["latency"]
        self.assertEqual(latency["delay"]["count"], 0)
        self.assertEqual(latency["delay_ahead"]["count"], done.group["incoming"]["received"])
        self.assertAlmostEqual(latency["delay_ahead"]["p50_us"], 5_000_000, delta=100_000)
        words = " ".join(done.stdout.split())
        self.assertIn("timestamps were ahead of our clock", words)
        self.assertIn("The clock of what pushes to g is ahead of ours", words)

    def test_nothing_comes(self):
        with Faultd() as server:
            done = self.checked(config(server.url(), connections=2, duration="1s", messages=[], incoming=BY_SEQ), server)
        self.assertEqual(done.group["incoming"]["received"], 0)
        self.assertIn("Not one push came to g", done.stdout)

    def test_replies_are_no_pushes(self):
        message = {"every": "100ms", "text": '{"id":"${token}","seq":7}', "reply": {"contains": "${token}"}}
        with Faultd("push 20/s") as server:
            done = self.checked(config(server.url(), connections=5, duration="2s", messages=[message], incoming=BY_SEQ), server)
        self.assertGreater(done.group["messages"]["replied"], 50)
        self.assertGreater(done.group["incoming"]["numbered"], 100)
        self.clean(done.group["incoming"])


@unittest.skipIf(npm.why_not(), npm.why_not())
class AgainstNode(Pushes):
    """Exactly the numbers that were asked for, from npm's ws and from Node's own HTTP server."""

    WALKS = ([[1, 2, 5, 4, 4, 6, 9]], [[10, 7, 11, 8, 8, 12]], [[1, 2, 3], [7, 8, 5, 10], [9, 10, 11]], [[5, 6], [6, 7], [1, 2]])

    def play(self, kind, walk, by_client, more="", **incoming):
        numbers = "|".join(",".join(map(str, part)) for part in walk)
        path = f"/{'sse' if kind == 'sse' else 'ws'}?n={numbers}&every=10{'&end=1' if len(walk) > 1 else ''}{more}"
        sequence = BY_ID if kind == "sse" else BY_SEQ
        clock = {"timestamp": {"field": "/t"}} if kind == "sse" else {"timestamp": {"field": "/at", "unit": "rfc3339"}}
        return {"kind": kind, "target": kind, "connections": 3, "path": path, "reconnect": SOON, "headers": {"X-Client": f"{kind}-{len(self.groups)}-${{client}}"},
                "incoming": {**sequence, **clock, **({"scope": "client"} if by_client else {}), **incoming}}

    def serve(self, groups, duration):
        server = process.start(["node", SERVER, npm.FOLDER], stdout=subprocess.PIPE, bufsize=0)
        try:
            port = int(process.read_line(server.stdout, 20, "LISTEN line").rsplit(":", 1)[1])
            conf = {"run": {"duration": duration, "drain": "1s"}, "groups": groups,
                    "targets": {"websocket": {"url": f"ws://127.0.0.1:{port}/"}, "sse": {"url": f"http://127.0.0.1:{port}/"}}}
            done = run(conf)
            process.stop(server)
            self.told = [json.loads(line) for line in server.stdout.read().decode().splitlines()]
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
        books.check(self, done)
        return {group["name"]: group for group in done.report["groups"]}

    def test_walks(self):
        self.groups, expected = {}, {}
        for kind in ("websocket", "sse"):
            for walk in self.WALKS:
                for by_client in (False, True):
                    name = f"{kind}{len(self.groups)}"
                    self.groups[name] = self.play(kind, walk, by_client)
                    expected[name] = (walk, by_client)
        for walk in ([[1, 2, 5, 4]], [[4294967294, 4294967295], [1, 0, 2]]):  # four bytes come round
            name = f"websocket{len(self.groups)}"
            self.groups[name] = self.play("websocket", walk, True, "&binary=1", sequence={"offset": 1, "width": 4},
                                          timestamp={"offset": 5, "endian": "little"})
            expected[name] = ([[n + (n < 9 and walk[0][0] > 9) * 2**32 for n in part] for part in walk], True)
        groups = self.serve(self.groups, "2500ms")
        for name, (walk, by_client) in expected.items():
            once = tell(walk, by_client)
            incoming = groups[name]["incoming"]
            self.assertEqual({key: incoming[key] for key in once}, {key: 3 * n for key, n in once.items()}, f"{name} {walk} {by_client}")
            self.assertEqual(groups[name]["reconnects"], 3 * (len(walk) - 1), name)
            latency = groups[name]["latency"]
            self.assertEqual(latency["delay"]["count"] + latency["delay_ahead"]["count"], incoming["received"], name)
            self.assertEqual((incoming["untimed"], incoming["unreadable"], incoming["undecided"]), (0, 0, 0))
        for told in self.told:  # a stream says where it stopped
            kind, number, _ = told["client"].split("-")
            if kind == "sse":
                walk, nth = expected[f"sse{number}"][0], told["nth"]
                self.assertEqual(told["lastEventId"], str(walk[nth - 1][-1]) if nth else None)

    def test_what_has_no_number(self):
        self.groups = {}
        self.groups["events"] = self.play("sse", [[1, 2, 3]], False, "&bare=4")
        self.groups["messages"] = self.play("websocket", [[1, 2, 3]], False, "&bare=4&ahead=60000")
        groups = self.serve(self.groups, "1s")
        for group in groups.values():
            incoming = group["incoming"]
            self.assertEqual((incoming["received"], incoming["numbered"], incoming["unreadable"], incoming["untimed"]), (21, 9, 12, 12))
            self.assertEqual((incoming["missing"], incoming["duplicate"]), (0, 0))
        self.assertEqual(groups["messages"]["latency"]["delay_ahead"]["count"], 9)


if __name__ == "__main__":
    unittest.main()
