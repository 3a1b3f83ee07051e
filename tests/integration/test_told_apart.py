"""Four things that happen to servers, at once and in one run: kill -9, SIGSTOP, a packet filter, and a rolling restart behind HAProxy.
Each must be told apart in the report. LH_TOLD_APART_S: for how long the server is stopped and the network filtered (60 in check-long)."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from common import Case, Faultd, books, endings, longhaul, process
from lib.netns import Namespace

SILENCE_S = float(os.environ.get("LH_TOLD_APART_S", "4"))
CLIENTS = 20
BEGIN_S = 1.5  # when things happen, from the start of the plan

HAPROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend front
  bind 127.0.0.1:{port}
  default_backend back
backend back
  balance roundrobin
  server one 127.0.0.1:{one} check inter 200ms fall 1 rise 1
  server two 127.0.0.1:{two} check inter 200ms fall 1 rise 1
"""


NEEDED = ("haproxy", "nft", "ss")


class Filtered(Namespace):
    """With a filter that rules may be added to."""

    def __enter__(self):
        super().__enter__()
        for rule in ("add table inet f", "add chain inet f in { type filter hook input priority 0; }"):
            self.run("nft", rule)
        return self


class Haproxy:
    """In front of two servers; the namespace is its own, so that a fixed port is free."""
    port = 18000

    def __init__(self, net, one, two):
        self.folder = Path(tempfile.mkdtemp(prefix="haproxy-"))
        config = self.folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=self.port, one=one, two=two), encoding="utf-8")
        self.child = process.start([*net.prefix, "haproxy", "-db", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        listening = [*net.prefix, "ss", "-Hltn", f"sport = :{self.port}"]
        process.wait_until(lambda: subprocess.run(listening, capture_output=True, check=True, timeout=5).stdout.strip(), 10, "HAProxy listening")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        process.stop(self.child, sig=signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


@unittest.skipIf(Namespace.why_not(*NEEDED), Namespace.why_not(*NEEDED))
class ToldApart(Case):
    def config(self, ports):
        group = {"kind": "websocket", "connections": CLIENTS, "reconnect": {"first": "100ms", "max": "500ms"}, "connect_timeout": "700ms", "upgrade_timeout": "700ms",
                 "ping": {"every": "400ms", "timeout": "1200ms"}}
        return {"run": {"name": "told-apart", "duration": f"{BEGIN_S + SILENCE_S + 4:g}s", "seed": 7, "drain": "1s"},
                "targets": {name: {"url": f"ws://127.0.0.1:{port}/"} for name, port in ports.items()},
                "groups": {name: {**group, "target": name} for name in ports}}

    def test_in_one_run(self):
        with Filtered() as net, Faultd(prefix=net.prefix) as killed, Faultd(prefix=net.prefix) as stopped, Faultd(prefix=net.prefix) as filtered, \
                Faultd('at 3500ms close 1012 "rolling restart"', prefix=net.prefix) as one, \
                Faultd('at 5500ms close 1012 "rolling restart"', prefix=net.prefix) as two, Haproxy(net, one.port, two.port) as proxy:
            conf = self.config({"killed": killed.port, "stopped": stopped.port, "filtered": filtered.port, "restarted": proxy.port})
            with longhaul.Run(conf, prefix=net.prefix) as run:
                self.disturb(net, run, killed, stopped, filtered)
                run.wait(SILENCE_S + 40)
                report = run.report
            with Faultd(listen=(f"127.0.0.1:{killed.port}",), prefix=net.prefix):
                pass  # the port of the killed one is free again: nothing of it is left
        self.assertIn(run.code, (0, 1, 4), run.stderr)
        books.check(self, run)
        drops = {part["name"]: {key[1:]: n for key, n in endings(part).items() if key[0] == "open"} for part in report["groups"]}
        # The kernel ends a dead process's connections with FIN, or with RST where a ping was still unread.
        self.assertLessEqual(set(drops["killed"]), {("peer", "FIN without close frame", None), ("peer", "RST", None)})
        self.assertEqual(sum(drops["killed"].values()), CLIENTS)
        self.assertEqual(drops["stopped"], {("network", "silent peer", None): CLIENTS})
        self.assertEqual(drops["filtered"], {("network", "silent peer", None): CLIENTS})
        self.assertEqual(set(drops["restarted"]), {("peer", "close frame", 1012)})
        self.assertGreaterEqual(drops["restarted"][("peer", "close frame", 1012)], CLIENTS)
        # What followed tells the last two silences apart: the kernel of a stopped server goes on accepting, a filter answers no SYN.
        tried = {part["name"]: {key[2] for key in endings(part) if key[0] in ("connect", "upgrade") and key[1] != "us"} for part in report["groups"]}
        self.assertEqual(tried["killed"], {"connection refused"})
        self.assertEqual(tried["stopped"], {"upgrade timeout"})
        self.assertEqual(tried["filtered"], {"connect timeout"})
        self.assertEqual({row["text"] for row in report["totals"]["endings"] if row["code"] == 1012}, {"rolling restart"})
        for name in ("stopped", "filtered", "restarted"):
            part = next(part for part in report["groups"] if part["name"] == name)
            self.assertGreaterEqual(part["reconnects"], CLIENTS, f"{name} came back")
            self.assertEqual(part["latency"]["detect"]["count"], 0 if name == "restarted" else CLIENTS)
        for words in ("silent peer", "connection refused", "connect timeout", "1012"):
            self.assertIn(words, run.stdout)

    def disturb(self, net, run, killed, stopped, filtered):
        def start():
            try:
                return run.query("select start_ns from run")[0]["start_ns"]
            except Exception:  # no file yet, or no table
                return None
        begin = process.wait_until(start, 30, "the start of the run") / 1e9 + BEGIN_S
        time.sleep(max(0, begin - time.monotonic()))
        killed.kill()
        os.kill(stopped.pid, signal.SIGSTOP)
        for side in ("dport", "sport"):
            net.run("nft", f"add rule inet f in tcp {side} {filtered.port} drop")
        time.sleep(max(0, begin + SILENCE_S - time.monotonic()))
        os.kill(stopped.pid, signal.SIGCONT)
        net.run("nft", "flush chain inet f in")


if __name__ == "__main__":
    unittest.main()
