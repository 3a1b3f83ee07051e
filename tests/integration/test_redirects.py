"""Redirects that are followed: where to, what is carried along, and what is told when one is not."""
import contextlib
import time
import unittest

from lib import books
from lib.faultd import Faultd
from lib.longhaul import config, endings, run
from lib.relay import Listener, read_head, relay_to, socket_path

HEADERS = {"Authorization": "Bearer hunter2", "Cookie": "a=b", "X-Plain": "kept"}
SECRETS = (b"Authorization: Bearer hunter2\r\n", b"Cookie: a=b\r\n")


class Redirector:
    """Answers each request by `answers`: path -> (status, Location) or a body; all others have a 404. Remembers what came."""

    def __init__(self, answers):
        self.answers, self.heads, self.bodies, self.delay_s = answers, [], [], 0
        self.listener = Listener(self.serve)
        self.port = self.listener.port

    def serve(self, client):
        while head := read_head(client):
            self.heads.append(head)
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            body = b""
            while len(body) < length:
                body += client.recv(length - len(body))
            self.bodies.append(body)
            answer = self.answer_to(head.split()[1].decode())
            time.sleep(self.delay_s)
            if isinstance(answer, tuple):
                where = f"Location: {answer[1]}\r\n" if answer[1] is not None else ""
                client.sendall(f"HTTP/1.1 {answer[0]} X\r\n{where}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nmoved".encode())
            else:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))

    def answer_to(self, path):
        return self.answers.get(path, (404, None))

    def url(self, path="/", scheme="ws"):
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.listener.__exit__(*failure)


class Case(unittest.TestCase):
    def go(self, conf, *arguments, **options):
        done = run(conf, *arguments, **options)
        books.check(self, done)
        self.assertIn(done.code, (0, 1, 4), done.stderr)
        return done


