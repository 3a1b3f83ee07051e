"""A WebSocket client made of single steps, for what a real client would never send and to see bytes as they are."""
import base64
import hashlib
import os
import socket
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class End(Exception):
    """The server ended the stream: how is 'fin' or 'rst'."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


class RawClient:
    def __init__(self, server, path="/", upgrade=True, headers=(), wrap=None, timeout=20):
        self.buffer = b""
        self.sock = socket.create_connection((server.host, server.port), timeout=timeout)
        self.local_port = self.sock.getsockname()[1]
        try:
            if wrap:
                self.sock = wrap(self.sock)
            if upgrade:
                self.head = self.upgrade(path, headers)
        except Exception:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.sock.close()

    def upgrade(self, path="/", headers=()):
        key = base64.b64encode(os.urandom(16))
        lines = [f"GET {path} HTTP/1.1", "Host: test", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key.decode()}", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        head = self.read_head()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        self.accept_ok = f"Sec-WebSocket-Accept: {accept}\r\n" in head
        return head

    def send(self, data):
        self.sock.sendall(data)

    def fill(self):
        try:
            piece = self.sock.recv(65536)
        except ConnectionResetError:
            raise End("rst") from None
        if not piece:
            raise End("fin")
        self.buffer += piece

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head.decode() + "\r\n\r\n"

    def send_frame(self, opcode, payload=b"", fin=True, mask=True, rsv=0):
        if isinstance(payload, str):
            payload = payload.encode()
        self.send(frame(opcode, payload, fin, mask, rsv))

    def read_frame(self):
        """(fin, rsv, opcode, payload)"""
        while True:
            parsed = parse(self.buffer)
            if parsed:
                used, result = parsed
                self.buffer = self.buffer[used:]
                return result
            self.fill()

    def read_text(self):
        fin, rsv, opcode, payload = self.read_frame()
        assert (fin, rsv, opcode) == (True, 0, TEXT), (fin, rsv, opcode, payload)
        return payload.decode()

    def read_close(self):
        """(code, text) of the close frame, which must be next."""
        _, _, opcode, payload = self.read_frame()
        assert opcode == CLOSE, (opcode, payload)
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def read_end(self):
        """'fin' or 'rst'; anything before it is an error."""
        try:
            self.fill()
        except End as end:
            return end.how
        raise AssertionError(f"bytes where the end was expected: {self.buffer[:60]!r}")


def frame(opcode, payload, fin=True, mask=True, rsv=0):
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    masked = 0x80 if mask else 0
    n = len(payload)
    if n < 126:
        head += bytes([masked | n])
    elif n < 65536:
        head += bytes([masked | 126]) + struct.pack("!H", n)
    else:
        head += bytes([masked | 127]) + struct.pack("!Q", n)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i & 3] for i, b in enumerate(payload))


def parse(data):
    if len(data) < 2:
        return None
    n, at = data[1] & 0x7F, 2
    if n == 126:
        if len(data) < 4:
            return None
        n, at = struct.unpack("!H", data[2:4])[0], 4
    elif n == 127:
        if len(data) < 10:
            return None
        n, at = struct.unpack("!Q", data[2:10])[0], 10
    if data[1] & 0x80 or len(data) < at + n:
        return None
    return at + n, (bool(data[0] & 0x80), data[0] >> 4 & 7, data[0] & 15, data[at:at + n])
