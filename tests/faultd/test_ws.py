"""Echo and bad frames against python3-websockets, a client not written here; single steps with raw sockets."""
import asyncio
import json
import struct
import time
import unittest

import websockets

from common import Faultd
from rawws import BINARY, CLOSE, PING, PONG, TEXT, End, RawClient, frame


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


class Echo(unittest.TestCase):
    def test_payloads_come_back_as_sent(self):
        payloads = ["", "hi", "käse ☃", b"", b"\x00\xff" * 7]
        for n in (1, 7, 8, 9, 124, 125, 126, 127, 65535, 65536, 262144, 300001):
            payloads += ["x" * n, bytes(i * 7 & 255 for i in range(n))]

        async def client(url):
            async with websockets.connect(url, max_size=None) as ws:
                for payload in payloads:
                    await ws.send(payload)
                    self.assertEqual(await ws.recv(), payload)
                await ws.send(["in ", "three ", "parts"])
                self.assertEqual(await ws.recv(), "in three parts")
                await (await ws.ping(b"are you there"))
                await ws.send(b"z" * 20_000_000)
                self.assertEqual(len(await ws.recv()), 20_000_000)

        with Faultd() as server:
            run(client(server.url()))
        line, = server.log()
        self.assertEqual((line["messages_in"], line["messages_out"]), (len(payloads) + 2, len(payloads) + 2))
        self.assertEqual((line["pings_in"], line["pongs_out"]), (1, 1))
        self.assertEqual((line["by"], line["how"], line["close_received"], line["close_sent"]), ("peer", "close", 1000, 1000))
        self.assertEqual(server.summary["messages_in"], len(payloads) + 2)
        self.assertEqual(server.exit_code, 0)

    def test_a_batch_in_odd_pieces(self):
        """200 messages cut at every odd place give 200 replies in order."""
        data = b"".join(frame(TEXT, f"message {i} {'y' * i}".encode()) for i in range(200))
        with Faultd() as server, RawClient(server) as ws:
            for at in range(0, len(data), 777):
                ws.send(data[at:at + 777])
            for i in range(200):
                self.assertEqual(ws.read_text(), f"message {i} {'y' * i}")

    def test_frames_behind_the_upgrade_in_one_segment(self):
        with Faultd() as server, RawClient(server, upgrade=False) as ws:
            ws.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + frame(TEXT, b"early"))
            self.assertIn("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", ws.read_head())
            self.assertEqual(ws.read_text(), "early")

    def test_a_ping_between_fragments(self):
        with Faultd() as server, RawClient(server) as ws:
            ws.send_frame(TEXT, "one ", fin=False)
            ws.send_frame(PING, "p")
            ws.send_frame(0, "two")
            self.assertEqual(ws.read_frame(), (True, 0, PONG, b"p"))
            self.assertEqual(ws.read_text(), "one two")

    def test_subprotocols(self):
        with Faultd("path /none no-protocol") as server:
            with RawClient(server, headers=["Sec-WebSocket-Protocol: chat.v2 , chat.v1"]) as ws:
                self.assertIn("Sec-WebSocket-Protocol: chat.v2\r\n", ws.head)
            with RawClient(server, "/none", headers=["Sec-WebSocket-Protocol: chat"]) as ws:
                self.assertNotIn("Sec-WebSocket-Protocol", ws.head)

    def test_ipv6(self):
        with Faultd(listen=("127.0.0.1:0", "[::1]:0")) as server:
            server.addresses.reverse()
            with RawClient(server) as ws:
                ws.send_frame(TEXT, "six")
                self.assertEqual(ws.read_text(), "six")
        self.assertEqual(server.log()[0]["peer"], "::1")

    def test_a_message_over_the_limit(self):
        with Faultd("--message-max", "1KiB") as server:
            with RawClient(server) as ws:
                ws.send_frame(BINARY, b"x" * 1025)
                self.assertEqual(ws.read_close()[0], 1009)
            with RawClient(server) as ws:
                ws.send_frame(BINARY, b"x" * 600, fin=False)
                ws.send_frame(0, b"x" * 600)
                self.assertEqual(ws.read_close()[0], 1009)

    def test_a_client_that_does_not_read_is_held_back(self):
        """Bytes that cannot leave stop the reading, and nothing is lost."""
        with Faultd() as server, RawClient(server) as ws:
            payload = b"m" * 60000
            ws.sock.setblocking(False)
            data, sent = memoryview(frame(BINARY, payload) * 400), 0
            end = time.monotonic() + 1
            while sent < len(data) and time.monotonic() < end:
                try:
                    sent += ws.sock.send(data[sent:sent + 65536])
                except BlockingIOError:
                    time.sleep(0.01)
            self.assertLess(sent, len(data))
            ws.sock.setblocking(True)
            whole = sent // len(frame(BINARY, payload))
            for _ in range(whole):
                self.assertEqual(ws.read_frame()[3], payload)


