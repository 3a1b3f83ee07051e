"""Replies that come late, twice, in the wrong order, damaged or not at all: each counted once and under its own name."""
import unittest

from common import Case, Faultd, config, join

MESSAGE = {"name": "m", "every": "100ms", "text": '{"id":"${token}","n":${seq}}', "reply": {"contains": "${token}", "within": "500ms", "lost_after": "1500ms"}}
ECHO = {**MESSAGE, "reply": {"match": "echo", "within": "500ms", "lost_after": "1500ms"}}


class Replies(Case):
    def messages(self, *rules, message=None, **options):
        with Faultd(*rules) as server:
            done = self.checked(config(server.url(), connections=20, duration="5s", messages=[message or MESSAGE], run={"drain": "3s"}), server, **options)
        log = server.log()
        self.counts = {key: sum(line[key] for line in log) for key in ("lost", "delayed", "duplicated", "reordered", "corrupted", "messages_in")}
        messages = done.group["messages"]
        self.assertEqual(messages["sent"], self.counts["messages_in"])
        self.latency, self.off_s = done.group["latency"], join.off_s(done, server)
        return messages

    @property
    def in_time(self):
        """Nothing stood still for so long that replies came late by that alone."""
        return self.off_s < 0.3

    def none_of(self, messages, *names):
        names = [name for name in names if self.in_time or name != "late"]
        self.assertEqual({name: messages[name] for name in names}, {name: 0 for name in names})

    def test_lost(self):
        messages = self.messages("each 10% lose")
        self.assertGreater(self.counts["lost"], 50)
        self.assertEqual((messages["lost"], messages["replied"]), (self.counts["lost"], messages["sent"] - self.counts["lost"]))
        self.none_of(messages, "duplicate", "out_of_order", "corrupt", "late", "lost_then_replied")

    def test_duplicated(self):
        messages = self.messages("each 10% duplicate")
        self.assertGreater(self.counts["duplicated"], 50)
        self.assertEqual((messages["duplicate"], messages["replied"]), (self.counts["duplicated"], messages["sent"]))
        self.none_of(messages, "lost", "out_of_order", "corrupt", "late")

    def test_reordered(self):
        messages = self.messages("each 10% reorder")
        self.assertGreater(self.counts["reordered"], 50)
        # A reply that was held when the run ended was never sent: it is lost, and nothing overtook it.
        self.assertEqual(messages["lost"], self.counts["lost"])
        self.assertEqual(messages["out_of_order"], self.counts["reordered"] - self.counts["lost"])
        self.none_of(messages, "duplicate", "corrupt")

    def test_corrupted(self):
        messages = self.messages("each 10% corrupt", message=ECHO)
        self.assertGreater(self.counts["corrupted"], 50)
        # Damage in a token makes the reply nobody's: its message is lost. Damage in the token's first bytes leaves nothing to
        # know it by: it is then an incoming message that answers nothing.
        self.assertEqual(messages["corrupt"] + messages["incoming"], self.counts["corrupted"])
        self.assertGreater(messages["corrupt"], messages["incoming"])
        self.assertLessEqual(messages["lost"], self.counts["corrupted"])
        self.assertEqual(messages["replied"] + messages["lost"], messages["sent"])
        self.none_of(messages, "duplicate", "out_of_order")

    def test_late(self):
        messages = self.messages("from 3s to 4s delay 700ms")
        self.assertGreater(self.counts["delayed"], 150)
        self.assertEqual((messages["replied"], messages["lost"]), (messages["sent"], 0))
        (self.assertEqual if self.in_time else self.assertGreaterEqual)(messages["late"], self.counts["delayed"])
        self.assertGreaterEqual(self.latency["response"]["max_us"], 700_000)
        self.assertLess(self.latency["response"]["p50_us"], 100_000)

    def test_delay_is_measured(self):
        self.messages("delay 200ms")
        for name in ("response", "service"):
            self.assertAlmostEqual(self.latency[name]["p50_us"], 200_000, delta=20_000 + 1e6 * self.off_s)
            self.assertGreaterEqual(self.latency[name]["min_us"], 199_000)

    def test_later_than_lost(self):
        messages = self.messages("from 1500ms to 2500ms delay 2s")
        if self.in_time:
            self.assertEqual(messages["lost"], self.counts["delayed"])
        else:  # after a standstill a reply may be read before its message is given up: it is late then; and others are late by that
            self.assertGreaterEqual(messages["lost"] + messages["late"], self.counts["delayed"])
        self.assertEqual(messages["lost_then_replied"], messages["lost"])
        self.none_of(messages, "late", "corrupt")

    def test_reconnect_when_lost(self):
        message = {**MESSAGE, "reply": {"contains": "${token}", "within": "200ms", "lost_after": "500ms", "else": "reconnect"}}
        with Faultd("message 5 silent") as server:
            done = self.checked(config(server.url(), connections=5, duration="4s", messages=[message], reconnect={"first": "100ms"}), server,
                                seen_as={("us", "silent"): {("us", "reply missing too long"), ("us", "shutting down")}})
        self.assertGreaterEqual(done.group["drops"], 5)
        self.assertEqual(done.group["drops"], sum(row["count"] for row in done.group["endings"] if row["reason"] == "reply missing too long"))


if __name__ == "__main__":
    unittest.main()
