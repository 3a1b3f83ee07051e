"""Disturbances from our side: seen by the server, planned for us."""
import unittest

from common import Case, Faultd, books, config, endings, run

PLANNED = ("closing", "us", "planned disturbance", None)


class Actions(Case):
    def disturbed(self, *actions, duration="4s", **group):
        with Faultd() as server:
            conf = config(server.url(), connections=50, duration=duration, reconnect={"first": "200ms", "max": "400ms"}, **group)
            conf["actions"] = list(actions)
            done = run(conf, deadline=40)
            server.stop()
        books.check(self, done)
        self.assertEqual(done.group["drops"], 0)
        self.assertEqual(done.group["latency"]["outage"]["count"], 0)
        return done, server

    def test_a_share_is_reset_and_comes_back(self):
        done, server = self.disturbed({"at": "1s", "every": "1s", "group": "g", "drop": "20%"})
        self.assertEqual(endings(done.group)[PLANNED], 30)
        self.assertEqual(done.group["reconnects"], 30)
        self.assertEqual(done.query("SELECT count(*) AS n FROM events WHERE kind='action'")[0]["n"], 3)
        self.assertEqual(done.group["latency"]["planned_outage"]["count"], 30)
        self.assertEqual(sum(line["rst_seen"] for line in server.log()), 30)
        self.assertGreater(done.group["availability_percent"], 97)

    def test_a_close_has_its_code(self):
        done, server = self.disturbed({"at": "1s", "close": 4321, "clients": "50%"})
        self.assertEqual(endings(done.group)[PLANNED], 25)
        self.assertEqual(sum(line["close_received"] == 4321 for line in server.log()), 25)
        self.assertEqual(done.group["reconnects"], 25)

    def test_a_pause_sends_nothing(self):
        done, server = self.disturbed({"at": "1s", "pause": "2s"}, messages=[{"every": "200ms", "text": "${token}", "reply": {"contains": "${token}"}}])
        sent = done.group["messages"]["sent"]
        self.assertTrue(50 * 8 <= sent <= 50 * 12, sent)
        self.assertEqual(done.group["messages"]["planned"], sent)


class MassDrop(Case):
    def of(self, rules, **keys):
        with Faultd(*rules) as server:
            done = run(config(server.url(), connections=50, duration="5s", reconnect={"first": "200ms", "max": "400ms"}, run=keys), deadline=40)
            server.stop()
        books.check(self, done)
        return [row["text"] for row in done.query("SELECT text FROM events WHERE kind='mass drop'")], done.stderr

    def test_it_stands_on_the_timeline(self):
        texts, words = self.of(["first 50 after 1500ms close 1012"])
        self.assertEqual(len(texts), 1, texts)
        self.assertRegex(texts[0], r"^group g: 50 drops within [\d.]+ ms, peer: close frame 1012$")
        self.assertIn("mass drop: " + texts[0], words)

    def test_how_many_can_be_set(self):
        texts, _ = self.of(["first 50 after 1500ms close 1012"], mass_drop=51)
        self.assertEqual(texts, [])


if __name__ == "__main__":
    unittest.main()
