"""Peers not written here: their pings are answered, and what they still owe after a reconnect is told by its token."""
import contextlib
import os
import signal
import subprocess
import unittest
from pathlib import Path

from common import Case, books, config, longhaul, process, run
from lib import npm

PYTHON_WEBSOCKETS = os.path.exists("/usr/lib/python3/dist-packages/websockets")
HERE = Path(__file__).resolve().parent / "peers"


class Peers(Case):
    @contextlib.contextmanager
    def serving(self, *command):
        """Yields the port; afterwards self.words is what the server said at its end."""
        server = process.start(command, stdout=subprocess.PIPE, bufsize=0)
        try:
            yield int(process.read_line(server.stdout, 20, "LISTEN line").rsplit(":", 1)[1])
            process.stop(server)
            self.words = server.stdout.read().decode()
        finally:
            server.kill()
            server.wait()
            server.stdout.close()

    def check_pings(self, *command):
        with self.serving(*command) as port:
            done = run(config(f"ws://127.0.0.1:{port}/", connections=10, duration="1500ms", messages=[]))
        books.check(self, done)
        words = self.words.split()
        pings, pongs = int(words[1]), int(words[3])
        self.assertEqual(done.group["drops"], 0)
        self.assertGreaterEqual(pings, 20)  # of 150: each client's first and another
        # One ping or pong of each client may be under way when we close.
        for count in (done.group["pings"]["from_peer"], pongs):
            self.assertTrue(pings - 10 <= count <= pings, (pings, pongs, done.group["pings"]))

    @unittest.skipIf(npm.why_not(), npm.why_not())
    def test_pings_of_npm_ws(self):
        self.check_pings("node", HERE / "ping_server.mjs", npm.FOLDER)

    @unittest.skipUnless(PYTHON_WEBSOCKETS, "python3-websockets is needed")
    def test_pings_of_python_websockets(self):
        self.check_pings("/usr/bin/python3", HERE / "ping_server.py")

    @unittest.skipIf(npm.why_not(), npm.why_not())
    def test_replies_over_reconnects(self):
        clients = 10
        message = {"every": "80ms", "text": '{"id":"${token}"}', "reply": {"contains": "${token}", "within": "5s"}}
        with self.serving("node", HERE / "keeping_server.mjs", npm.FOLDER) as port:
            done = run(config(f"ws://127.0.0.1:{port}/", connections=clients, duration="2500ms", messages=[message], headers={"X-Client": "${client}"},
                              reconnect={"first": "20ms", "max": "20ms", "jitter": "none"}))
        books.check(self, done)
        messages = done.group["messages"]
        self.assertEqual(done.group["reconnects"], clients)
        for name, each in (("lost", 2), ("lost_then_replied", 2), ("duplicate", 2), ("corrupt", 1), ("out_of_order", 1), ("incoming", 0), ("late", 0)):
            self.assertEqual(messages[name], each * clients, name)
        self.assertEqual(messages["replied"], messages["sent"] - 2 * clients)

    @unittest.skipUnless(PYTHON_WEBSOCKETS, "python3-websockets is needed")
    def test_a_replaced_worker_repeats_no_message(self):
        message = {"every": "100ms", "text": "${client} ${seq} ${uuid}", "reply": {"match": "order"}}
        with self.serving("/usr/bin/python3", HERE / "echo_server.py") as port:
            conf = config(f"ws://127.0.0.1:{port}/", connections=10, duration="4s", messages=[message], run={"workers": 1}, reconnect={"first": "50ms"})
            with longhaul.Run(conf) as done:
                process.wait_until(lambda: " open 10/10" in done.stderr, 20, "the first interval")
                os.kill(done.workers[0], signal.SIGKILL)
                done.wait(30)
        words = self.words.split()
        self.assertEqual(words[1], words[3], "messages that were sent twice")
        self.assertGreater(int(words[1]), 50)  # before and after
        self.assertEqual(done.report["tester"]["workers_lost"], 1)


if __name__ == "__main__":
    unittest.main()