class ClientErrors(unittest.TestCase):
    CASES = [
        ("unmasked frame", lambda ws: ws.send_frame(TEXT, b"x", mask=False)),
        ("reserved bit set", lambda ws: ws.send_frame(TEXT, b"x", rsv=4)),
        ("reserved opcode", lambda ws: ws.send_frame(3, b"x")),
        ("reserved opcode", lambda ws: ws.send_frame(11, b"x")),
        ("fragmented control frame", lambda ws: ws.send_frame(PING, b"x", fin=False)),
        ("control frame too long", lambda ws: ws.send_frame(PING, b"x" * 126)),
        ("continuation of nothing", lambda ws: ws.send_frame(0, b"x")),
        ("message inside a message", lambda ws: (ws.send_frame(TEXT, b"x", fin=False), ws.send_frame(TEXT, b"y"))),
        ("close code that may not be sent", lambda ws: ws.send_frame(CLOSE, struct.pack("!H", 1005))),
        ("close code that may not be sent", lambda ws: ws.send_frame(CLOSE, b"\x03")),
        ("length with its highest bit set", lambda ws: ws.send(b"\x82\xff\x80" + bytes(7) + b"mask")),
    ]

    def test_each_is_named_and_closed(self):
        with Faultd() as server:
            for _, act in self.CASES:
                with RawClient(server) as ws:
                    act(ws)
                    self.assertEqual(ws.read_close()[0], 1002)
                    self.assertEqual(ws.read_end(), "fin")
        log = server.log()
        self.assertEqual([line["error"] for line in log], [name for name, _ in self.CASES])
        self.assertEqual({(line["by"], line["how"]) for line in log}, {("peer", "protocol")})


class BadFrames(unittest.TestCase):
    """python3-websockets must call each of them a protocol error: then it is one."""
    EXPECTED = {"opcode": 1002, "control-opcode": 1002, "rsv": 1002, "masked": 1002, "long-ping": 1002,
                "fragmented-ping": 1002, "continuation": 1002, "interleaved": 1002, "utf8": 1007, "close-short": 1002,
                "close-code": 1002, "oversized": 1009, "length": (1002, 1009)}

    def test_each_is_an_error_to_a_real_client(self):
        async def code_of(url):
            async with websockets.connect(url, max_size=1 << 20) as ws:
                await ws.send("now")
                try:
                    while True:
                        await ws.recv()
                except websockets.ConnectionClosed as closed:
                    return closed.sent.code if closed.sent else ws.close_code

        for kind, expected in self.EXPECTED.items():
            with self.subTest(kind), Faultd(f"message 1 bad-frame {kind}") as server:
                code = run(code_of(server.url()))
                self.assertIn(code, expected if isinstance(expected, tuple) else (expected,))
                server.stop()
                line, = server.log()
                self.assertEqual((line["by"], line["how"], line["bad_frames"]), ("us", "bad-frame", 1))

    def test_truncated(self):
        with Faultd("message 1 bad-frame truncated") as server, RawClient(server) as ws:
            ws.send_frame(TEXT, "now")
            with self.assertRaises(End) as raised:
                ws.read_frame()
            self.assertEqual((raised.exception.how, ws.buffer), ("fin", b"\x81\x64half"))