class Openings(Case):
    """Requests that open a connection: websocket, sse, stream."""

    def test_to_another_server_and_back_again(self):
        with Faultd("after 500ms close 1000") as server, Redirector({"/": (302, "/two?x=1")}) as hop:
            hop.answers["/two?x=1"] = (307, f"http://127.0.0.1:{server.port}/echo")
            done = self.go(config(hop.url(), connections=4, duration="2s", target={"redirects": 2, "headers": HEADERS},
                                  reconnect={"first": "10ms", "max": "10ms"}))
            server.stop()
        opened = done.group["opened"]
        self.assertGreaterEqual(opened, 8)
        self.assertEqual({head.split()[1] for head in hop.heads}, {b"/", b"/two?x=1"})
        for head in hop.heads:
            for line in (*SECRETS, b"X-Plain: kept\r\n"):
                self.assertIn(line, head)
        found = endings(done.group)
        self.assertEqual(found[("open", "peer", "close frame", 1000)], done.group["drops"])
        self.assertGreaterEqual(found[("upgrade", "us", "redirect followed", 302)], opened)
        self.assertGreaterEqual(found[("upgrade", "us", "redirect followed", 307)], opened)
        self.assertEqual(done.query("select sum(redirects_followed) n from intervals")[0]["n"],
                         sum(count for key, count in found.items() if key[2] == "redirect followed"))
        self.assertEqual(done.query("select sum(connect_failures) n from intervals")[0]["n"], 0)
        self.assertEqual(server.summary["upgraded"], opened)

    def test_every_kind_and_tls(self):
        server = Faultd("--tls")
        ca = server.folder / "ca.pem"
        server._command += ["--tls-ca", ca]
        with server, Redirector({}) as hop:
            hop.answers = {"/ws": (301, f"wss://127.0.0.1:{server.port}/"), "/sse": (308, f"https://127.0.0.1:{server.port}/sse/100ms"),
                           "/get": (302, f"https://127.0.0.1:{server.port}/bytes/10")}
            conf = {"run": {"name": "test", "duration": "1500ms"}, "targets": {}, "groups": {}}
            for name, kind, path in (("ws", "websocket", "/ws"), ("sse", "sse", "/sse"), ("stream", "stream", "/sse"), ("http", "http", "/")):
                conf["targets"][name] = {"url": hop.url(path, "ws" if name == "ws" else "http"), "redirects": 1, "tls": {"ca": str(ca)}}
                conf["groups"][name] = {"kind": kind, "target": name, "connections": 3, "reconnect": False}
            conf["groups"]["http"]["messages"] = [{"name": "m", "every": "300ms", "count": 3, "get": "/get"}]
            conf["groups"]["ws"]["messages"] = [{"name": "m", "every": "200ms", "text": "${token}", "reply": {"contains": "${token}"}}]
            done = self.go(conf)
        for group in done.report["groups"]:
            with self.subTest(group["name"]):
                self.assertEqual(group["drops"], 0)
                self.assertEqual(group["messages"]["lost"], 0)
                self.assertGreaterEqual(group["latency"]["tls"]["count"], 3)
        ws, sse, stream, http = done.report["groups"]
        self.assertGreater(ws["messages"]["replied"], 0)
        self.assertGreater(sse["messages"]["incoming"], 15)
        self.assertGreater(stream["bytes"]["received"], 100)
        self.assertEqual((http["messages"]["failed"], http["messages"]["replied"]), (0, http["messages"]["sent"]))
        self.assertEqual(http["messages"]["planned"], 9)

    def test_what_is_not_followed_says_why(self):
        rows = ((5, "/loop", "past the limit of `redirects`: /loop"), (1, "ftp://x/", "its scheme is not http, https, ws or wss: ftp://x/"),
                (1, None, "there is none: "), (1, "http://blocked.test/x", "`deny` holds its host: http://blocked.test/x"), (0, "/x", "/x"),
                (1, "http://absent.invalid:1/", None))
        with Redirector({"/loop": (301, "/loop")}) as hop:
            conf = {"run": {"name": "test", "duration": "1500ms"}, "deny": ["blocked.test"], "targets": {}, "groups": {}}
            for number, (limit, location, _) in enumerate(rows):
                name = f"g{number}"
                hop.answers[f"/{number}"] = (302, location)
                kind = "sse" if number % 2 else "websocket"
                conf["targets"][name] = {"url": hop.url(f"/{number}", "http" if number % 2 else "ws"), "redirects": limit}
                conf["groups"][name] = {"kind": kind, "target": name, "connections": 2, "reconnect": False}
            done = self.go(conf)
        for group, (limit, _, text) in zip(done.report["groups"], rows, strict=True):
            last = [row for row in group["endings"] if row["reason"] != "redirect followed"]
            with self.subTest(text):
                self.assertEqual(sum(row["count"] for row in last), 2, group["endings"])
                if text is None:
                    self.assertEqual({row["stage"] for row in last}, {"resolve"})
                else:
                    self.assertEqual({(row["reason"], row["text"]) for row in last}, {("redirect not followed", text)})
        self.assertEqual(endings(done.report["groups"][0])[("upgrade", "us", "redirect followed", 301)], 8)

    def test_secrets_stay_with_their_server_and_tls_is_kept(self):
        with Redirector({"/": (404, None)}) as other, Redirector({}) as hop, Faultd("--tls", "redirect ws://127.0.0.1:9/") as secure:
            hop.answers["/"] = (302, other.url("/", "http"))
            conf = config(hop.url("/", "http"), connections=2, duration="1s", kind="sse", messages=[], reconnect=False,
                          target={"redirects": 1, "headers": {**HEADERS, "Host": "mine.test"}}, headers={"authorization": "Bearer hunter2"})
            conf["targets"]["s"] = {"url": secure.url("/", "wss"), "redirects": 3, "tls": {"verify": False}}
            conf["targets"]["p"] = {**conf["targets"]["s"], "redirects_to_plain": True}
            for name in ("s", "p"):
                conf["groups"][name] = {"kind": "websocket", "target": name, "connections": 2, "reconnect": False}
            done = self.go(conf)
        self.assertEqual(len(other.heads), 2)
        for head in other.heads:
            self.assertIn(b"X-Plain: kept\r\n", head)
            self.assertIn(b"\r\nHost: 127.0.0.1:%d\r\n" % other.port, head)
            self.assertNotIn(b"hunter2", head)
            self.assertNotIn(b"Cookie", head)
        _, kept, plain = done.report["groups"]
        self.assertEqual({row["text"] for row in kept["endings"]}, {"from TLS to plain, which needs redirects_to_plain: ws://127.0.0.1:9/"})
        self.assertIn(("connect", "network", "connection refused", 111), endings(plain))

    def test_on_a_unix_socket(self):
        with Redirector({"/": (302, "/there")}) as hop, relay_to(hop.port, socket_path()) as relay:
            done = self.go(config(f"http+unix://{relay.path}:/", connections=2, duration="1s", kind="sse", messages=[], reconnect=False, redirects=1))
        self.assertEqual(endings(done.group), {("upgrade", "us", "redirect followed", 302): 2, ("upgrade", "peer", "HTTP status", 404): 2})


