"""longhaul's own processes killed and stopped at random moments, and a server that stands still: the books balance each time.

LH_CHAOS_SEED plays a seed again; LH_CHAOS_ROUNDS (1) plays more of them.
"""
import concurrent.futures
import contextlib
import os
import random
import signal
import time
import unittest

from common import Case, Faultd, books, config, join, longhaul, process

LENGTH_S = 6
RULES = ([], ["at 2s close 1012"], ["at 2s rst", "at 4s fin"], ["idle 500ms fin"])
CHURN = ["after 400ms jitter 50% fin"]  # whenever a worker is lost, some have ended and some have begun since its last report
STALLED = {("us", how): {("tester", "loop stalled")} | join.SEEN_AS[("us", how)] for how in ("close", "fin", "rst")}


def workers_of(child):
    """Pids of its workers alone: other processes of its own may be there."""
    found = []
    for pid in child.workers:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if file.read().split(b"\0")[1:2] == [b"worker"]:
                found.append(pid)
    return found


def one_of(child, rng):
    return rng.choice(process.wait_until(lambda: workers_of(child), 10, "a worker"))


def end(pid, number=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@contextlib.contextmanager
def stopped(pid, rng, most_s):
    end(pid, signal.SIGSTOP)
    time.sleep(rng.uniform(0.2, most_s))
    yield
    end(pid, signal.SIGCONT)


def kill_a_worker(child, _server, rng):
    end(one_of(child, rng))


def kill_two(child, _server, rng):
    end(one_of(child, rng))
    time.sleep(rng.uniform(0, 1.5))  # the second may be the replacement
    for pid in workers_of(child)[:1]:
        end(pid)


def stop_a_worker(child, _server, rng):
    with stopped(one_of(child, rng), rng, 3):
        pass


def stop_and_kill_a_worker(child, _server, rng):
    pid = one_of(child, rng)
    with stopped(pid, rng, 2):
        end(pid)


def stop_the_supervisor(child, _server, rng):
    with stopped(child.child.pid, rng, 3):
        pass


def stop_the_server(_child, server, rng):
    for _ in range(3):
        with stopped(server.pid, rng, 0.8):
            pass
        time.sleep(rng.uniform(0, 0.3))


# What is done, and whether a worker is lost by it: what it began since its last report is then known to faultd alone.
ACTS = ((kill_a_worker, True), (kill_two, True), (stop_a_worker, False), (stop_and_kill_a_worker, True), (stop_the_supervisor, False), (stop_the_server, False))


class Chaos(Case):
    def play(self, act, seed):
        rng = random.Random(seed)
        server = Faultd(*(CHURN if act in (kill_a_worker, kill_two) else rng.choice(RULES)))
        conf = config("", connections=40, duration=f"{LENGTH_S}s", run={"workers": rng.choice((1, 2, 3)), "drain": "2s"},
                      reconnect={"first": "100ms", "max": "300ms"})
        with server:
            conf["targets"]["t"]["url"] = server.url()
            with longhaul.Run(conf) as child:
                one_of(child, rng)
                time.sleep(rng.uniform(0.3, LENGTH_S - 1.5))
                act(child, server, rng)
                child.wait(60)
        return server, child

    def test_the_books_balance(self):
        seed = int(os.environ.get("LH_CHAOS_SEED", random.randrange(1 << 32)))
        rounds = int(os.environ.get("LH_CHAOS_ROUNDS", "1"))
        for number in range(rounds):
            print(f"LH_CHAOS_SEED={seed + number}", flush=True)
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                plays = [(act, loses, pool.submit(self.play, act, f"{seed + number} {act.__name__}")) for act, loses in ACTS]
            for act, loses, play in plays:
                with self.subTest(act.__name__, seed=seed + number):
                    server, child = play.result()
                    self.judge(server, child, loses)

    def judge(self, server, child, loses):
        self.assertIn(child.code, (0, 4), child.stderr)
        for word in ("balance", "damaged", "cannot be read"):
            self.assertNotIn(word, child.stderr)
        books.check(self, child)
        report, log = child.report, server.log()
        self.assertEqual(report["run"]["how"], "complete")
        self.assertEqual(sum(row["count"] for row in report["totals"]["endings"] if row["reason"] == "unclassified"), 0)
        self.assertEqual(report["tester"]["workers_lost"] > 0, loses)
        received = sum(line["messages_in"] for line in log)
        if loses:
            self.assertLessEqual(report["totals"]["opened"], len(log))
            self.assertLessEqual(report["totals"]["messages"]["sent"], received + 40)
        else:
            join.check(self, child, server, STALLED, 3.5)
            self.assertEqual(report["totals"]["opened"], len(log))
            # What was written into a connection that ended meanwhile may never have been read.
            self.assertLessEqual(received, report["totals"]["messages"]["sent"])
            self.assertGreaterEqual(received, report["totals"]["messages"]["sent"] - report["totals"]["messages"]["lost"])


if __name__ == "__main__":
    unittest.main()
