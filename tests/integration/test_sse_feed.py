"""An event a second to each client, numbered: nothing lost, nothing out of order.

LH_SSE=1 (check-long): 5,000 clients for 10 minutes. Else the same in small.
"""
import os
import sys
import unittest
from pathlib import Path

from common import Case, books, longhaul, process
from lib import npm

FULL = bool(os.environ.get("LH_SSE"))
CLIENTS, DURATION_S = (5000, 600) if FULL else (50, 5)
HERE = Path(__file__).resolve().parent / "recipes"


@unittest.skipIf(npm.why_not(), npm.why_not())
class SseFeed(Case):
    def test_nothing_is_lost(self):
        server = process.start(["bash", "-c", 'ulimit -n "$(ulimit -Hn)"; exec node "$0" "$1"', HERE / "mixed.mjs", npm.FOLDER], stdout=-1, bufsize=0)
        try:
            _, web, _ = process.read_line(server.stdout, 20, "LISTEN line").split()
            conf = {"run": {"name": "feed", "duration": f"{DURATION_S}s"}, "targets": {"web": {"url": f"http://{web}/events"}},
                    "groups": {"feed": {"kind": "sse", "connections": CLIENTS, "ramp": {"over": f"{DURATION_S // 60 or 1}s"}, "stall_timeout": "20s",
                                        "incoming": {"sequence": {"field": "id"}, "gap_max": "5s", "timestamp": {"field": "/at"}}}}}
            done = longhaul.run(conf, deadline=DURATION_S + 60)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
        if FULL:
            print(done.stdout, file=sys.stderr)
        self.ended_with(done, 0)
        books.check(self, done)
        self.assertEqual((done.group["opened"], done.group["drops"]), (CLIENTS, 0))
        checked = ("incoming_gaps", "incoming_skipped", "incoming_duplicate", "incoming_out_of_order", "incoming_unreadable", "incoming_untimed",
                   "incoming_undecided", "incoming_silences")
        found = done.query(f"select {', '.join(f'sum({name}) {name}' for name in checked)}, sum(incoming) n from intervals")[0]
        self.assertEqual({name: found[name] for name in checked}, dict.fromkeys(checked, 0))
        # Each client was open but for the ramp, and is told something each second.
        self.assertGreaterEqual(found["n"], CLIENTS * (DURATION_S - DURATION_S // 60 - 3))
        self.assertLessEqual(found["n"], CLIENTS * (DURATION_S + 1))
        self.assertLess(done.group["latency"]["delay"]["p50_us"], 2_000_000)


if __name__ == "__main__":
    unittest.main()
