"""What servers answer in truth: each way of writing a response, with what becomes of the request and of its connection."""
import base64
import gzip
import hashlib
import unittest

from lib import books
from lib.longhaul import config, endings, run
from lib.relay import Listener, read_head

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PACKED = gzip.compress(b"hello " * 100)
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%s\r\ndata: x\n\n"

# name: (bytes, whether the server closes after them, what becomes of the request, the connection's ending or None: it goes on)
ANSWERS = {
    "continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, False, "replied", None),
    "hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + OK, False, "replied", None),
    "no-content": (b"HTTP/1.1 204 No Content\r\n\r\n", False, "replied", None),
    "not-modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", False, "failed", None),
    "head": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", False, "replied", None),
    "head-chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", False, "replied", None),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n", False, "replied", None),
    "packed": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(PACKED), PACKED), False, "replied", None),
    "large-head": (b"HTTP/1.1 200 OK\r\nX-Large: %s\r\nContent-Length: 2\r\n\r\nok" % (b"a" * 60000), False, "replied", None),
    "too-large-head": (b"HTTP/1.1 200 OK\r\nX-Large: %s\r\n" % (b"a" * 70000), False, "lost", "bad HTTP"),
    "old": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", True, "replied", "HTTP Connection: close"),
    "old-kept": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", False, "replied", None),
    "to-the-end": (b"HTTP/1.1 200 OK\r\n\r\nok", True, "replied", "HTTP Connection: close"),
    "says-close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", False, "replied", "HTTP Connection: close"),
    "too-short": (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nok", True, "lost", "response cut short"),
    "too-long": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", False, "replied", "bad HTTP"),
    "twice": (OK + OK, False, "replied", "bad HTTP"),
    "bad-chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n", False, "lost", "bad HTTP"),
    "no-http": (b"<html>hello</html>", True, "lost", "bad HTTP"),
    "switched": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", False, "lost", "bad HTTP"),
    "offers-h2": (b"HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade, Keep-Alive\r\nContent-Length: 2\r\n\r\nok", False, "replied", None),
}


def serve(client):
    while head := read_head(client):
        answer, closes, _, _ = ANSWERS[head.split()[1].decode()[1:]]
        client.sendall(answer)
        if closes:
            return


class Answers(unittest.TestCase):
    def test_each_has_its_own_outcome(self):
        conf = {"run": {"name": "test", "duration": "1500ms"}, "targets": {}, "groups": {}}
        with Listener(serve) as server:
            conf["targets"]["t"] = {"url": f"http://127.0.0.1:{server.port}/"}
            for name in ANSWERS:
                message = {"name": "m", "every": "250ms", ("head" if name.startswith("head") else "get"): "/" + name, "reply": {"lost_after": "5s"}}
                conf["groups"][name] = {"kind": "http", "target": "t", "connections": 2, "messages": [message],
                                        "reconnect": {"first": "10ms", "max": "10ms"}}
            done = run(conf)
        books.check(self, done)
        for group, (name, (_, _, outcome, ending)) in zip(done.report["groups"], ANSWERS.items(), strict=True):
            messages = group["messages"]
            with self.subTest(name):
                self.assertGreaterEqual(messages["sent"], 8)
                self.assertEqual({key: messages[key] for key in ("replied", "failed", "lost")},
                                 {"replied": 0 if outcome == "lost" else messages["sent"], "failed": messages["sent"] if outcome == "failed" else 0,
                                  "lost": messages["sent"] if outcome == "lost" else 0})
                seen = {key[1:3]: count for key, count in endings(group).items() if key[1] != "us"}
                self.assertEqual(seen, {("peer", ending): messages["sent"]} if ending else {})

    def test_large_heads_of_upgrades(self):
        """Policies and cookies make heads of many KiB; what a refusal says behind them must not be called bad HTTP."""
        def upgrade(client):
            head = read_head(client)
            size, status = (int(word) for word in head.split()[1][1:].split(b"/"))
            key = next(line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
            client.sendall(b"HTTP/1.1 %d X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nX-Large: %s\r\nContent-Length: 0\r\n\r\n" % (status, accept, b"a" * size))
            client.recv(100)

        rows = ((100, 101, {}), (30000, 101, {}), (30000, 403, {("peer", "upgrade refused", 403): 2}), (50000, 101, {("peer", "bad HTTP", None): 2}))
        with Listener(upgrade) as server:
            conf = {"run": {"name": "test", "duration": "600ms"}, "targets": {"t": {"url": f"ws://127.0.0.1:{server.port}/"}}, "groups": {}}
            for number, (size, status, _) in enumerate(rows):
                conf["groups"][f"g{number}"] = {"kind": "websocket", "target": "t", "connections": 2, "path": f"/{size}/{status}", "reconnect": False}
            done = run(conf)
        books.check(self, done)
        for group, (size, status, ends) in zip(done.report["groups"], rows, strict=True):
            with self.subTest(size=size, status=status):
                self.assertEqual({key[1:]: count for key, count in endings(group).items() if key[1] != "us"}, ends)
        self.assertNotIn("libwebsockets", done.stderr)

    def test_events_that_cannot_be_read_are_refused(self):
        answers = {"/packed": EVENTS % b"Content-Encoding: gzip\r\n", "/plain": EVENTS % b"Content-Encoding: identity\r\n"}

        def feed(client):
            if head := read_head(client):
                client.sendall(answers[head.split()[1].decode()])
                client.recv(1)

        with Listener(feed) as server:
            conf = config(f"http://127.0.0.1:{server.port}/", connections=2, duration="500ms", kind="sse", messages=[], path="/packed", reconnect=False)
            conf["groups"]["plain"] = {"kind": "sse", "target": "t", "connections": 2, "path": "/plain", "reconnect": False}
            done = run(conf)
        packed, plain = done.report["groups"]
        self.assertEqual([(row["reason"], row["text"], row["count"]) for row in packed["endings"]], [("wrong content type", "Content-Encoding: gzip", 2)])
        self.assertEqual((plain["messages"]["incoming"], plain["drops"]), (2, 0))


if __name__ == "__main__":
    unittest.main()
