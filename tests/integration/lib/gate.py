"""A server that lets nobody in without a login: HTTP requests, WebSocket upgrades and event streams, each by its token or cookie.

It checks that a token is sent by the client that it was given to (header X-Client), and keeps what it saw.
"""
import asyncio
import base64
import hashlib
import itertools
import json
import threading
import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

REASONS = {200: "OK", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


class Gate:
    """with Gate(lives=2.0) as gate: ... gate.url(); afterwards gate.logins, gate.let_in, gate.refused, gate.foreign."""

    def __init__(self, lives=1e9, delay=0.0, plan=(), shared=False, password="open sesame", users=None):
        self.lives, self.delay, self.shared, self.password, self.users = lives, delay, shared, password, users
        self.plan = list(plan)      # statuses of the first logins; 200 once they are used up
        self.always = None          # what every request is answered with, whatever its token
        self.tokens = {}            # token: (client, when it ends)
        self.logins = Counter()     # by client
        self.login_times = []
        self.let_in, self.refused = Counter(), Counter()
        self.connections, self.closes = 0, False  # closes: the server ends a connection with each answer to a login
        self.foreign = []           # tokens of one client sent by another, unknown ones, and logins with a wrong body
        self.heads = []             # of the logins
        self.number = itertools.count(1)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=4096), self.loop).result(10)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *failure):
        asyncio.run_coroutine_threadsafe(self.stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    async def stop(self):
        self.server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def url(self, scheme="http", path="/"):
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def secrets(self):
        """Everything that must stand in no output."""
        return list(self.tokens) + ["sid-" + token for token in self.tokens] + [self.password]

    # ---- one connection ----

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while await self.one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        writer.close()

    async def one(self, reader, writer):
        line = await reader.readline()
        if not line:
            return False
        method, target, _ = line.decode().split()
        headers = {}
        while field := (await reader.readline()).strip():
            name, value = field.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        path = urlsplit(target).path
        if path == "/login":
            await self.login(writer, headers, body)
            return not self.closes and headers.get("connection") != "close"
        client = headers.get("x-client", "?")
        status = self.always or self.judge(client, target, headers)
        (self.let_in if status == 200 else self.refused)[client] += 1
        if status == 200 and path == "/ws":
            return await self.hold(reader, writer, headers)
        if status == 200 and path == "/events":
            return await self.stream(reader, writer)
        await self.answer(writer, status, b"{}" if status == 200 else b"your token %s is no good" % self.token_of(target, headers).encode())
        return True

    async def answer(self, writer, status, body, extra=""):
        writer.write(f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body)
        await writer.drain()

    async def login(self, writer, headers, body):
        self.heads.append(headers)
        self.login_times.append(time.monotonic())
        try:
            asked = json.loads(body)
            client = str(asked["client"] if "client" in asked else asked["user"])
        except ValueError:
            asked, client = {}, "?"
        self.logins[client] += 1
        await asyncio.sleep(self.delay)
        status = self.plan.pop(0) if self.plan else 200
        if status == 200 and asked.get("password") != (self.users.get(client) if self.users else self.password):
            self.foreign.append(("body", body))
            status = 403
        if status != 200:
            await self.answer(writer, status, b'{"error":"not now"}', "Retry-After: 1\r\n" if status == 429 else "")
            return
        token = base64.b64encode(hashlib.sha256(f"{next(self.number)} {client}".encode()).digest()).decode()  # with / + and = in it
        self.tokens[token] = (client, time.monotonic() + self.lives)
        answer = json.dumps({"user": {"id": client}, "access_token": token, "expires": 3600}).replace("/", "\\/").encode()
        await self.answer(writer, 200, answer, ("Connection: close\r\n" if self.closes else "") + f"X-Token: {token}\r\nSet-Cookie: sid=sid-{token}; Path=/; HttpOnly\r\nSet-Cookie: lang=en\r\n")

    # ---- who may enter ----

    def token_of(self, target, headers):
        if "authorization" in headers:
            return headers["authorization"].removeprefix("Bearer ")
        if "cookie" in headers:
            pairs = dict(pair.split("=", 1) for pair in headers["cookie"].split("; "))
            return pairs.get("sid", "").removeprefix("sid-") if pairs.get("lang") == "en" else ""
        return parse_qs(urlsplit(target).query.replace("+", "%2B")).get("token", [""])[0]

    def judge(self, client, target, headers):
        token = self.token_of(target, headers)
        owner, ends = self.tokens.get(token, (None, 0))
        if owner is None or (owner != client and not self.shared):
            self.foreign.append((client, owner, token))
            return 403
        return 200 if time.monotonic() < ends else 401

    # ---- what is held ----

    async def hold(self, reader, writer, headers):
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        writer.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        while True:
            first, second = await reader.readexactly(2)
            length = second & 0x7f
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2), "big")
            mask = await reader.readexactly(4)
            payload = bytes(b ^ mask[i % 4] for i, b in enumerate(await reader.readexactly(length)))
            writer.write(bytes([first, length]) + payload if length < 126 else bytes([first, 126]) + length.to_bytes(2, "big") + payload)
            await writer.drain()
            if first & 0xf == 8:
                return False

    async def stream(self, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"data: x\n\n")
            await writer.drain()
            await asyncio.sleep(0.2)
        return False
