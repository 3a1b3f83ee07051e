"""What is watched beside the connections: the server's processes and metrics, and limits that fill up."""
import contextlib
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from common import Case, Faultd, config, longhaul, paths
from lib import process
from lib.netns import Namespace


class Leaky:
    """A TCP server in this process's child that keeps the descriptors of every n-th connection after it ended."""

    SOURCE = """
import os, select, socket, sys
keep = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 0), backlog=500)
print("LISTEN 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
poll = select.poll(); poll.register(listener); count = 0; open_ = {}; kept = []
while True:
    for fd, event in poll.poll():
        if fd == listener.fileno():
            client, _ = listener.accept(); open_[client.fileno()] = client; poll.register(client)
        elif event & (select.POLLIN | select.POLLHUP | select.POLLERR):
            try:
                data = open_[fd].recv(4096)
            except OSError:
                data = b""
            if data: continue
            poll.unregister(fd); client = open_.pop(fd); count += 1
            if keep and count % keep == 0: kept.append(client)
            else: client.close()
"""

    def __init__(self, keep):
        self.child = subprocess.Popen(["python3", "-c", self.SOURCE, str(keep)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline().rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()


@contextlib.contextmanager
def metrics(pages):
    """An endpoint that gives the pages in turn, the last one again and again; None: an error 500."""
    left = list(pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(500 if page is None else 200)
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def tcp(port, watch, connections=40, **more):
    return {**config(f"tcp://127.0.0.1:{port}", connections=connections, duration="1500ms", kind="tcp", messages=[], **more), "watch": watch}


def value(done, name, source="process"):
    return next(row for row in done.report["server"]["values"] if (row["source"], row["name"]) == (source, name))


class Process(Case):
    def test_what_the_server_kept_is_found(self):
        with Leaky(keep=2) as server:
            done = longhaul.run(tcp(server.port, {"pid": server.child.pid, "settle": "2s", "descriptors_max": 30, "memory_max": "1MiB",
                                                   "threads_max": 1}))
        self.ended_with(done, 0)
        row = value(done, "descriptors")
        self.assertEqual(row["most"], row["before"] + 40)
        self.assertEqual(row["after"], row["before"] + 20)
        self.assertFalse(row["back"])
        found = [f["sentence"] for f in done.report["findings"] if f["id"] == "server-kept"]
        self.assertIn("The server kept 20 descriptors after every client had left.", found)
        warned = [e["text"] for e in done.report["events"] if e["kind"] == "limit near"]
        for what in ("descriptors", "memory", "threads"):
            self.assertTrue([text for text in warned if text.startswith(f"{what} of the watched processes: ")], warned)
        self.assertIn("the config's maximum is 30", done.stderr)
        self.assertIn("Server", done.stdout)
        # the run ends with its clients, however long the server was watched
        self.assertLess(done.report["run"]["duration_s"], 3)
        self.assertGreater(done.report["server"]["settled_s"], 1.5)

    def test_a_server_that_goes_back_is_not_waited_for(self):
        with Leaky(keep=0) as server:
            begin = time.monotonic()
            done = longhaul.run(tcp(server.port, {"pid": server.child.pid, "settle": "30s"}))
        self.ended_with(done, 0)
        self.assertLess(time.monotonic() - begin, 15)
        self.assertTrue(value(done, "descriptors")["back"])
        self.assertEqual([f for f in done.report["findings"] if f["id"].startswith("server")], [])
        page = longhaul.command("report", done.path, "--format", "html")
        self.assertIn("id=\"model\"", page.stdout)

    def test_a_server_that_ends(self):
        with Leaky(keep=0) as server:
            with longhaul.Run(tcp(server.port, {"pid": server.child.pid, "settle": "1s"})) as child:
                threading.Timer(0.9, server.child.kill).start()
                child.wait(30)
        self.assertIn("server-ended", [f["id"] for f in child.report["findings"]])
        self.assertIn("gone", longhaul.command("report", child.path).stdout)
        self.assertIn("no process is there that `watch` names", child.stderr)
        # what is gone holds nothing that could be measured at the end
        self.assertEqual((value(child, "processes")["most"], value(child, "processes")["after"]), (1, 0))
        self.assertEqual([value(child, "descriptors")[key] for key in ("end", "after", "back")], [None, None, None])

    def test_what_was_never_there_is_not_seen(self):
        with Faultd() as server:
            done = longhaul.run({**config(server.url(), connections=2, duration="1s"), "watch": {"name": "nobody-of-ours", "settle": "1s"}})
        self.ended_with(done, 0)
        (row,) = done.report["server"]["values"]
        self.assertEqual((row["name"], {row[key] for key in ("before", "most", "end", "after", "back")}), ("processes", {None}))
        for shown in (done.stdout, longhaul.command("report", done.path, "--format", "md").stdout):
            line = next(line for line in shown.splitlines() if "not seen" in line)
            self.assertEqual(line.replace("|", " ").replace("`", "").split()[-6:], ["processes", "-", "not", "seen", "-", "-"])

    def test_by_name(self):
        with Faultd("--processes", "2") as server:
            name = "faultd" if os.readlink(f"/proc/{server.pid}/exe").endswith("faultd") else None
            done = longhaul.run({**config(server.url(), connections=10, duration="1s"), "watch": {"name": name, "settle": "1s"}})
        self.ended_with(done, 0)
        self.assertGreaterEqual(value(done, "processes")["most"], 2)
        self.assertRegex(done.stderr, r'watching \d+ processes that are called "faultd"')

    def test_an_interrupt_ends_the_waiting(self):
        with Leaky(keep=1) as server:
            with longhaul.Run(tcp(server.port, {"pid": server.child.pid, "settle": "60s"})) as child:
                deadline = time.monotonic() + 30
                while "every client has left" not in child.stderr and time.monotonic() < deadline:
                    time.sleep(0.05)
                child.signal()
                self.assertIn(child.wait(10), (0, 4), child.stderr)  # 4: a busy machine may have made the tester late
            self.assertEqual(child.report["run"]["how"], "complete")
            self.assertFalse(value(child, "descriptors")["back"])


class Metrics(Case):
    def test_values_are_kept(self):
        page = "# TYPE x gauge\nopen_things{{a=\"1\"}} {0}\nopen_things{{a=\"2\"}} 1\nrequests_total {1}\n"
        with Leaky(keep=0) as server, metrics([page.format(4, 0), page.format(104, 50), page.format(54, 90)]) as url:
            watch = {"metrics": url, "names": ["open_things", 'open_things{a="2"}', "requests_total"], "settle": "1s"}
            done = longhaul.run(tcp(server.port, watch, connections=2))
        self.ended_with(done, 0)
        row = value(done, "open_things", "metrics")
        self.assertEqual((row["before"], row["most"], row["after"], row["back"]), (5, 105, 55, False))
        self.assertEqual(value(done, 'open_things{a="2"}', "metrics")["most"], 1)
        self.assertIsNone(value(done, "requests_total", "metrics")["back"])
        self.assertIn("The server's open_things stayed 50 above", done.stdout.replace("\n    ", " "))

    def test_an_endpoint_that_fails_harms_nothing(self):
        silent = socket.create_server(("127.0.0.1", 0))  # takes the connection, never answers
        closed = socket.create_server(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        closed.close()
        with Leaky(keep=0) as server, metrics([None]) as failing, silent:
            for url, words in ((failing, "status 500"), (f"http://127.0.0.1:{port}/", "refused"),
                               (f"http://127.0.0.1:{silent.getsockname()[1]}/", None)):
                with self.subTest(words):
                    done = longhaul.run(tcp(server.port, {"metrics": url, "names": ["x"], "settle": "0s"}, connections=2))
                    self.ended_with(done, 0)
                    self.assertIsNone(done.report["server"])
                    if words:
                        self.assertEqual(done.stderr.count(words), 1, done.stderr)

    @unittest.skipIf(Namespace.why_not(), Namespace.why_not())
    def test_each_address_of_a_name_is_tried(self):
        """As of localhost, which is ::1 and 127.0.0.1, while a server listens at one of them."""
        serve = ["python3", "-u", "-m", "http.server", "--bind", "127.0.0.2", "0"]
        with Namespace(hosts="127.0.0.2 both.test\n127.0.0.1 both.test\n") as ns, tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "metrics").write_text("x 7\n", encoding="ascii")
            with process.start([*ns.prefix, *serve], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0) as server:
                port = re.search(r"port (\d+)", process.read_line(server.stdout, 20, "the port"))[1]
                conf = {"run": {"name": "test", "duration": "1s"}, "groups": {"g": {"kind": "null", "connections": 1}},
                        "watch": {"metrics": f"http://both.test:{port}/metrics", "names": ["x"], "settle": "0s"}}
                try:
                    with longhaul.Run(conf, prefix=ns.prefix) as done:
                        self.assertEqual(done.wait(30), 0, done.stderr)
                        self.assertEqual(value(done, "x", "metrics")["most"], 7, done.stderr)
                finally:
                    process.stop(server)

    def test_deny_holds_for_the_endpoint_too(self):
        with Leaky(keep=0) as server, metrics(["x 1\n"]) as url:
            conf = tcp(server.port, {"metrics": url.replace("127.0.0.1", "127.1"), "names": ["x"], "settle": "0s"}, connections=2)
            done = longhaul.run({**conf, "deny": ["127.0.0.2", "127.0.0.1/32"]})
            self.assertEqual(done.code, 2, done.stderr)  # the target itself
            conf["targets"]["t"]["url"] = f"tcp://[::1]:{server.port}"
            conf["groups"]["g"]["reconnect"] = False
            done = longhaul.run({**conf, "deny": ["127.0.0.1/32"]})
            self.assertIn("`deny` of the config matches where it leads to", done.stderr)


class Limits(Case):
    def test_eighty_percent_of_the_descriptors(self):
        with Faultd() as server:
            conf = config(server.url(), connections=110, duration="2s", messages=[], run={"workers": 1})
            with longhaul.Run(conf, prefix=("prlimit", "--nofile=200:200")) as child:
                self.assertEqual(child.wait(30), 0, child.stderr)
                self.assertNotIn("descriptors of one worker", child.stderr)
            conf["watch"] = {"warn_at": "50%"}
            with longhaul.Run(conf, prefix=("prlimit", "--nofile=200:200")) as child:
                self.assertEqual(child.wait(30), 0, child.stderr)
        self.assertRegex(child.stderr, r"warning descriptors of one worker: 1\d\d of 200 are in use \(\d\d %\)")
        self.assertEqual(child.stderr.count("descriptors of one worker"), 1)
        self.assertIn("limit near", [e["kind"] for e in child.report["events"]])

    def test_states_of_sockets(self):
        with Faultd() as server:
            done = longhaul.run(config(server.url(), connections=50, duration="1s", messages=[]))
        row = done.query("select max(tcp_established) e from host")[0]
        self.assertGreaterEqual(row["e"], 100)
        self.assertGreater(done.report["tester"]["supervisor"]["rss_bytes_max"], 1 << 20)


if __name__ == "__main__":
    unittest.main()
