"""What ends open connections: each behaviour of the server, and how longhaul must name it, connection by connection."""
import collections
import unittest

from common import Case, Faultd, books, config, endings, join, longhaul, run

BACK_SOON = {"first": "100ms", "max": "500ms"}


class MassDrop(Case):
    """All clients lose their connection at one moment and come back."""
    N = 200

    def mass_drop(self, rule, reason, code=None):
        with Faultd(f"first {self.N} after 1500ms {rule}") as server:
            done = self.checked(config(server.url(), connections=self.N, duration="5s", reconnect=BACK_SOON), server)
        stood_s = join.stood_s(done) + server.lag_s
        group = done.group
        self.assertEqual(endings(group), {("open", "peer", reason, code): self.N, ("closing", "us", "shutting down", None): self.N})
        self.assertEqual((group["drops"], group["reconnects"], group["opened"]), (self.N, self.N, 2 * self.N))
        self.assertEqual(group["latency"]["outage"]["count"], self.N)
        self.assertLess(group["latency"]["outage"]["max_us"], 1e6 * (1 + stood_s))
        self.assertEqual(group["latency"]["lifetime"]["count"], 2 * self.N)
        self.assertLess(group["availability_percent"], 100)
        self.assertGreater(group["availability_percent"], 85 - 100 * stood_s / 5)
        return done

    def test_close_1012(self):
        done = self.mass_drop('close 1012 "restarting"', "close frame", 1012)
        self.assertEqual({row["text"] for row in done.group["endings"] if row["code"] == 1012}, {"restarting"})
        self.assertIn("1012", done.stdout)

    def test_rst(self):
        self.mass_drop("rst", "RST")

    def test_fin(self):
        self.mass_drop("fin", "FIN without close frame")

    def test_it_becomes_an_event_or_a_finding(self):
        done = self.mass_drop("rst", "RST")
        words = [event["text"] for event in done.report["events"]] + [str(finding) for finding in done.report["findings"]]
        self.assertTrue(any("200" in text for text in words), words)


class Codes(Case):
    def test_every_close_code_and_text_arrives(self):
        codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000, 4999]
        rules = [f'path /c{code} after 500ms close {code} "text {code}"' for code in codes]
        with Faultd(*rules) as server:
            conf = config(server.url(), connections=2, duration="2s", reconnect=False)
            base = conf["groups"].pop("g")
            for code in codes:
                conf["groups"][f"g{code}"] = {**base, "path": f"/c{code}"}
            done = self.checked(conf, server)
        for code, part in zip(codes, done.report["groups"]):
            with self.subTest(code):
                row, = part["endings"]
                self.assertEqual((row["stage"], row["reason"], row["code"], row["text"], row["count"]), ("open", "close frame", code, f"text {code}", 2))

    def test_close_without_code(self):
        with Faultd("after 500ms close 1005") as server:
            done = self.checked(config(server.url(), connections=5, duration="2s", reconnect=False), server)
        self.assertEqual(endings(done.group), {("open", "peer", "close frame", 1005): 5})

    def test_a_text_that_is_markup(self):
        with Faultd('after 500ms close 4000 "<script>alert(1)</script>"') as server:
            done = self.checked(config(server.url(), connections=1, duration="2s", reconnect=False), server)
        page = done.folder / "page.html"
        self.assertEqual(longhaul.command("report", done.path, "-o", page).returncode, 0)
        text = page.read_text(encoding="utf-8")
        self.assertNotIn("<script>alert(1)", text)


