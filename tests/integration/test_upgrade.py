"""Connections that never become open: refused, redirected, slow, silent, broken."""
import time
import unittest

from common import Case, Faultd, books, config, endings, join, run

BACK_SOON = {"first": "200ms", "max": "400ms"}


class Upgrade(Case):
    def only(self, rules, stage, side, reason, code=None, seen_as=None, **group):
        """Every connection ends so, and none is ever open."""
        with Faultd(*rules) as server:
            done = run(config(server.url(), connections=10, duration="3s", reconnect=BACK_SOON, **group), deadline=40)
            server.stop()
            books.check(self, done)
            join.check(self, done, server, seen_as)
        tally = {key: n for key, n in endings(done.group).items() if key[2] != "shutting down"}
        self.assertEqual(set(tally), {(stage, side, reason, code)})
        self.assertEqual((done.group["opened"], done.group["drops"]), (0, 0))
        self.assertEqual(done.group["availability_percent"], 0)
        self.assertGreaterEqual(sum(tally.values()), 10)
        self.assertEqual(done.group["messages"]["sent"], 0)
        return done

    def test_refused_with_a_status(self):
        done = self.only(['refuse 503 "try later"'], "upgrade", "peer", "upgrade refused", 503)
        self.assertIn("503", done.stdout)

    def test_a_redirect(self):
        self.only(["redirect ws://127.0.0.1:9/elsewhere"], "upgrade", "peer", "redirect not followed", 302)

    def test_wrong_accept_key(self):
        self.only(["bad-accept"], "upgrade", "peer", "wrong accept key")

    def test_no_answer(self):
        self.only(["upgrade-never"], "upgrade", "network", "upgrade timeout", upgrade_timeout="700ms",
                  seen_as={("us", "upgrade-never"): {("network", "upgrade timeout"), ("us", "shutting down")}})

    def test_not_http(self):
        self.only(["bad-http"], "upgrade", "peer", "bad HTTP")

    def test_fin_in_place_of_the_answer(self):
        self.only(["upgrade-fin"], "upgrade", "peer", "FIN without close frame")

    def test_rst_in_place_of_the_answer(self):
        self.only(["upgrade-rst"], "upgrade", "peer", "RST")

    def test_half_an_answer(self):
        self.only(["upgrade-half"], "upgrade", "peer", "FIN without close frame")

    def test_a_slow_answer_is_no_failure(self):
        with Faultd("upgrade-delay 300ms..600ms") as server:
            done = self.checked(config(server.url(), connections=20, duration="3s"), server)
        phase = done.group["latency"]["upgrade"]
        self.assertEqual(phase["count"], 20)
        self.assertTrue(300_000 <= phase["min_us"] and phase["max_us"] < 750_000, phase)
        self.assertEqual(done.group["connect_failures"], 0)

    def test_some_are_refused_at_first(self):
        with Faultd("first 30 refuse 429 retry-after 1s") as server:
            done = self.checked(config(server.url(), connections=20, duration="6s", reconnect=BACK_SOON), server)
        self.assertEqual(endings(done.group)[("upgrade", "peer", "upgrade refused", 429)], 30)
        self.assertEqual(done.group["opened"], 20)


    def test_retry_after_is_honoured(self):
        with Faultd("first 20 refuse 503 retry-after 2s") as server:
            done = self.checked(config(server.url(), connections=20, duration="6s", reconnect=BACK_SOON), server)
        self.assertEqual(endings(done.group)[("upgrade", "peer", "upgrade refused", 503)], 20)
        self.assertEqual(done.group["opened"], 20)
        self.assertEqual(done.query("SELECT sum(retry_afters) AS n FROM intervals")[0]["n"], 20)
        self.assertTrue(50 < done.group["availability_percent"] < 68, done.group["availability_percent"])


