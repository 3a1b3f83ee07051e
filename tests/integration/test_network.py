"""What the network did, as TCP_INFO tells it: a slow and lossy path against a good one, and the cap of ending rows."""
import unittest

from common import Case, Faultd, books, config, run
from lib.netns import Namespace


class Readings(Case):
    def test_a_good_path(self):
        with Faultd() as server:
            done = self.checked(config(server.url(), connections=100, duration="4s"), server)
        network, rtt = done.group["network"], done.group["latency"]["rtt"]
        # At most 32 a worker and second, whatever the number of clients.
        workers = done.report["tester"]["workers"]
        self.assertTrue(32 * 3 <= network["tcp_readings"] <= 32 * workers * 6, network)
        self.assertEqual(network["tcp_readings"], rtt["count"])
        self.assertGreater(network["tcp_segments"], 0)
        self.assertEqual(network["retransmits"], 0)
        self.assertLess(rtt["p50_us"], 5000)
        self.assertIn("TCP round trip", done.stdout)
        rows = done.query("select sum(tcp_readings) readings, sum(retransmits) again from intervals")[0]
        self.assertEqual(rows, {"readings": network["tcp_readings"], "again": 0})

    @unittest.skipIf(Namespace.why_not("nft"), Namespace.why_not("nft"))
    def test_lost_segments_are_sent_again(self):
        """A filter drops each tenth packet with data on its way to the server."""
        with Namespace() as net, Faultd(prefix=net.prefix) as server:
            for rule in ("add table inet f", "add chain inet f in { type filter hook input priority 0; }",
                         f"add rule inet f in tcp dport {server.port} ip length > 60 numgen inc mod 10 == 0 drop"):
                net.run("nft", rule)
            done = run(config(server.url(), connections=20, duration="5s"), prefix=net.prefix)
        books.check(self, done)
        network, latency = done.group["network"], done.group["latency"]
        self.assertGreater(network["retransmits"], 10, network)
        self.assertGreater(network["retransmit_percent"], 1)
        self.assertGreater(latency["service"]["p99_us"], 150_000)  # a segment is sent again after 200 ms
        self.assertGreater(done.group["availability_percent"], 80)


class Cap(Case):
    def test_endings_beyond_the_cap_are_counted(self):
        with Faultd("after 300ms jitter 50% rst") as server:
            done = run(config(server.url(), connections=20, duration="3s", run={"endings_max": 30}, messages=[], reconnect={"first": "20ms", "max": "50ms"}))
            books.check(self, done)  # which adds up rows and what was left out
        ended = done.report["totals"]["ended"]
        self.assertGreater(ended, 60)
        self.assertEqual(done.query("select sum(count) n from endings")[0]["n"], 30)
        self.assertEqual(done.report["tester"]["left_out"]["ending_rows"], ended - 30)
        self.assertEqual(sum(row["count"] for row in done.group["endings"]), ended)
        self.assertEqual(done.group["latency"]["lifetime"]["count"], done.group["opened"])
        self.assertRegex(done.stdout, rf"{ended - 30} endings\s+beyond the cap of rows")


if __name__ == "__main__":
    unittest.main()