class Requests(Case):
    def test_on_the_same_connection(self):
        answers = {"/a": (302, "/b"), "/b": (307, "c?x=1"), "/c?x=1": b"here", "/post": (303, "/c?x=1"), "/put": (308, "/b2"), "/b2": b"here",
                   "/old": (301, "/b2")}
        messages = [{"name": "get", "every": "1s", "get": "/a", "reply": {"contains": "here"}},
                    {"name": "post", "every": "1s", "post": "/post", "text": "body", "reply": {"contains": "here"}},
                    {"name": "put", "every": "1s", "put": "/put", "text": "t=${token}", "reply": {"contains": "here"}},
                    {"name": "old", "every": "1s", "post": "/old", "text": "body", "reply": {"contains": "here"}}]
        with Redirector(answers) as hop:
            done = self.go(config(hop.url("/", "http"), connections=3, duration="1s", kind="http", messages=messages, target={"redirects": 3}))
        group = done.group
        self.assertEqual((group["opened"], group["drops"], group["messages"]["failed"], group["messages"]["lost"]), (3, 0, 0, 0))
        self.assertEqual(group["messages"]["replied"], group["messages"]["sent"])
        self.assertEqual(group["messages"]["replied"], group["latency"]["ttfb"]["count"])
        by_path = {}
        for head, body in zip(hop.heads, hop.bodies, strict=True):
            by_path.setdefault(head.split()[1].decode(), set()).add((head.split()[0].decode(), body[:2]))
        self.assertEqual(by_path["/c?x=1"], {("GET", b"")})
        self.assertEqual(by_path["/put"], {("PUT", b"t=")})
        self.assertEqual(by_path["/b2"], {("PUT", b"t="), ("GET", b"")})
        self.assertEqual(set(by_path), set(answers))

    def test_relative_to_a_path_with_variables(self):
        class Relative(Redirector):
            def answer_to(self, path):
                return b"here" if path.endswith("/done") else (302, "done" if "?" in path else "./x/../?again")

        messages = [{"name": "get", "every": "300ms", "get": "/of/${client}/${seq}-${time_ms}/list", "reply": {"contains": "here"}}]
        with Relative({}) as hop:
            conf = config(hop.url("/", "http"), connections=3, duration="1s", kind="http", messages=messages, redirects=2)
            conf["groups"]["sse"] = {"kind": "stream", "target": "t", "connections": 2, "path": "/s/${client}/list", "redirects": 2,
                                     "reconnect": False}
            done = self.go(conf)
        paths = [head.split()[1].decode() for head in hop.heads]
        first = {path.rsplit("/", 1)[0] for path in paths if path.endswith("/list")}
        self.assertGreater(len(first), 8)
        for end in ("/?again", "/done"):
            self.assertEqual({path[:-len(end)] for path in paths if path.endswith(end)}, first, end)
        http = done.report["groups"][0]
        self.assertEqual((http["messages"]["failed"], http["messages"]["replied"]), (0, http["messages"]["sent"]))

    def test_under_way_when_the_run_ends(self):
        with Redirector({"/slow": b"here"}) as other, Redirector({}) as hop:
            other.delay_s = 0.8
            hop.answers["/a"] = (302, other.url("/slow", "http"))
            messages = [{"name": "a", "every": "1s", "phase": "together", "get": "/a", "reply": {"contains": "here"}}]
            done = self.go(config(hop.url("/", "http"), connections=4, duration="1300ms", kind="http", messages=messages, redirects=1))
        messages = done.group["messages"]
        self.assertEqual((messages["lost"], messages["failed"], messages["in_flight"]), (0, 0, 0), messages)
        self.assertEqual(messages["replied"], 4)

    def test_to_another_server_and_back(self):
        with contextlib.ExitStack() as stack:
            other = stack.enter_context(Redirector({"/there": b"here"}))
            hop = stack.enter_context(Redirector({"/plain": b"plain", "/a": (302, other.url("/there", "http")), "/far": (302, "/far")}))
            messages = [{"name": "a", "every": "400ms", "count": 3, "get": "/a", "reply": {"contains": "here"}},
                        {"name": "p", "every": "400ms", "count": 3, "get": "/plain", "reply": {"contains": "plain"}},
                        {"name": "far", "every": "400ms", "count": 3, "get": "/far", "reply": {"status": 302}}]
            done = self.go(config(hop.url("/", "http"), connections=3, duration="1800ms", kind="http", messages=messages, redirects=2,
                                  headers={"Authorization": "Bearer hunter2"}))
        group = done.group
        self.assertEqual((group["drops"], group["messages"]["failed"], group["messages"]["lost"]), (0, 0, 0), endings(group))
        self.assertEqual(group["messages"]["replied"], group["messages"]["sent"])
        self.assertGreater(len(other.heads), 5)
        self.assertFalse([head for head in other.heads if b"hunter2" in head or not head.startswith(b"GET /there ")])
        self.assertFalse([head for head in hop.heads if b"hunter2" not in head])
        found = endings(group)
        self.assertEqual(found[("open", "us", "redirect followed", 302)], len(other.heads))
        self.assertEqual(sum(count for key, count in found.items() if key[2] == "planned end"), len(other.heads))


if __name__ == "__main__":
    unittest.main()
