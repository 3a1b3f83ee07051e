"""Frames in every cut: a server that joins, splits and mixes what it sends, so that each way a read can end is met.

Whole messages are taken before libwebsockets sees them, everything else goes through it (src/decisions/0002-interpose.md): no
message may be lost, changed or overtaken between the two ways."""
import asyncio
import base64
import hashlib
import os
import random
import threading
import time
import unittest

from common import Case, books, config, longhaul

SEED = int(os.environ.get("LH_TEST_SEED", time.time_ns() & 0xffffffff))


def frame(opcode, payload, fin=True):
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
    return bytes([(0x80 if fin else 0) | opcode]) + length + payload


class Server:
    """Echoes each message among pushes, pings and messages in pieces, and lets the bytes leave in pieces of its own choice."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pushed = self.pings = self.connections = 0
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def serve():
            self.server = await asyncio.start_server(self.connection, "127.0.0.1", 0)
            self.port = self.server.sockets[0].getsockname()[1]
            ready.set()

        self.thread = threading.Thread(target=lambda: (self.loop.create_task(serve()), self.loop.run_forever()), daemon=True)
        self.thread.start()
        assert ready.wait(10)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def extra(self):
        """Something that nobody asked for."""
        kind = self.random.randrange(8)
        if kind == 0:
            self.pings += 1
            return frame(9, b"are you there?")
        if kind > 4:
            return b""
        self.pushed += 1
        size = self.random.choice((0, 1, 50, 125, 126, 1000, 4096, 9000, 70000))
        if kind == 1:  # in pieces, with a ping inside
            self.pings += 1
            half = "é€".encode() * (size // 10)
            return frame(1, half, fin=False) + frame(9, b"") + frame(0, b"", fin=False) + frame(0, half)
        return frame(self.random.choice((1, 2)), b"\n" * size)

    async def connection(self, reader, writer):
        self.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            key = next(line.split(b":", 1)[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
            out = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            for _ in range(self.random.randrange(4)):  # often behind the head in one read
                out += self.extra()
            await self.leave(writer, out)
            while True:
                opcode, payload = await self.receive(reader)
                if opcode == 8:
                    writer.write(frame(8, payload))
                    return
                if opcode in (1, 2):
                    await self.leave(writer, b"".join(self.extra() for _ in range(3)) + frame(opcode, payload) + self.extra())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def receive(reader):
        first, second = await reader.readexactly(2)
        size = second & 0x7f
        if size > 125:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        mask = await reader.readexactly(4)
        payload = await reader.readexactly(size)
        return first & 0x0f, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))

    async def leave(self, writer, data):
        """Cut in up to four places, some cuts with a pause so that they are reads of their own."""
        cuts = sorted(self.random.randrange(len(data) + 1) for _ in range(self.random.randrange(5)))
        for begin, end in zip([0, *cuts], [*cuts, len(data)]):
            writer.write(data[begin:end])
            if self.random.random() < 0.5:
                await writer.drain()
                await asyncio.sleep(self.random.choice((0, 0, 0.002, 0.01)))


class Framing(Case):
    def test_every_cut(self):
        server = Server(SEED)
        try:
            messages = [{"name": "m", "every": "100ms", "text": '{"id":"${token}","n":${seq}}', "reply": {"match": "echo", "lost_after": "4s", "within": "4s"}}]
            done = longhaul.run(config(f"ws://127.0.0.1:{server.port}/", 20, "4s", messages=messages))
        finally:
            server.stop()
        what = f"seed {SEED}: {done.stderr}"
        self.ended_with(done, 0)
        books.check(self, done)
        group = done.group
        self.assertEqual((group["opened"], group["drops"], server.connections), (20, 0, 20), what)
        sent = group["messages"]
        self.assertGreater(sent["replied"], 20 * 20, what)
        self.assertEqual((sent["lost"], sent["corrupt"], sent["duplicate"], sent["out_of_order"]), (0, 0, 0, 0), what)
        # What the server sent last may have come after the close frame.
        self.assertLessEqual(server.pushed - sent["incoming"], 20 * 6, what)
        self.assertLessEqual(sent["incoming"], server.pushed, what)
        pings = done.query("select sum(peer_pings) n from intervals")[0]["n"]
        self.assertLessEqual(server.pings - pings, 20 * 6, what)
        self.assertLessEqual(pings, server.pings, what)


if __name__ == "__main__":
    unittest.main()