class Shapes(unittest.TestCase):
    def test_fragments(self):
        with Faultd("fragment 4") as server, RawClient(server) as ws:
            ws.send_frame(TEXT, "0123456789")
            self.assertEqual([ws.read_frame() for _ in range(3)],
                             [(False, 0, TEXT, b"0123"), (False, 0, 0, b"4567"), (True, 0, 0, b"89")])

    def test_split_takes_its_time(self):
        with Faultd("path /slow split 10 20ms") as server, RawClient(server, "/slow") as ws:
            begin = time.monotonic()
            ws.send_frame(TEXT, "x" * 98)
            self.assertEqual(ws.read_text(), "x" * 98)
            self.assertGreater(time.monotonic() - begin, 0.17)

    def test_pushes_count_up_at_their_rate(self):
        with Faultd("push 50/s 200") as server, RawClient(server) as ws:
            texts = [ws.read_text() for _ in range(51)]
        pushed = [json.loads(text) for text in texts]
        self.assertEqual({len(text) for text in texts}, {200})
        self.assertEqual([push["seq"] for push in pushed], list(range(1, 52)))
        self.assertAlmostEqual((pushed[-1]["time_us"] - pushed[0]["time_us"]) / 1e6, 1, delta=0.05 + server.lag_s)

    def test_spoilt_pushes(self):
        with Faultd("path /l push-lose 20%", "path /r push-repeat 20%", "path /s push-swap 20%", "path /a push-ahead 10s", "push 300/s") as server:
            came = {}
            for path in ("/l", "/r", "/s", "/a"):
                with RawClient(server, path) as ws:
                    came[path] = [json.loads(ws.read_text()) for _ in range(60)]
        seqs = {path: [push["seq"] for push in pushes] for path, pushes in came.items()}
        logged = {line["path"]: line for line in server.log()}
        self.assertEqual({pushes[0]["seq"] for pushes in came.values()}, {1})
        self.assertEqual(seqs["/l"], sorted(set(seqs["/l"])))
        self.assertGreater(seqs["/l"][-1], 60)
        self.assertLessEqual(seqs["/l"][-1] - 60, logged["/l"]["push_lost"])
        self.assertEqual(seqs["/r"], sorted(seqs["/r"]))
        self.assertGreater(60 - len(set(seqs["/r"])), 0)
        self.assertLessEqual(60 - len(set(seqs["/r"])), logged["/r"]["push_repeated"])
        self.assertNotEqual(seqs["/s"], sorted(seqs["/s"]))
        self.assertTrue(all(abs(seq - place) <= 1 for place, seq in enumerate(seqs["/s"], 1)), seqs["/s"])
        self.assertGreater(logged["/s"]["push_swapped"], 0)
        self.assertGreater(came["/a"][0]["time_us"] - came["/l"][0]["time_us"], 9_000_000)

    def test_pings_and_pongs(self):
        with Faultd("path /a ping-every 100ms", "path /b no-pong", "path /c wrong-pong", "path /d pong-delay 200ms",
                    'path /e after 50ms pong "unasked"') as server:
            with RawClient(server, "/a") as ws:
                self.assertEqual(ws.read_frame()[2:], (PING, b"faultd"))
                ws.send_frame(PONG, b"faultd")
                self.assertEqual(ws.read_frame()[2], PING)
            with RawClient(server, "/b") as ws:
                ws.send_frame(PING, b"p")
                ws.send_frame(TEXT, b"t")
                self.assertEqual(ws.read_text(), "t")
            with RawClient(server, "/c") as ws:
                ws.send_frame(PING, b"p")
                self.assertNotEqual(ws.read_frame()[2:], (PONG, b"p"))
            with RawClient(server, "/d") as ws:
                begin = time.monotonic()
                ws.send_frame(PING, b"p")
                self.assertEqual(ws.read_frame()[2:], (PONG, b"p"))
                self.assertGreater(time.monotonic() - begin, 0.19)
            with RawClient(server, "/e") as ws:
                self.assertEqual(ws.read_frame()[2:], (PONG, b"unasked"))
        by_path = {line["path"]: line for line in server.log()}
        self.assertGreaterEqual(by_path["/a"]["pings_out"], 2)
        self.assertEqual(by_path["/a"]["pongs_in"], 1)
        self.assertEqual((by_path["/b"]["pings_in"], by_path["/b"]["pongs_out"]), (1, 0))


if __name__ == "__main__":
    unittest.main()
