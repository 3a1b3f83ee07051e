"""Runs in which nothing breaks: everything that was sent came back, and both sides count the same."""
import subprocess
import unittest

from common import Case, Faultd, config, endings, join, run


class Echo(Case):
    def same_counts(self, done, server):
        messages = done.group["messages"]
        self.assertEqual(messages["replied"], messages["sent"])
        self.assertEqual((server.summary["messages_in"], server.summary["messages_out"]), (messages["sent"], messages["sent"]))
        self.assertEqual((server.summary["connections"], server.summary["upgraded"]), (done.group["opened"], done.group["opened"]))
        return messages

    def test_plain(self):
        with Faultd() as server:
            done = self.checked(config(server.url(), connections=50), server)
        messages = self.same_counts(done, server)
        self.assertEqual(done.report["verdict"], {0: "passed", 4: "inconclusive"}[done.code])
        self.assertTrue(50 * 13 <= messages["planned"] <= 50 * (done.report["run"]["duration_s"] / 0.2 + 1), messages)
        self.assertEqual(endings(done.group), {("closing", "us", "shutting down", None): 50})
        self.assertEqual(done.group["latency"]["response"]["count"], messages["sent"])
        self.assertEqual({line["close_received"] for line in server.log()}, {1001})
        self.assertIn("50 clients", done.stdout)

    def test_each_client_has_one_connection_and_its_share_of_messages(self):
        with Faultd() as server:
            done = self.checked(config(server.url(), connections=40, duration="4s"), server)
        self.assertEqual(len(server.log()), 40)
        counts = {line["messages_in"] for line in server.log()}
        skipped = done.group["messages"]["skipped_late"] + done.group["messages"]["skipped_not_open"]
        self.assertGreaterEqual(min(counts), 18 - skipped)
        self.assertLessEqual(max(counts), done.report["run"]["duration_s"] / 0.2 + 1)

    def test_several_workers_and_groups(self):
        with Faultd() as server:
            conf = config(server.url(), connections=33, run={"workers": 3})
            conf["groups"]["h"] = {**conf["groups"]["g"], "connections": 7, "path": "/other"}
            done = self.checked(conf, server)
        self.assertEqual([part["opened"] for part in done.report["groups"]], [33, 7])
        self.assertEqual(sum(line["path"] == "/other" for line in server.log()), 7)
        self.assertEqual(done.report["run"]["workers"], 3)

    def test_tls(self):
        server = Faultd("--tls")
        ca = server.folder / "ca.pem"
        server._command += ["--tls-ca", ca]
        with server:
            done = self.checked(config(server.url(scheme="wss"), target={"tls": {"ca": str(ca)}}), server)
        self.same_counts(done, server)
        self.assertEqual(done.group["latency"]["tls"]["count"], done.group["opened"])

    def test_one_broken_handshake_is_nobody_elses(self):
        """OpenSSL's queue of errors belongs to the thread: what a refused certificate leaves there must end no other connection."""
        server = Faultd("--tls")
        ca, other = server.folder / "ca.pem", server.folder / "other.pem"
        server._command += ["--tls-ca", ca]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", server.folder / "key.pem", "-out", other,
                        "-days", "3", "-subj", "/CN=other"], check=True, stderr=subprocess.DEVNULL)
        with server:
            conf = config(server.url(scheme="wss"), connections=20, target={"tls": {"ca": str(ca)}}, run={"workers": 1})
            conf["targets"]["wrong"] = {"url": server.url(scheme="wss"), "tls": {"ca": str(other)}}
            conf["groups"]["h"] = {**conf["groups"]["g"], "target": "wrong", "connections": 5, "reconnect": {"first": "50ms", "max": "100ms"}}
            done = run(conf)
        self.assertEqual(done.code, 1, done.stderr)  # h never opened
        right, wrong = done.report["groups"]
        self.assertGreater(wrong["attempts"], 50)
        self.assertEqual((right["drops"], right["opened"], right["attempts"], wrong["opened"]), (0, 20, 20, 0))

    def test_ipv6(self):
        with Faultd(listen=("[::1]:0",)) as server:
            done = self.checked(config(server.url()), server)
        self.same_counts(done, server)
        self.assertEqual({line["peer"] for line in server.log()}, {"::1"})

    def test_source_addresses_in_turn(self):
        with Faultd() as server:
            self.checked(config(server.url(), connections=30, source_addresses=["127.0.0.2", "127.0.0.3", "127.0.0.4"]), server)
        peers = [line["peer"] for line in server.log()]
        self.assertEqual({peer: peers.count(peer) for peer in peers}, {"127.0.0.2": 10, "127.0.0.3": 10, "127.0.0.4": 10})

    def test_payloads(self):
        binary = "AAECAwT/"
        for name, message in {
                "echo": {"text": "${token} käse ${uuid} ${rand:1..9} ${client} ${group} ${time_ms}", "reply": {"match": "echo"}},
                "order": {"text": "no token in here", "reply": {"match": "order"}},
                "pointer": {"text": '{"a":[{"b":"${token}"}]}', "reply": {"pointer": "/a/0/b"}},
                "binary": {"binary": binary, "reply": {"match": "order"}},
                "size": {"size": "300KiB", "every": "1s", "reply": {"match": "echo"}},
                "small": {"size": "64B", "reply": {"match": "token"}}}.items():
            with self.subTest(name), Faultd() as server:
                done = self.checked(config(server.url(), connections=5, duration="2s", messages=[{"name": name, "every": "200ms", **message}]), server)
                messages = self.same_counts(done, server)
                self.assertGreater(messages["sent"], 4)
                self.assertEqual((messages["corrupt"], messages["duplicate"], messages["out_of_order"], messages["late"]), (0, 0, 0, 0))

    def test_fragmented_and_split_replies(self):
        for rule in ("fragment 7", "split 5 1ms"):
            with self.subTest(rule), Faultd(rule) as server:
                done = self.checked(config(server.url(), connections=5, duration="2s"), server)
                self.same_counts(done, server)

    def test_closed_loop(self):
        with Faultd() as server:
            done = self.checked(config(server.url(), connections=4, duration="2s", messages=[
                {"name": "m", "after": "reply", "text": "${token}", "reply": {"contains": "${token}"}}]), server)
        messages = self.same_counts(done, server)
        self.assertGreater(messages["sent"], 200)  # every 200 ms, as other runs here send, would be 40

    def test_after_open_and_count(self):
        with Faultd() as server:
            done = self.checked(config(server.url(), connections=9, duration="2s", messages=[
                {"name": "hello", "after": "open", "text": "${token}", "reply": {"contains": "${token}"}},
                {"name": "few", "every": "100ms", "count": 3, "text": "${token}", "reply": {"contains": "${token}"}}]), server)
        self.assertEqual(self.same_counts(done, server)["sent"], 9 * 4)

    def test_one_way(self):
        with Faultd("no-echo") as server:
            done = self.checked(config(server.url(), messages=[{"name": "m", "every": "200ms", "text": "x"}]), server)
        messages = done.group["messages"]
        self.assertEqual((messages["one_way"], messages["replied"], messages["lost"]), (messages["sent"], 0, 0))
        self.assertEqual(server.summary["messages_in"], messages["sent"])

    def test_listening_only(self):
        with Faultd("push 20/s") as server:
            done = self.checked(config(server.url(), connections=10, messages=[]), server)
        pushed = sum(line["pushed"] for line in server.log())
        self.assertAlmostEqual(done.group["messages"]["incoming"], pushed, delta=10)
        self.assertGreater(pushed, 300)  # of 600, less what a busy server could not push

    def test_headers_and_subprotocol(self):
        with Faultd() as server:
            self.checked(config(server.url("/a?b=c"), connections=2, duration="1s", subprotocols=["chat.v2", "chat.v1"]), server)
        self.assertEqual({(line["protocol"], line["path"]) for line in server.log()}, {("chat.v2", "/a?b=c")})

    def test_ramp(self):
        with Faultd() as server:
            done = self.checked(config(server.url(), connections=40, duration="4s", ramp={"over": "2s"}), server)
        accepted = sorted(line["accepted_ns"] for line in server.log())
        self.assertEqual(len(accepted), 40)
        off_s = join.off_s(done, server)  # of each moment
        self.assertAlmostEqual((accepted[-1] - accepted[0]) / 1e9, 1.95, delta=0.15 + off_s)
        halfway = sum(t - accepted[0] <= 1e9 for t in accepted)
        self.assertTrue(18 - 40 * off_s <= halfway <= 23 + 40 * off_s, halfway)  # 20 a second, at either end of that second
        self.assertGreater(done.group["availability_percent"], 98 - 100 * (join.stood_s(done) + server.lag_s) / 3)

    def test_ramp_down(self):
        with Faultd() as server:
            done = self.checked(config(server.url(), connections=20, duration="4s", ramp={"stages": [
                {"at": "0s", "connections": 20}, {"at": "2s", "connections": 20}, {"at": "2500ms", "connections": 5}]}), server)
        self.assertEqual(endings(done.group), {("closing", "us", "planned end", None): 15, ("closing", "us", "shutting down", None): 5})
        self.assertEqual(done.group["drops"], 0)

    def test_planned_lifetime(self):
        with Faultd() as server:
            done = self.checked(config(server.url(), connections=10, duration="3s", lifetime="1s"), server)
        tally = endings(done.group)
        self.assertGreaterEqual(tally[("closing", "us", "lifetime reached", None)], 10)
        self.assertEqual(done.group["drops"], 0)
        self.assertGreater(done.group["availability_percent"], 97 - 100 * (join.stood_s(done) + server.lag_s) / 3)

    def test_pings_of_both_sides(self):
        with Faultd("ping-every 500ms") as server:
            done = self.checked(config(server.url(), connections=10, messages=[], ping={"every": "300ms", "timeout": "1s"}), server)
        log = server.log()
        pings = done.group["pings"]
        self.assertEqual(pings["sent"], sum(line["pings_in"] for line in log))
        self.assertEqual(pings["answered"], sum(line["pongs_out"] for line in log))
        self.assertGreater(pings["sent"], 30)  # of 100, less what a busy machine had no time for
        self.assertGreater(pings["from_peer"], 20)
        self.assertEqual(done.group["latency"]["ping"]["count"], pings["answered"])


if __name__ == "__main__":
    unittest.main()
