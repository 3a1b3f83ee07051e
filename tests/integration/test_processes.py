"""Signals, crashes and losses of longhaul's own processes: nothing is lost but the interval in progress."""
import json
import os
import signal
import time
import unittest

from common import Case, Faultd, books, config, endings, join, longhaul, paths, process


class Processes(Case):
    def running(self, server, connections=30, **options):
        """A run that is under way: all its clients are open."""
        child = longhaul.Run(config(server.url(), connections=connections, duration="60s", **options))
        self.addCleanup(child.__exit__)
        process.wait_until(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) >= connections + 5, 15, "all clients")
        return child

    def state_of(self, child):
        done = longhaul.command("runs", "--store", child.store, "--json")
        return json.loads(done.stdout)[0]["verdict"]

    def test_sigkill_of_the_supervisor(self):
        with Faultd() as server:
            child = self.running(server)
            time.sleep(3.3)
            workers = child.workers
            self.assertEqual(len(workers), 1)
            self.assertEqual(self.state_of(child), "running")
            child.signal(signal.SIGKILL)
            child.wait(5)
            self.assertEqual(self.state_of(child), "cut short")  # at once: it is known which process it was
            process.wait_until(lambda: not any(map(process.alive, workers)), 20, "the end of the workers")
        report = child.report
        self.assertEqual(report["run"]["how"], "unfinished")
        self.assertGreaterEqual(report["run"]["duration_s"], 2)
        self.assertGreaterEqual(report["totals"]["messages"]["replied"], 30 * 5 * 2 - 60)
        self.assertTrue(report["totals"]["books_balance"], report["totals"]["books"])
        self.assertNotEqual(report["verdict"], "passed")
        self.assertEqual(report["totals"]["clients"]["open"], 30)

    def test_sigkill_at_any_moment(self):
        """Whatever the moment, there is no run file yet or the report works."""
        with Faultd() as server:
            for delay in (0.02, 0.06, 0.1, 0.2, 0.4, 0.9, 1.02, 1.5, 2.01):
                with self.subTest(delay=delay), longhaul.Run(config(server.url(), connections=20, duration="30s")) as child:
                    time.sleep(delay)
                    child.signal(signal.SIGKILL)
                    child.wait(5)
                    files = sorted(child.store.glob("*.longhaul")) if child.store.exists() else []
                    for path in files:
                        done = longhaul.command("report", path, "--format", "json")
                        self.assertIn(done.returncode, (0, 2, 4), done.stderr)
                        if done.returncode == 0:
                            self.assertTrue(json.loads(done.stdout)["totals"]["books_balance"])
                        else:
                            self.assertIn("\n", done.stderr)

    def test_sigint_ends_in_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number), Faultd() as server:
                child = self.running(server)
                time.sleep(1.5)
                child.signal(number)
                self.assertEqual(child.wait(15), 130, child.stderr)
                server.stop()
                books.check(self, child)
                join.check(self, child, server)
                self.assertEqual(child.report["run"]["how"], "interrupted")
                self.assertEqual(endings(child.group), {("closing", "us", "shutting down", None): 30})
                self.assertIn("30 clients", child.stdout)

    def test_sigterm_before_there_is_a_run(self):
        with Faultd() as server, longhaul.Run(config(server.url(), duration="30s")) as child:
            child.signal(signal.SIGTERM)
            child.wait(15)
            if not list(child.store.glob("*.longhaul")):
                self.assertEqual(child.code, -signal.SIGTERM, child.stderr)

    def test_sigterm_while_it_starts(self):
        """From the moment there is a run file until the plan begins: a whole run, and no worker is lost by being told to stop."""
        with Faultd() as server:
            for workers, delay in ((1, 0), (8, 0), (4, 0.05), (2, 0.1), (1, 0.15), (8, 0.2)):
                with self.subTest(workers=workers, delay=delay), longhaul.Run(config(server.url(), duration="30s", run={"workers": workers})) as child:
                    process.wait_until(lambda: list(child.store.glob("*.longhaul")), 10, "the run file")
                    time.sleep(delay)
                    child.signal(signal.SIGTERM)
                    self.assertEqual(child.wait(15), 130, child.stderr)
                    self.assertNotIn("error", child.stderr)
                    books.check(self, child)
                    self.assertEqual(child.report["run"]["how"], "interrupted")

    def test_second_sigint_stops_at_once(self):
        with Faultd("no-echo", "after 1s silent") as server:
            child = self.running(server, run={"drain": "60s"})
            time.sleep(2)
            child.signal()
            time.sleep(0.5)
            self.assertIsNone(child.child.poll())
            begin = time.monotonic()
            child.signal()
            self.assertEqual(child.wait(10), 130)
            self.assertLess(time.monotonic() - begin, 3)
        books.check(self, child)

    def test_a_worker_that_does_not_report_marks_its_intervals(self):
        """Stopped for five seconds: the intervals stored without it were the tester's fault, and so is what it did late."""
        with Faultd() as server, longhaul.Run(config(server.url(), connections=30, duration="9s", run={"workers": 2})) as child:
            process.wait_until(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) >= 35, 15, "all clients")
            time.sleep(1)
            stopped = child.workers[0]
            os.kill(stopped, signal.SIGSTOP)
            time.sleep(5)
            os.kill(stopped, signal.SIGCONT)
            child.wait(30)
            words = child.stderr
        spans = [span for span in child.report["tester"]["late_spans"] if "a worker did not report in time" in span["why"]]
        self.assertGreaterEqual(sum(span["intervals"] for span in spans), 4, child.report["tester"]["late_spans"])
        self.assertEqual(child.report["verdict"], "inconclusive")
        self.assertEqual(child.report["totals"]["drops"], 0)
        self.assertIn("00:00:09 open 30/30", words)  # whenever it was stored: not what is left once all were closed by plan

    def lose_a_worker(self, server, child, clients):
        """One of two is killed; returns once another holds its clients."""
        lost = child.workers[0]
        os.kill(lost, signal.SIGKILL)
        process.wait_until(lambda: len(child.workers) == 2 and lost not in child.workers, 10, "a new worker")
        process.wait_until(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) >= clients + 5, 10, "all clients back")

    def test_a_lost_worker_is_recorded_and_replaced(self):
        with Faultd() as server:
            child = self.running(server, connections=40, run={"workers": 2}, reconnect={"first": "100ms", "max": "300ms"})
            time.sleep(1.5)
            self.lose_a_worker(server, child, clients=40)
            time.sleep(1.5)
            child.signal()
            self.assertEqual(child.wait(15), 130, child.stderr)
        books.check(self, child)
        report = child.report
        self.assertEqual(report["tester"]["workers_lost"], 1)
        tally = endings(child.group)
        gone = sum(n for (_, side, reason, _), n in tally.items() if (side, reason) == ("tester", "worker lost"))
        self.assertEqual((gone, child.group["tester_drops"]), (20, 20))
        self.assertEqual(child.group["opened"], 60)
        self.assertIn("worker lost", [event["kind"] for event in report["events"]])

    def test_a_replacement_goes_on_counting(self):
        """`count` limits what a client sends in the run, however many workers it has had."""
        message = {"every": "100ms", "text": "${token}", "reply": {"contains": "${token}"}, "count": 20}
        with Faultd() as server:
            child = self.running(server, connections=20, run={"workers": 2}, messages=[message], reconnect={"first": "100ms", "max": "300ms"})
            time.sleep(1)
            self.lose_a_worker(server, child, clients=20)
            seen = child.stderr.count(" sent ") + 1  # intervals, and the one in progress
            process.wait_until(lambda: any(rate.startswith("0.0/s") for rate in child.stderr.split(" sent ")[seen + 1:]), 20, "an interval without messages")
            child.signal()
            self.assertEqual(child.wait(15), 130, child.stderr)
            server.stop()
        books.check(self, child)
        sent = sum(line["messages_in"] for line in server.log())
        self.assertLessEqual(sent, 400)
        self.assertGreater(sent, 350)

    def test_the_run_file_is_deleted(self):
        """It stands there again while the run goes on, and nothing of the run is missing in it."""
        with Faultd() as server, longhaul.Run(config(server.url(), duration="60s")) as child:
            process.wait_until(lambda: " open 20/20" in child.stderr, 15, "the first interval")
            path = child.path
            for name in (path, path.with_name(path.name + "-wal")):
                name.unlink()
            process.wait_until(path.exists, 15, "a new run file")
            child.signal()
            self.assertEqual(child.wait(30), 130, child.stderr)
            server.stop()
            self.assertIn("was moved or deleted; it is written anew", child.stderr)
        books.check(self, child)
        join.check(self, child, server)
        self.assertEqual([event["text"] for event in child.report["events"] if "written anew" in event["text"]],
                         ["the run file was moved or deleted while the run wrote it, and was written anew, with all it held"])
        kept = child.query("SELECT count(DISTINCT k) n, max(k) + 1 k FROM intervals")[0]
        self.assertEqual(kept["n"], kept["k"])
        self.assertGreaterEqual(kept["n"], 2)

    def test_no_process_is_left(self):
        with Faultd() as server:
            child = self.running(server, run={"workers": 2})
            workers = child.workers
            child.signal()
            child.wait(15)
            self.assertFalse([pid for pid in workers if process.alive(pid)])

    def test_the_server_dies_and_comes_back(self):
        """SIGKILL of faultd: RST or FIN to every client, refused attempts, then all are back at the same port."""
        first = Faultd()
        with first:
            port = first.port
            child = self.running(first, reconnect={"first": "100ms", "max": "500ms"})
            time.sleep(1.5)
            first.kill()
        time.sleep(1.5)
        with Faultd(listen=(f"127.0.0.1:{port}",)) as second:
            process.wait_until(lambda: len(os.listdir(f"/proc/{second.pid}/fd")) >= 35, 10, "all clients back")
            time.sleep(1)
            child.signal()
            self.assertEqual(child.wait(15), 130)
        books.check(self, child)
        self.assertEqual((child.group["drops"], child.group["reconnects"]), (30, 30))
        reasons = {(side, reason) for (_, side, reason, _) in endings(child.group)}
        self.assertTrue(reasons <= {("peer", "RST"), ("peer", "FIN without close frame"), ("network", "connection refused"), ("us", "shutting down")}, reasons)


if __name__ == "__main__":
    unittest.main()