class Churn(Case):
    def test_lifetimes_at_the_server(self):
        with Faultd("after 1s jitter 60% rst") as server:
            done = self.checked(config(server.url(), connections=50, duration="5s", reconnect=BACK_SOON), server)
        self.assertGreater(done.group["drops"], 80)  # of 200
        lifetimes = done.group["latency"]["lifetime"]
        self.assertAlmostEqual(lifetimes["p50_us"], 1_000_000, delta=200_000 + 1e6 * (join.off_s(done, server)))

    def test_a_mixture_is_told_apart(self):
        """Four behaviours by path, hundreds of endings, and no two of them confused."""
        rules = ["path /a after 300ms jitter 50% fin", "path /b after 300ms jitter 50% rst",
                 'path /c after 300ms jitter 50% close 1011 "no"', "each 2% rst"]
        with Faultd(*rules) as server:
            conf = config(server.url(), connections=20, duration="5s", reconnect=BACK_SOON)
            base = conf["groups"].pop("g")
            for path in "abcd":
                conf["groups"][path] = {**base, "path": f"/{path}"}
            done = self.checked(conf, server)
        self.assertGreater(done.report["totals"]["drops"], 150)  # of 600
        reasons = collections.Counter(reason for part in done.report["groups"] for (_, _, reason, _), n in endings(part).items() for _ in range(n))
        self.assertNotIn("unclassified", reasons)

    def test_given_up_on_the_way(self):
        """Upgrades that are under way when the run ends are ours, and the server saw them go."""
        with Faultd("upgrade-delay 30s") as server:
            done = self.checked(config(server.url(), connections=5, duration="1s"), server, code=4)
        self.assertEqual(endings(done.group), {("upgrade", "us", "shutting down", None): 5})

    def test_idle_timeout_of_the_server(self):
        with Faultd("idle 500ms fin") as server:
            done = self.checked(config(server.url(), connections=10, duration="3s", messages=[], reconnect=BACK_SOON), server)
        self.assertGreater(done.group["drops"], 15)  # of 40
        idle = done.group["latency"]["idle_at_drop"]
        self.assertAlmostEqual(idle["p50_us"], 500_000, delta=100_000 + 1e6 * (join.off_s(done, server)))

    def test_no_reconnect(self):
        with Faultd("after 500ms rst") as server:
            done = self.checked(config(server.url(), connections=10, duration="2s", reconnect=False), server)
        self.assertEqual((done.group["opened"], done.group["drops"], done.group["reconnects"]), (10, 10, 0))

    def test_the_server_is_gone_for_a_while(self):
        """The listening sockets close and all is dropped; attempts are refused until they are back."""
        with Faultd("at 4s drop all", "from 3990ms to 5500ms not-listening") as server:  # from its own start, well before the run's
            done = self.checked(config(server.url(), connections=50, duration="7s", reconnect=BACK_SOON), server)
        tally = endings(done.group)
        self.assertEqual(tally[("open", "peer", "RST", None)], 50)
        refused = sum(n for (stage, side, reason, _), n in tally.items() if (stage, side, reason) == ("connect", "network", "connection refused"))
        off_s = join.off_s(done, server)
        self.assertGreater(refused, 50 if off_s < 0.5 else 0)
        self.assertEqual(refused, done.group["connect_failures"])
        self.assertEqual(done.group["reconnects"], 50)
        self.assertGreater(done.group["latency"]["outage"]["min_us"], 1e6 * (1.2 - off_s))


class Silence(Case):
    def test_silent_peer_is_found_by_ping(self):
        with Faultd("after 1s silent") as server:
            done = self.checked(config(server.url(), connections=20, duration="5s", messages=[], ping={"every": "500ms", "timeout": "700ms"}, reconnect=False), server)
        self.assertEqual(endings(done.group), {("open", "network", "silent peer", None): 20})
        detect = done.group["latency"]["detect"]
        self.assertEqual(detect["count"], 20)
        self.assertTrue(600_000 < detect["p50_us"] < 1e6 * (1.4 + join.off_s(done, server)), detect)

    def test_without_pongs_but_with_messages(self):
        """A server that echoes and never answers pings: the wait for the pong runs out all the same."""
        with Faultd("no-pong") as server:
            done = run(config(server.url(), connections=5, duration="3s", ping={"every": "500ms", "timeout": "500ms"}, reconnect=False))
        books.check(self, done)
        self.assertEqual(done.group["pings"]["answered"], 0)
        self.assertEqual(endings(done.group), {("open", "network", "silent peer", None): 5})

    def test_a_wrong_pong_is_none(self):
        with Faultd("wrong-pong") as server:
            done = run(config(server.url(), connections=5, duration="3s", messages=[], ping={"every": "500ms", "timeout": "500ms"}, reconnect=False))
        books.check(self, done)
        self.assertEqual(done.group["pings"]["answered"], 0)
        self.assertEqual(endings(done.group), {("open", "network", "silent peer", None): 5})

    def test_a_server_that_stops_reading_and_has_no_pings(self):
        """Without pings a silent peer shows only as lost replies."""
        with Faultd("after 1s silent") as server:
            done = run(config(server.url(), connections=5, duration="3s", run={"drain": "500ms"}))
        books.check(self, done)
        messages = done.group["messages"]
        self.assertGreater(messages["sent"], messages["replied"])


class BadFrames(Case):
    KINDS = ["opcode", "control-opcode", "rsv", "masked", "length", "long-ping", "fragmented-ping", "continuation", "interleaved", "utf8", "close-short"]

    def test_each_is_a_bad_frame(self):
        rules = [f"path /{kind} message 2 bad-frame {kind}" for kind in self.KINDS]
        with Faultd(*rules) as server:
            conf = config(server.url(), connections=3, duration="3s", reconnect=False)
            base = conf["groups"].pop("g")
            for kind in self.KINDS:
                conf["groups"][kind] = {**base, "path": f"/{kind}"}
            done = run(conf)
        books.check(self, done)
        for part in done.report["groups"]:
            with self.subTest(part["name"]):
                self.assertEqual({key[:3]: n for key, n in endings(part).items()}, {("open", "peer", "bad frame"): 3})

    def test_truncated_frame(self):
        with Faultd("message 2 bad-frame truncated") as server:
            done = run(config(server.url(), connections=3, duration="3s", reconnect=False))
        books.check(self, done)
        self.assertEqual(endings(done.group), {("open", "peer", "FIN without close frame", None): 3})


if __name__ == "__main__":
    unittest.main()
