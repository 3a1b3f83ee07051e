"""The main job against a server not written here: python3-websockets, killed with SIGKILL in the middle and started again.

LH_MAIN_JOB=1 (check-long): 5,000 clients for 10 minutes, the server away for 20 s. Else the same in small.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from common import Case, books, config, longhaul, process

FULL = bool(os.environ.get("LH_MAIN_JOB"))
CLIENTS, DURATION_S, KILL_AT_S, AWAY_S = (5000, 600, 300, 20) if FULL else (200, 16, 6, 2)

SERVER = """
import asyncio, resource, sys, websockets
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
async def echo(socket):
    try:
        async for message in socket:
            await socket.send(message)
    except websockets.ConnectionClosed:
        pass
async def main():
    async with websockets.serve(echo, sys.argv[1], int(sys.argv[2]), backlog=4096, ping_interval=None, compression=None) as server:
        print("LISTEN", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
"""

# An address that no client is given as its own, so that nobody takes the port while the server is away.
HOST = "127.0.0.9"


class Server:
    def __init__(self, script, port=0):
        self.child = process.start(["/usr/bin/python3", script, HOST, str(port)], stdout=subprocess.PIPE, bufsize=0)
        self.port = int(process.read_line(self.child.stdout, 20, "LISTEN of the server").split()[1])

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self.child.stdout.close()


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


@unittest.skipUnless(os.path.exists("/usr/lib/python3/dist-packages/websockets"), "python3-websockets is needed")
class MainJob(Case):
    def test_server_killed_and_back(self):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "server.py"
            script.write_text(SERVER, encoding="utf-8")
            server = Server(script)
            try:
                every = "10s" if FULL else "1s"
                conf = config(f"ws://{HOST}:{server.port}/", CLIENTS, f"{DURATION_S}s", run={"seed": 42},
                              messages=[{"name": "hello", "every": every, "jitter": "20%",
                                         "text": '{"op":"echo","id":"${token}","n":${seq}}',
                                         "reply": {"contains": "${token}", "within": "5s"}}],
                              ramp={"over": f"{DURATION_S // 30 or 1}s"}, ping={"every": "30s" if FULL else "3s", "timeout": "10s"},
                              reconnect={"first": "500ms", "max": "30s" if FULL else "4s", "factor": 2, "jitter": "full"})
                with longhaul.Run(conf) as run:
                    self.memory = []
                    time.sleep(KILL_AT_S)
                    self.note_memory(run)
                    port = server.port
                    server.kill()
                    time.sleep(AWAY_S)
                    server = Server(script, port)
                    time.sleep(max(DURATION_S - KILL_AT_S - AWAY_S - 4, 0))
                    self.note_memory(run)
                    run.wait(90)
            finally:
                server.kill()
        self.ended_with(run, 0)
        books.check(self, run)
        self.tells_exactly_that(run)
        if FULL:
            print(run.stdout, file=sys.stderr)
            print("memory before the kill and before the end, KiB:", self.memory, file=sys.stderr)

    def note_memory(self, run):
        self.memory.append([rss_kib(pid) for pid in (run.child.pid, *process.children_of(run.child.pid))])

    def tells_exactly_that(self, run):
        group = run.group
        self.assertEqual((group["drops"], group["reconnects"]), (CLIENTS, CLIENTS))
        self.assertEqual(group["opened"], 2 * CLIENTS)
        by = {}
        for e in group["endings"]:
            by[e["stage"], e["side"], e["reason"]] = by.get((e["stage"], e["side"], e["reason"]), 0) + e["count"]
        dropped = by.pop(("open", "peer", "FIN without close frame"), 0) + by.pop(("open", "peer", "RST"), 0)
        self.assertEqual(dropped, CLIENTS, by)
        self.assertEqual(by.pop(("closing", "us", "shutting down"), 0), CLIENTS, by)
        self.assertGreater(by.pop(("connect", "network", "connection refused"), 0), 0)
        by.pop(("connect", "peer", "RST"), 0)  # reached the backlog of the server that was being killed
        by.pop(("upgrade", "peer", "RST"), 0)
        by.pop(("upgrade", "peer", "FIN without close frame"), 0)
        self.assertEqual(by, {})
        storms = run.report["storms"]
        self.assertEqual([storm["drops"] for storm in storms], [CLIENTS])
        for before, after in zip(*self.memory):
            self.assertLess(after, before * 1.25 + 1024, f"memory grew: {self.memory} KiB")


if __name__ == "__main__":
    unittest.main()