class Connect(Case):
    def test_nobody_listens(self):
        with Faultd() as server:
            url = server.url()
        done = run(config(url, connections=10, duration="2s", reconnect=BACK_SOON))
        books.check(self, done)
        tally = endings(done.group)
        refused = sum(n for (stage, side, reason, _), n in tally.items() if (stage, side, reason) == ("connect", "network", "connection refused"))
        self.assertGreaterEqual(refused, 10)
        self.assertEqual(done.group["opened"], 0)

    def test_a_full_backlog_is_a_connect_timeout(self):
        with Faultd("from 0s to 60s stop-accepting", "--backlog", "0") as server:
            done = run(config(server.url(), connections=5, duration="4s", connect_timeout="1s", upgrade_timeout="10s", reconnect=BACK_SOON))
            books.check(self, done)
        tally = endings(done.group)
        self.assertGreater(sum(n for (stage, _, reason, _), n in tally.items() if (stage, reason) == ("connect", "connect timeout")), 0, tally)

    def test_rst_at_once(self):
        with Faultd("accept-rst") as server:
            done = run(config(server.url(), connections=10, duration="2s", reconnect=BACK_SOON))
            books.check(self, done)
        self.assertTrue(all(side == "peer" and reason == "RST" for (_, side, reason, _) in endings(done.group)), endings(done.group))

    def test_a_name_that_does_not_resolve(self):
        begin = time.monotonic()
        done = run(config("ws://no-such-host.invalid:9/", connections=5, duration="2s", reconnect=BACK_SOON), deadline=60)
        if done.code not in (2, 3):  # told before the run, or seen during it
            books.check(self, done)
            self.assertEqual({key[:3] for key in endings(done.group)} - {("resolve", "us", "shutting down")}, {("resolve", "network", "name not found")})
        self.assertLess(time.monotonic() - begin, 30)


class Tls(Case):
    def start(self, *arguments):
        server = Faultd("--tls", *arguments)
        server.ca = server.folder / "ca.pem"
        server._command += ["--tls-ca", server.ca]
        return server

    def reason(self, server, **target):
        with server:
            tls = {"ca": str(server.ca), **target}
            done = run(config(server.url(scheme="wss", host=target.pop("host", None)), connections=3, duration="2s", target={"tls": tls}, reconnect=BACK_SOON))
            books.check(self, done)
        tally = {key[:3] for key in endings(done.group) if key[2] != "shutting down"}
        self.assertEqual(len(tally), 1, tally)
        return tally.pop()

    def test_certificates_are_told_apart(self):
        for kind, reason in (("expired", "certificate expired"), ("not-yet-valid", "certificate not yet valid"),
                             ("wrong-host", "certificate for another host"), ("self-signed", "certificate self-signed")):
            with self.subTest(kind):
                self.assertEqual(self.reason(self.start("--tls-make", kind)), ("tls", "peer", reason))

    def test_unknown_ca(self):
        other = self.start()
        with other:
            pass
        server = self.start()
        with server:
            done = run(config(server.url(scheme="wss"), connections=3, duration="2s", target={"tls": {"ca": str(other.ca)}}, reconnect=BACK_SOON))
        books.check(self, done)
        self.assertEqual({key[:3] for key in endings(done.group) if key[2] != "shutting down"}, {("tls", "peer", "certificate from an unknown CA")})

    def test_verify_false_is_said(self):
        with self.start("--tls-make", "expired") as server:
            done = self.checked(config(server.url(scheme="wss"), connections=3, duration="2s", target={"tls": {"verify": False}}), server)
        self.assertEqual(done.group["opened"], 3)
        self.assertFalse(done.group["tls_verify"])

    def test_alert(self):
        self.assertEqual(self.reason(self.start("tls-alert")), ("tls", "peer", "TLS alert"))

    def test_no_answer_to_the_hello(self):
        with self.start("tls-never") as server:
            done = run(config(server.url(scheme="wss"), connections=3, duration="3s", target={"tls": {"ca": str(server.ca)}}, tls_timeout="700ms", reconnect=BACK_SOON))
        books.check(self, done)
        self.assertEqual({key[:3] for key in endings(done.group) if key[2] != "shutting down"}, {("tls", "network", "TLS timeout")})

    def test_fin_without_close_notify(self):
        with self.start("after 1s fin") as server:
            done = run(config(server.url(scheme="wss"), connections=5, duration="3s", target={"tls": {"ca": str(server.ca)}}, reconnect=False))
        books.check(self, done)
        self.assertEqual({key[:3] for key in endings(done.group)}, {("open", "peer", "FIN without close frame")})

    def test_rst_and_close_over_tls(self):
        for rule, reason, code in (("after 1s rst", "RST", None), ('after 1s close 1013 "later"', "close frame", 1013)):
            with self.subTest(rule), self.start(rule) as server:
                done = run(config(server.url(scheme="wss"), connections=5, duration="3s", target={"tls": {"ca": str(server.ca)}}, reconnect=False))
                books.check(self, done)
                self.assertEqual(endings(done.group), {("open", "peer", reason, code): 5})


if __name__ == "__main__":
    unittest.main()
