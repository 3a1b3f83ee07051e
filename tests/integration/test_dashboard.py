"""The dashboard and the metrics of a run in progress: who may look, that nobody who looks slows the run, and what they see."""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from lib import paths, process
from lib.faultd import Faultd
from lib.longhaul import Run, config

TOKEN = "a-token-of-some-length"
ECHO = [{"name": "m", "every": "200ms", "text": '{"id":"${token}","n":${seq}}', "reply": {"contains": "${token}"}}]


def dashboard_of(run, name="dashboard"):
    """(host, port) from the line that the run prints."""
    def find():
        for line in run.stderr.splitlines():
            if line.startswith(f"{name} at http://"):
                host, port = line.split("//")[1].rstrip("/").rsplit(":", 1)
                return host.strip("[]"), int(port)
        return None
    return process.wait_until(find, 20, f"address of the {name}")


def ask(address, path="/", headers=None, body=None, method=None):
    """Status, headers and body."""
    request = urllib.request.Request(f"http://{address[0]}:{address[1]}{path}", data=body, headers=headers or {}, method=method)
    opener = urllib.request.build_opener(NoRedirect)
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Viewer:
    """A page: the WebSocket of the dashboard, and the model put together from its messages as page_live.js does it."""

    def __init__(self, address, headers=(), receive_bytes=None):
        self.sock = socket.socket()
        if receive_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.sock.settimeout(20)
        self.sock.connect(address)
        lines = [f"GET / HTTP/1.1\r\nHost: {address[0]}:{address[1]}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", "Sec-WebSocket-Protocol: longhaul-live", *headers]
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            piece = self.sock.recv(4096)
            if not piece:
                break
            self.buffer += piece
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            self.sock.close()
            raise ConnectionError(head)
        self.model, self.revision, self.now, self.kinds = None, 0, None, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def read(self, count):
        while len(self.buffer) < count:
            piece = self.sock.recv(65536)
            if not piece:
                raise ConnectionError("closed")
            self.buffer += piece
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def frame(self):
        first, second = self.read(2)
        length = second & 127
        if length == 126:
            length, = struct.unpack(">H", self.read(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.read(8))
        return first, self.read(length)

    def message(self):
        """The next text, put together from its frames; pings between them are passed over."""
        text = b""
        while True:
            first, data = self.frame()
            if first & 15 == 8:
                raise ConnectionError("close frame")
            if first & 15 in (9, 10):
                continue
            text += data
            if first & 128:
                return json.loads(text)

    def take(self):
        message = self.message()
        self.kinds.append(message["type"])
        if message["type"] == "now":
            self.now = message
        elif message["type"] == "whole":
            self.model, self.revision = message["model"], message["revision"]
        elif message["type"] == "change":
            assert message["revision"] == self.revision + 1, (message["revision"], self.revision)
            self.model, self.revision = patched(self.model, message["patch"]), message["revision"]
        return message["type"]

    def until(self, condition, deadline_s):
        end = time.monotonic() + deadline_s
        while not condition(self):
            assert time.monotonic() < end, f"not seen in {deadline_s} s; messages: {self.kinds[-20:]}"
            self.take()
        return self


def is_refused(address, header):
    try:
        Viewer(address, headers=[header]).sock.close()
    except ConnectionError:
        return True
    return False


def patched(old, patch):
    if "v" in patch:
        return patch["v"]
    if "a" in patch:
        items = old[:patch["a"]]
        for i, change in patch.get("i", {}).items():
            items[int(i)] = patched(items[int(i)], change)
        return items + patch.get("t", [])
    new = {key: value for key, value in old.items() if key not in patch.get("d", [])}
    new.update({key: patched(old.get(key), change) for key, change in patch["o"].items()})
    return new


def soak(server, duration="6s", connections=40, **run):
    return config(server.url(), connections=connections, duration=duration, run={"interval": "1s", "workers": 1, **run})


def marks_of(run):
    return [event["text"] for event in run.report["events"] if event["kind"] == "mark"]


class Dashboard(unittest.TestCase):
    def test_viewers_see_the_run_as_the_report_does(self):
        """One that came first, one that came late and one that came at once after a drop end with the same model: the report's."""
        with Faultd("first 40 after 1500ms fin") as server, Run(soak(server), "--dashboard", "127.0.0.1:0") as run:
            address = dashboard_of(run)
            with Viewer(address) as early:
                early.until(lambda v: v.model and len(v.model["series"]["t_s"]) >= 3, 20)
                self.assertEqual(early.model["run"]["how"], "in progress")
                self.assertIn("now", early.kinds)
                with Viewer(address) as late:
                    late.until(lambda v: v.model, 10)
                    self.assertEqual(late.kinds.count("change"), 0)
                    self.assertGreaterEqual(len(late.model["series"]["t_s"]), 3)
                    status, _, answer = ask(address, "/mark", body=b"deployed <v2>\n")
                    self.assertEqual((status, answer), (200, "marked\n"))
                    for viewer in (early, late):
                        viewer.until(lambda v: v.kinds[-1] == "end", 30)
                self.assertEqual(early.model, late.model)
                self.assertGreaterEqual(early.kinds.count("change"), 3)
                self.assertEqual(early.now["phase"], "ended")
            self.assertIn(run.wait(30), (0, 4), run.stderr)  # 4: a busy machine may have made the tester late
            report, model = run.report, early.model
            for key in ("verdict", "headline", "totals", "groups", "slo", "events", "findings"):
                self.assertEqual(model[key], report[key], key)
            self.assertEqual(model["run"]["how"], "complete")
            self.assertEqual(early.now["run"]["sent"], report["totals"]["messages"]["sent"])
            self.assertEqual(early.now["run"]["drops"], report["totals"]["drops"])
            self.assertIn(("mark", "deployed <v2>"), [(event["kind"], event["text"]) for event in report["events"]])

    def test_slow_viewers_and_fifty_viewers_do_not_slow_the_run(self):
        """Ten that never read and fifty that do: every interval is there and in time, the process stays small."""
        with Faultd() as server, Run(soak(server, duration="6s"), "--dashboard", "127.0.0.1:0") as run:
            address = dashboard_of(run)
            stuck = [Viewer(address, receive_bytes=2048) for _ in range(10)]
            viewers = [Viewer(address) for _ in range(50)]
            live = [pid for pid in run.workers if b"live" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            self.assertEqual(len(live), 1)
            for viewer in viewers:
                viewer.until(lambda v: v.now and v.now["elapsed_s"] >= 4, 30)
            rss_kib = int([line.split()[1] for line in Path(f"/proc/{live[0]}/status").read_text().splitlines() if line.startswith("VmRSS")][0])
            self.assertLess(rss_kib, 96 * 1024)
            for viewer in viewers:
                viewer.until(lambda v: v.kinds[-1] == "end", 30)
            models = [json.dumps(viewer.model, sort_keys=True) for viewer in viewers]
            self.assertEqual(len(set(models)), 1)
            for viewer in stuck + viewers:
                viewer.sock.close()
            self.assertIn(run.wait(30), (0, 4), run.stderr)  # 4: a busy machine may have made the tester late
            self.assertEqual(run.query("select count(distinct k) n, max(k) + 1 length from intervals")[0]["n"],
                             run.query("select max(k) + 1 length from intervals")[0]["length"])
            self.assertTrue(run.report["totals"]["books_balance"])
            self.assertNotIn("dashboard did not end", run.stderr)

    def test_who_may_look(self):
        with Faultd() as server, Run(soak(server, duration="60s"), "--dashboard", "127.0.0.1:0") as run:
            address = dashboard_of(run)
            host = f"{address[0]}:{address[1]}"
            status, headers, page = ask(address)
            self.assertEqual((status, headers["x-frame-options"], headers["cache-control"]), (200, "DENY", "no-store"))
            self.assertIn("connect-src 'self'", page)
            self.assertEqual(ask(address, headers={"Host": "rebound.example"})[0], 421)
            self.assertEqual(ask(address, headers={"Host": f"localhost:{address[1]}"})[0], 200)
            self.assertEqual(ask(address, "/nothing")[0], 404)
            self.assertEqual(ask(address, "/", body=b"x")[0], 405)
            self.assertEqual(ask(address, "/mark", body=b"x", headers={"Origin": "http://evil.example"})[0], 403)
            self.assertEqual(ask(address, "/mark", body=b" \n")[0], 400)
            self.assertEqual(ask(address, "/mark", body=b"x" * 5000)[0], 413)
            self.assertEqual(ask(address, "/nothing", body=b"not at this path")[0], 404)
            self.assertEqual(ask(address, "/mark", body=iter([b"of no length"]))[0], 411)
            self.assertNotIn("plain HTTP", run.stderr)
            self.assertTrue(is_refused(address, "Origin: http://evil.example"))
            self.assertFalse(is_refused(address, f"Origin: http://{host}"))
            self.assertEqual(ask(address, "/mark", body=b"the only one that may")[0], 200)
            run.signal(signal.SIGTERM)
            run.wait(30)
            self.assertEqual(marks_of(run), ["the only one that may"])

    def test_token(self):
        with Faultd() as server:
            with Run(soak(server), "--dashboard", "0.0.0.0:0") as run:
                self.assertEqual(run.wait(20), 2)
                self.assertIn("--dashboard-token", run.stderr)
            with Run(soak(server, duration="60s"), "--dashboard", "0.0.0.0:0", "--dashboard-token", TOKEN) as run:
                address = ("127.0.0.1", dashboard_of(run)[1])
                process.wait_until(lambda: "--dashboard is plain HTTP" in run.stderr, 10, "the warning")
                for path in ("/", "/metrics", f"/?token={TOKEN}x"):
                    self.assertEqual(ask(address, path)[0], 401, path)
                self.assertEqual(ask(address, "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})[0], 200)
                status, headers, _ = ask(address, f"/?token={TOKEN}")
                self.assertEqual((status, headers["location"]), (303, "/"))
                cookie = headers["set-cookie"].split(";")[0]
                self.assertIn("HttpOnly; SameSite=Strict", headers["set-cookie"])
                self.assertEqual(ask(address, headers={"Cookie": cookie})[0], 200)
                self.assertEqual(ask(address, "/mark", body=b"without the token")[0], 401)
                self.assertEqual(ask(address, "/mark", body=b"with it", headers={"Cookie": cookie})[0], 200)
                self.assertTrue(is_refused(address, "X-Nothing: 1"))
                self.assertFalse(is_refused(address, f"Cookie: {cookie}"))
                run.signal(signal.SIGTERM)
                run.wait(30)
                self.assertEqual(marks_of(run), ["with it"])
                self.assertNotIn(TOKEN.encode(), run.path.read_bytes())
                self.assertIn("--dashboard-token ***", run.report["run"]["command_line"].replace("'", ""))

    def test_wrong_input(self):
        taken = socket.create_server(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for arguments, sentence in ((("--dashboard", f"127.0.0.1:{port}"), "in use"), (("--dashboard=nowhere",), "expected HOST:PORT"),
                                    (("--dashboard", "127.0.0.1:0", "--dashboard-token", "short"), "expected 12 to 256"),
                                    (("--dashboard", "127.0.0.1:0", "--dashboard-token", "spaces in a token"), "letters, digits"),
                                    (("--dashboard-token", TOKEN), "does nothing without"),
                                    (("--dashboard", "127.0.0.1:0", "--dashboard-token", "@/nowhere/token"), "cannot read")):
            with Run("ws://127.0.0.1:9/", "-d", "1s", *arguments) as run:
                self.assertEqual(run.wait(20), 2, arguments)
                self.assertIn(sentence, run.stderr)
        taken.close()

    def test_a_lost_dashboard_is_replaced_and_leaves_the_run_alone(self):
        """The new process has the same address, and its counters go on from where the lost one's stood. One that will not
        stay is given up, and refuses those who knock."""
        def sent():
            found = re.search(r'^longhaul_messages_sent_total{group="g"} (\d+)$', ask(address, "/metrics")[2], re.MULTILINE)
            return int(found[1]) if found else 0

        def kill():
            for pid in run.workers:
                if b"live" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)

        with Faultd() as server, Run(soak(server, duration="60s"), "--dashboard", "127.0.0.1:0") as run:
            address = dashboard_of(run)
            process.wait_until(lambda: sent() >= 10, 20, "messages")
            before = sent()
            kill()
            process.wait_until(lambda: "the dashboard is there again" in run.stderr, 10, "the new process")
            process.wait_until(lambda: sent() > before, 10, "the counters to go on")
            viewer = Viewer(address)
            viewer.until(lambda v: v.model is not None, 15)
            viewer.sock.close()
            process.wait_until(lambda: kill() or "the run goes on without it" in run.stderr, 20, "the dashboard to be given up")
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(address, 5)
            run.signal(signal.SIGTERM)
            self.assertEqual(run.wait(30), 130, run.stderr)
            self.assertEqual(run.report["run"]["how"], "interrupted")
            said = [event["text"] for event in run.report["events"]]
            self.assertIn("the dashboard was lost (signal 9 (Killed)); it is started again", said)
            self.assertIn("a new process took over from the dashboard", said)
            self.assertEqual(run.report["tester"]["workers_lost"], 0)


class Page(unittest.TestCase):
    @unittest.skipUnless(shutil.which("chromium") and shutil.which("npm"), "chromium, node and npm are needed")
    def test_page_in_a_browser(self):
        """The page follows the run, keeps what its reader does, survives being stopped, and ends with the report's numbers."""
        installed = subprocess.run([paths.ROOT / "tests/npm/install"], capture_output=True, text=True, timeout=300)
        self.assertEqual(installed.returncode, 0, installed.stdout)
        asleep_s = int(os.environ.get("LH_TEST_ASLEEP", "2"))
        groups = {name: {"kind": "websocket", "target": "t", "connections": 20, "messages": ECHO} for name in ("a", "b")}
        with Faultd("first 40 after 3s fin") as server:
            conf = {"run": {"name": "live", "duration": "300s", "interval": "1s", "workers": 1}, "targets": {"t": {"url": server.url()}},
                    "groups": groups, "slo": [{"metric": "availability", "above": "10%"}]}
            with Run(conf, "--dashboard", "127.0.0.1:0") as run:
                address = dashboard_of(run)
                node = process.start(["node", paths.ROOT / "tests/integration/live_browser.mjs", f"http://{address[0]}:{address[1]}/", asleep_s],
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
                with node.stdout:
                    lines = [process.read_line(node.stdout, 300 + asleep_s, "word that the page has seen enough").strip()]
                    run.signal(signal.SIGINT)  # the run ends when the browser is ready for that, however busy the machine is
                    lines += [line.decode().strip() for line in node.stdout]
                node.wait(30)
                self.assertTrue(lines and lines[-1].endswith(" passed, 0 failed"), [line for line in lines if not line.startswith("[")])
                self.assertGreaterEqual(int(lines[-1].split()[0]), 17)
                run.wait(30)
                shown, report = dict(json.loads(lines[-2])), run.report
                self.assertEqual(shown["headline"].replace("\u00a0", " "), report["headline"] + ".")
                self.assertEqual(shown["verdict"].lower(), report["verdict"])
                self.assertEqual(int(shown["totals.messages.sent"].replace(",", "")), report["totals"]["messages"]["sent"])
                self.assertEqual(int(shown["totals.drops"]), report["totals"]["drops"])


class Metrics(unittest.TestCase):
    def test_metrics_alone_add_up(self):
        """With --metrics there is no page; what is counted at the end is what the report says."""
        with Faultd("first 40 after 1s fin") as server, Run(soak(server, duration="4s"), "--metrics", "127.0.0.1:0") as run:
            address = dashboard_of(run, "metrics")
            self.assertEqual(ask(address)[0], 404)
            texts = []
            while run.child.poll() is None:
                try:
                    texts.append(ask(address, "/metrics")[2])
                except (urllib.error.URLError, ConnectionError, http.client.HTTPException):
                    break
                time.sleep(0.05)
            run.wait(30)
            samples = dict(line.rsplit(" ", 1) for line in texts[-1].splitlines() if not line.startswith("#"))
            totals = run.report["totals"]
            # who scrapes regularly is waited for: the last look is at the end
            self.assertEqual(samples['longhaul_run_phase{phase="ended"}'], "1")
            self.assertEqual(int(samples['longhaul_messages_sent_total{group="g"}']), totals["messages"]["sent"])
            self.assertEqual((int(samples['longhaul_drops_total{group="g"}']), totals["drops"]), (40, 40))
            buckets = [int(value) for name, value in samples.items() if name.startswith('longhaul_response_seconds_bucket{group="g"')]
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual(buckets[-1], int(samples['longhaul_response_seconds_count{group="g"}']))
            self.assertEqual(buckets[-1], int(samples['longhaul_replied_total{group="g"}']))

    @unittest.skipUnless(shutil.which("promtool") and shutil.which("prometheus"), "prometheus is needed (apt-get install prometheus)")
    def test_prometheus_scrapes_them(self):
        with Faultd("first 40 after 1s fin") as server, Run(soak(server, duration="60s"), "--dashboard", "127.0.0.1:0") as run, \
                tempfile.TemporaryDirectory() as folder:
            address = dashboard_of(run)
            process.wait_until(lambda: "longhaul_reconnects_total{group=\"g\"} 40" in ask(address, "/metrics")[2], 30, "the drop")
            text = ask(address, "/metrics")[2]
            check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
            self.assertEqual((check.returncode, check.stderr.strip()), (0, ""), check.stdout)
            port = process.free_port()
            Path(folder, "prometheus.yml").write_text(
                "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
                f"scrape_configs: [{{job_name: soak, static_configs: [{{targets: ['{address[0]}:{address[1]}']}}]}}]\n", encoding="utf-8")
            with open(Path(folder, "log"), "w", encoding="utf-8") as log:
                prometheus = process.start(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                            f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT, cwd=folder)
            try:
                value = process.wait_until(lambda: query(port, 'longhaul_clients_open{group="g"}'), 40, "a scrape")
                self.assertEqual(float(value[0]["value"][1]), 40)
                process.wait_until(lambda: query(port, "rate(longhaul_messages_sent_total[5s]) > 0"), 20, "a rate")
                quantile = query(port, "histogram_quantile(0.5, rate(longhaul_response_seconds_bucket[5s]))")
                self.assertTrue(quantile and 0 < float(quantile[0]["value"][1]) < 5, quantile)
                ended = query(port, 'longhaul_endings_total{reason="FIN without close frame",stage="open",side="peer"}')
                self.assertEqual([row["value"][1] for row in ended], ["40"])
                up = query(port, "up")
                self.assertEqual([row["value"][1] for row in up], ["1"])
            finally:
                process.stop(prometheus)
            run.signal(signal.SIGTERM)
            run.wait(30)


def query(port, expression):
    """Rows of an instant query; [] while Prometheus is not ready."""
    try:
        url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.request.quote(expression)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]["result"]
    except (urllib.error.URLError, ConnectionError):
        return []


if __name__ == "__main__":
    unittest.main()
