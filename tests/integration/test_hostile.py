"""Servers that mean harm, or are broken in the same way: no worker is lost, memory stays bounded, every ending has its name."""
import base64
import hashlib
import random
import unittest
import zlib

from common import Case, books, config, endings, run
from lib.relay import Listener, read_head


def upgraded(head, *headers):
    key = next(line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return b"\r\n".join((b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Accept: " + accept, *headers, b"\r\n"))


def frame(first, payload):
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
    return bytes([first]) + length + payload


def listen(client):
    """Until the client ends it; mostly by a close frame, in a read of its own."""
    while (got := client.recv(4096)) and got[0] != 0x88:
        pass


class Compression(Case):
    """permessage-deflate, of which libwebsockets is not let near."""
    AGREED = b"Sec-WebSocket-Extensions: permessage-deflate"
    # answer to the offer: what it is called; None: the connection is good
    ANSWERS = {b"permessage-deflate; server_no_context_takeover; server_max_window_bits=10": None,
               b"permessage-deflate, permessage-deflate": "more extensions than were offered",
               b"permessage-deflate\r\nSec-WebSocket-Extensions: permessage-deflate": "more extensions than were offered",
               b"permessage-deflate; rx_buf_size=-1": "extension parameters that cannot be used",
               b"permessage-deflate; server_max_window_bits=16": "extension parameters that cannot be used",
               b"permessage-deflate; " + b"x" * 9000: "extension parameters of more than 255 bytes",
               b"x-unheard-of": "extension that was not offered"}

    def talk(self, serve, duration, **group):
        with Listener(serve) as server:
            done = run(config(f"ws://127.0.0.1:{server.port}/", 1, duration, run={"drain": "500ms"}, messages=[], deflate=True, **group))
        books.check(self, done)
        self.assertNotIn("lost", done.stderr)
        return done

    def test_answers_to_the_offer(self):
        answers = list(self.ANSWERS)

        def serve(client):
            head = read_head(client)
            answer = answers[int(head.split()[1][1:])]
            client.sendall(upgraded(head, b"Sec-WebSocket-Extensions: " + answer))
            listen(client)

        with Listener(serve) as server:
            conf = {"run": {"name": "test", "duration": "400ms", "workers": 1}, "targets": {"t": {"url": f"ws://127.0.0.1:{server.port}/"}}, "groups": {}}
            for number in range(len(answers)):
                conf["groups"][f"g{number}"] = {"kind": "websocket", "target": "t", "connections": 2, "path": f"/{number}", "deflate": True, "reconnect": False}
            done = run(conf)
        books.check(self, done)
        for group, (answer, words) in zip(done.report["groups"], self.ANSWERS.items(), strict=True):
            with self.subTest(answer[:60]):
                seen = [(row["reason"], row["text"], row["count"]) for row in group["endings"]]
                self.assertEqual(seen, [("bad HTTP", words, 2)] if words else [("shutting down", "", 2)])

    def test_messages_of_every_length(self):
        """Runs of one byte inflate a hundredfold and end wherever they like in a buffer."""
        sizes = [*range(0, 2500), *range(16000, 16700), 1 << 20, 3 << 20]

        def serve(client):
            client.sendall(upgraded(read_head(client), self.AGREED))
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            rng = random.Random(1)
            for size in sizes:
                packed = packer.compress(b"a" * size) + packer.flush(zlib.Z_SYNC_FLUSH)
                cut = rng.randrange(len(packed) - 3) if size % 3 == 0 else None
                if cut is None:
                    client.sendall(frame(0xc1, packed[:-4]))
                else:  # in two, with a ping between
                    client.sendall(frame(0x41, packed[:cut]) + frame(0x89, b"") + frame(0x80, packed[cut:-4]))
            listen(client)

        done = self.talk(serve, "2s")
        row = done.query("select sum(incoming) messages, sum(bytes_received) bytes from intervals")[0]
        self.assertEqual((row["messages"], row["bytes"]), (len(sizes), sum(sizes)))
        self.assertEqual({key[2] for key in endings(done.group)}, {"shutting down"})

    def test_a_message_that_does_not_inflate(self):
        def serve(client):
            client.sendall(upgraded(read_head(client), self.AGREED) + frame(0xc1, b"\xf2\x00\x11\x00\x00"))
            listen(client)

        done = self.talk(serve, "500ms", reconnect=False)
        self.assertEqual([(row["reason"], row["text"]) for row in done.group["endings"]], [("bad frame", "compressed message that does not inflate")])


# name: (what the server sends after the request, the one ending that it leads to)
HEADS = {
    "bare LF": (lambda head: upgraded(head).replace(b"\r\n", b"\n"), ("upgrade", "bad HTTP", "response head that is not HTTP")),
    "status at another place": (lambda head: upgraded(head).replace(b"1.1 101", b"1.1  101") + frame(0xf1, b""), ("upgrade", "bad HTTP", "response head that is not HTTP")),
    "status of four digits": (lambda head: upgraded(head).replace(b" 101 ", b" 1010 "), ("upgrade", "bad HTTP", "response head that is not HTTP")),
    "compressed, not agreed": (lambda head: upgraded(head) + frame(0xc1, b"\x02\x00"), ("open", "bad frame", "reserved bits set")),
    "bad frame with the head": (lambda head: upgraded(head, Compression.AGREED) + frame(0x81, b"\xff"), ("open", "bad frame", "text that is not UTF-8")),
    "extension not offered": (lambda head: upgraded(head, b"Sec-WebSocket-Extensions: x"), ("upgrade", "bad HTTP", "extension that was not offered")),
}


class Heads(Case):
    def test_where_two_readers_may_differ(self):
        """Each byte is read by us and by libwebsockets: they must agree, or the connection ends."""
        answers = [answer for answer, _ in HEADS.values()]

        def serve(client):
            head = read_head(client)
            client.sendall(answers[int(head.split()[1][1:])](head))
            listen(client)

        with Listener(serve) as server:
            conf = {"run": {"name": "test", "duration": "400ms", "drain": "500ms", "workers": 1}, "targets": {"t": {"url": f"ws://127.0.0.1:{server.port}/"}}, "groups": {}}
            for number, name in enumerate(HEADS):
                conf["groups"][f"g{number}"] = {"kind": "websocket", "target": "t", "connections": 2, "path": f"/{number}", "deflate": name != "extension not offered", "reconnect": False}
            done = run(conf)
        books.check(self, done)
        for group, (name, (_, ending)) in zip(done.report["groups"], HEADS.items(), strict=True):
            with self.subTest(name):
                self.assertEqual([(row["stage"], row["reason"], row["text"], row["count"]) for row in group["endings"]], [(*ending, 2)])


MIB = 1 << 20


def flood(client, piece, size):
    for _ in range(size // len(piece)):
        client.sendall(piece)
    client.recv(1)


class Memory(Case):
    """What a server can make a client hold: message_max (1 MiB) of a message or a login's answer, of a stream of events twice that."""

    def bomb(self, client, head):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(bytes(16 * MIB)) + packer.flush(zlib.Z_SYNC_FLUSH)
        client.sendall(upgraded(head, Compression.AGREED) + frame(0x42, packed))
        flood(client, frame(0x00, packed), 3 * len(packed))

    def events(self, client, _):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + (b"data: " + b"x" * 1000 + b"\n") * 1100 + b"data: ")
        flood(client, b"x" * 65536, 4 * MIB)

    def answer(self, client, _):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        flood(client, b"x" * 65536, 4 * MIB)

    def test_it_is_bounded(self):
        def serve(client):
            head = read_head(client)
            {b"/bomb": self.bomb, b"/events": self.events, b"/login": self.answer}[head.split()[1]](client, head)

        clients, message = 8, [{"name": "m", "every": "10s", "text": "${token}", "reply": {"contains": "${token}"}}]
        login = {"post": "/login", "text": "x", "extract": {"token": {"json": "/token"}}}
        with Listener(serve) as server:
            conf = config(f"ws://127.0.0.1:{server.port}/", clients, "2s", run={"drain": "0s", "workers": 1}, messages=message, path="/bomb", deflate=True, reconnect=False)
            conf["targets"]["h"] = {"url": f"http://127.0.0.1:{server.port}/"}
            conf["groups"]["e"] = {"kind": "sse", "target": "h", "connections": clients, "path": "/events", "reconnect": False}
            conf["groups"]["a"] = {"kind": "http", "target": "h", "connections": clients, "login": login, "headers": {"X": "${login.token}"},
                                   "messages": [{"every": "10s", "get": "/"}], "reconnect": False}
            done = run(conf)
        books.check(self, done)
        received = {group["name"]: group["bytes"]["received"] for group in done.report["groups"]}
        self.assertGreaterEqual(received["g"], clients * 16 * MIB)
        most = max(row["rss_bytes"] for row in done.query("select rss_bytes from workers"))
        self.assertLess(most, (16 + clients * (1 + 2 + 1) * 1.1) * MIB)


if __name__ == "__main__":
    unittest.main()
