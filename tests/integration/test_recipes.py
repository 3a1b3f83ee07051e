"""The recipes of configs/, each against the real thing: Socket.IO, graphql-ws, Mosquitto, Node, nginx, HAProxy with TLS."""
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

from common import Case, books, join, longhaul, paths, process, unittest
from lib import npm

HERE = Path(__file__).resolve().parent / "recipes"
CONFIGS = paths.ROOT / "configs"

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  {temp}
  server {{ listen 127.0.0.1:{port}; keepalive_requests 5; location / {{ default_type text/plain; return 200 "hello\\n"; }} }}
}}
"""
# Mosquitto 2.0.11 does not start when every listener is a WebSocket one.
MOSQUITTO = "listener 0 {folder}/socket\nlistener {port} 127.0.0.1\nprotocol websockets\nallow_anonymous true\n"
HAPROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
  timeout tunnel 2500ms
frontend front
  bind 127.0.0.1:{port} ssl crt {folder}/both.pem
  default_backend back
backend back
  server one 127.0.0.1:{back}
"""


class Server:
    """A child whose words are kept in a file."""

    def __init__(self, command, port=None):
        self.folder = Path(tempfile.mkdtemp(prefix="recipe-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.log = self.folder / "log"
        self.port = port
        self.command = command

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.child = process.start(self.command, stdout=log, stderr=subprocess.STDOUT)
        if self.port:
            process.wait_until(lambda: self.child.poll() is not None or process.is_listening(self.port), 20, f"{self.command[0]} listening")
        else:
            process.wait_until(lambda: self.child.poll() is not None or b"LISTEN" in self.log.read_bytes(), 20, f"{self.command[0]} listening")
            self.port = int(self.words.split("LISTEN", 1)[1].split()[0].rsplit(":", 1)[1])
        assert self.child.poll() is None, self.words
        return self

    @property
    def words(self):
        return self.log.read_text(errors="replace")

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()


def node(script):
    return Server(["node", HERE / script, npm.FOLDER])


def needs(*programs):
    missing = [name for name in programs if not shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")]
    return unittest.skipIf(missing, f"{', '.join(missing)} needed")


class Recipes(Case):
    def played(self, name, *settings, duration="4s", code=0):
        """Runs a recipe with fewer clients and shorter times."""
        arguments = [word for setting in ("run.warmup=0s", "slo=[]", *settings) for word in ("--set", setting)]
        done = longhaul.run(CONFIGS / name, "--duration", duration, *arguments)
        self.ended_with(done, code)
        books.check(self, done)
        return done

    def from_npm(self):
        if npm.why_not():
            self.skipTest(npm.why_not())

    def assert_held(self, group, clients):
        self.assertEqual((group["opened"], group["drops"]), (clients, 0), group)

    @needs("node")
    def test_socketio(self):
        self.from_npm()
        with node("socketio.mjs") as server:
            done = self.played("socketio.yaml", f"targets.server.url=ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket",
                               "groups.clients.connections=20", "groups.clients.ramp.over=200ms", "groups.clients.messages[echo].every=500ms")
            process.wait_until(lambda: server.words.count("DISCONNECT") == 20, 10, "every client gone")
            self.assertEqual(server.words.count("JOIN"), 20)
            self.assertNotIn("ping timeout", server.words)
        self.assert_held(done.group, 20)
        messages = done.group["messages"]
        self.assertGreaterEqual(messages["planned"] - messages["one_way"], 20 * 5)
        self.assertEqual((messages["lost"], messages["corrupt"]), (0, 0))
        # Each was pinged about every 300 ms and said 3 each time, or it would have been dropped 2 s after the first.
        self.assertGreaterEqual(messages["one_way"], 20 * (9 - join.stood_s(done) / 0.3))

    @needs("node")
    def test_graphql(self):
        self.from_npm()
        with node("graphql.mjs") as server:
            done = self.played("graphql-ws.yaml", f"targets.server.url=ws://127.0.0.1:{server.port}/graphql",
                               "groups.clients.connections=10", "groups.clients.ramp.over=200ms", "groups.clients.messages[query].every=500ms")
            words = server.words
        self.assertEqual(words.count("SUBSCRIBE ticks"), 10)
        self.assertGreaterEqual(words.count("PONG"), 10 * (9 - join.stood_s(done) / 0.3))
        self.assertNotIn("CLOSE 44", words)  # the protocol's refusals are 4400 and up
        self.assert_held(done.group, 10)
        messages = done.group["messages"]
        self.assertGreaterEqual(messages["planned"], 10 * 5)
        self.assertEqual((messages["lost"], messages["duplicate"], messages["corrupt"]), (0, 0, 0))
        self.assertGreaterEqual(messages["incoming"], 10 * (30 - 10 * join.stood_s(done)))  # ten ticks a second, and `complete` of each query

    @needs("mosquitto")
    def test_mqtt(self):
        server = Server([], process.free_port())
        (server.folder / "mosquitto.conf").write_text(MOSQUITTO.format(folder=server.folder, port=server.port), encoding="utf-8")
        server.command = ["mosquitto", "-c", server.folder / "mosquitto.conf"]
        server.folder.chmod(0o777)  # it gives up root
        with server:
            done = self.played("mqtt-ws.yaml", f"targets.broker.url=ws://127.0.0.1:{server.port}/mqtt", "groups.devices.connections=20",
                               "groups.devices.ramp.over=200ms", "groups.devices.messages[report].every=500ms", "groups.devices.messages[report].delay=1s",
                               "groups.devices.messages[ping].delay=500ms", "groups.devices.messages[ping].every=1s", "groups.subscribers.connections=2")
        devices, subscribers = done.report["groups"]
        self.assert_held(devices, 20)
        self.assert_held(subscribers, 2)
        # CONNACK, PUBACKs, PINGRESPs, each the answer to what was sent.
        self.assertGreaterEqual(devices["messages"]["planned"], 20 * (1 + 4 + 2))
        self.assertEqual((devices["messages"]["lost"], devices["messages"]["incoming"]), (0, 0))
        published = devices["messages"]["sent"] - 20 - 4 * 20  # less CONNECTs and at most four pings each
        self.assertGreaterEqual(subscribers["messages"]["incoming"], 2 * published)

    @needs("node")
    def test_sse(self):
        with node("sse.mjs") as server:
            done = self.played("sse-feed.yaml", f"targets.server.url=http://127.0.0.1:{server.port}/events", "groups.feed.connections=20",
                               "groups.feed.ramp.over=200ms", duration="5s")
            words = server.words
        feed = done.group
        self.assertGreaterEqual(feed["drops"], 20)  # the server ends each after 40 events
        self.assertEqual({(e["reason"], e["stage"]) for e in feed["endings"] if e["side"] == "peer"}, {("stream ended", "open")}, feed["endings"])
        self.assertEqual(words.count("FROM 0\n"), 20)
        self.assertGreaterEqual(words.count("FROM 40\n"), 20)
        checked = {key: feed["incoming"][key] for key in ("unreadable", "skipped", "duplicate", "missed_away", "restarts", "silences")}
        self.assertEqual(checked, dict.fromkeys(checked, 0))
        self.assertGreaterEqual(feed["incoming"]["numbered"], 20 * 60)
        self.assertLess(feed["latency"]["outage"]["p50_us"], 500_000)  # `retry: 100` of the server, not the config's 3 s

    @needs("nginx")
    def test_nginx(self):
        server = Server([], process.free_port())
        temp = "\n  ".join(f"{kind}_temp_path {server.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (server.folder / "nginx.conf").write_text(NGINX.format(folder=server.folder, port=server.port, temp=temp), encoding="utf-8")
        server.command = ["nginx", "-p", server.folder, "-c", server.folder / "nginx.conf"]
        with server:
            done = self.played("http-keepalive.yaml", f"targets.web.url=http://127.0.0.1:{server.port}/", "groups.api.connections=20",
                               "groups.api.ramp.over=200ms", "groups.api.messages[front].every=400ms")
        messages = done.group["messages"]
        self.assertGreaterEqual(messages["planned"], 20 * 8)
        self.assertGreater(messages["replied"], 20 * 5)  # past the cap
        self.assertEqual((messages["failed"], messages["lost"]), (0, 0))
        capped = [e for e in done.group["endings"] if e["side"] == "peer"]
        self.assertEqual({(e["reason"], e["code"]) for e in capped}, {("request cap", 5)}, capped)
        self.assertEqual(sum(e["count"] for e in capped), done.group["drops"])

    @needs("haproxy", "openssl", "node")
    def test_haproxy_with_tls(self):
        self.from_npm()
        scenarios = paths.ROOT / "tests/scenarios"
        with Server(["node", scenarios / "ws_server.mjs", npm.FOLDER, "-", "-"]) as back:
            front = Server([], process.free_port())
            folder = front.folder
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                            "-keyout", folder / "key.pem", "-out", folder / "ca.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                           check=True, capture_output=True, timeout=20)
            (folder / "both.pem").write_bytes((folder / "ca.pem").read_bytes() + (folder / "key.pem").read_bytes())
            (folder / "haproxy.cfg").write_text(HAPROXY.format(port=front.port, folder=folder, back=back.port), encoding="utf-8")
            front.command = ["haproxy", "-db", "-f", folder / "haproxy.cfg"]
            common = (f"targets.gateway.url=wss://localhost:{front.port}/ws", f"targets.gateway.tls.ca={folder}/ca.pem", "targets.gateway.family=ipv4",
                      "groups.chat.connections=20", "groups.chat.ramp.over=200ms")
            with front:
                held = self.played("wss-haproxy.yaml", *common, "groups.chat.messages[echo].every=500ms", "groups.chat.ping.every=500ms")
                cut = self.played("wss-haproxy.yaml", *common, "groups.chat.messages=[]", "groups.chat.ping.every=1h", duration="5s")
        self.assert_held(held.group, 20)
        self.assertGreaterEqual(held.group["messages"]["planned"], 20 * 5)
        # Silent for `timeout tunnel`: HAProxy cuts them, each after the same silence.
        self.assertGreaterEqual(cut.group["drops"], 20)
        reasons = {e["reason"] for e in cut.group["endings"] if e["side"] == "peer"}
        self.assertEqual(reasons, {"FIN without close frame"}, cut.group["endings"])
        idle = cut.group["latency"]["idle_at_drop"]
        self.assertGreater(idle["p50_us"], 2_400_000)
        self.assertLess(idle["p50_us"], 3_500_000 + 1e6 * join.lag_s(cut))


if __name__ == "__main__":
    unittest.main()
