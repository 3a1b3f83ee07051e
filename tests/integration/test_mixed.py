"""Every kind at once in one worker, all held to the end, with memory that does not grow.

LH_MIXED=1 (check-long): 2,000 clients of each kind for 30 minutes. Else the same in small.
"""
import os
import sys
import time
import unittest
from pathlib import Path

from common import Case, books, longhaul, process
from lib import npm

FULL = bool(os.environ.get("LH_MIXED"))
CLIENTS, DURATION_S, SETTLED_S = (2000, 1800, 300) if FULL else (30, 7, 3)
HERE = Path(__file__).resolve().parent / "recipes"


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def mixed(web, lines):
    every = "10s" if FULL else "1s"
    ramp = {"over": "20s" if FULL else "500ms"}
    common = {"connections": CLIENTS, "ramp": ramp}
    ask = {"every": every, "jitter": "50%"}
    return {"run": {"name": "mixed", "duration": f"{DURATION_S}s", "workers": 1, "interval": "10s" if FULL else "1s"},
            "targets": {"web": {"url": f"http://{web}/"}, "socket": {"url": f"ws://{web}/ws"}, "lines": {"url": f"tcp://{lines}"}},
            "groups": {
                "sockets": {"kind": "websocket", "target": "socket", **common, "ping": {"every": "30s", "timeout": "20s"},
                            "messages": [{"name": "echo", **ask, "text": '{"id":"${token}"}', "reply": {"match": "echo"}}]},
                "pages": {"kind": "http", "target": "web", **common,
                          "messages": [{"name": "page", **ask, "get": "/page", "reply": {"pointer": "/ready", "equals": "true"}}]},
                "events": {"kind": "sse", "target": "web", "path": "/events", **common, "stall_timeout": "20s"},
                "streams": {"kind": "stream", "target": "web", "path": "/stream", **common, "stall_timeout": "20s"},
                "lines": {"kind": "tcp", "target": "lines", **common,
                          "messages": [{"name": "line", **ask, "text": "hello ${token}\n", "reply": {"contains": "${token}"}}]}}}


@unittest.skipIf(npm.why_not(), npm.why_not())
class Mixed(Case):
    def test_every_kind_in_one_worker(self):
        server = process.start(["bash", "-c", 'ulimit -n "$(ulimit -Hn)"; exec node "$0" "$1"', HERE / "mixed.mjs", npm.FOLDER], stdout=-1, bufsize=0)
        try:
            _, web, lines = process.read_line(server.stdout, 20, "LISTEN line").split()
            with longhaul.Run(mixed(web, lines)) as run:
                time.sleep(SETTLED_S)
                worker, = run.workers
                before = memory_kib(worker)
                time.sleep(DURATION_S - SETTLED_S - 1)
                after = memory_kib(worker)
                run.wait(120)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
        if FULL:
            print(run.stdout, f"worker RSS {before} KiB after {SETTLED_S} s, {after} KiB before the end", sep="\n", file=sys.stderr)
        self.ended_with(run, 0)
        books.check(self, run)
        self.assertLess(after, before * 1.03 + 512)
        for group in run.report["groups"]:
            self.assertEqual((group["opened"], group["drops"]), (CLIENTS, 0), group["name"])
            self.assertEqual((group["messages"]["lost"], group["messages"]["corrupt"], group["messages"]["failed"]), (0, 0, 0), group["name"])
            if group["name"] in ("sockets", "pages", "lines"):
                self.assertGreaterEqual(group["messages"]["replied"], CLIENTS * (DURATION_S // (10 if FULL else 1) - 3), group["name"])
            else:
                self.assertGreater(group["bytes"]["received"], CLIENTS * (DURATION_S - 30 if FULL else 4) * 20, group["name"])


if __name__ == "__main__":
    unittest.main()
