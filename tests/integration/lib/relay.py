"""Small servers on threads, for what faultd has no words for."""
import os
import socket
import tempfile
import threading


class Listener:
    """Serves each connection with `serve(socket)` in a thread of its own; on a TCP port of its own, or on a unix socket."""

    def __init__(self, serve, path=None):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(path)
            self.socket.listen(200)
        else:
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.port = self.socket.getsockname()[1]
        self.path, self.serve, self.accepted = path, serve, 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            client.settimeout(30)
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def one(self, client):
        try:
            self.serve(client)
        except OSError:
            pass
        client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)  # which ends the thread that waits in accept
        self.socket.close()
        if self.path:
            os.unlink(self.path)


def read_head(client):
    """One head, byte for byte, or what came of it before the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = client.recv(1)
        if not piece:
            return head
        head += piece
    return head


def pump(one, other):
    """Both ways until either side ends."""
    def copy(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join(30)


def relay_to(port, path=None):
    """A listener that hands every connection on to a TCP port."""
    def serve(client):
        with socket.create_connection(("127.0.0.1", port)) as server:
            pump(client, server)
    return Listener(serve, path)


def socket_path():
    """A fresh path for a unix socket, short enough for the kernel."""
    return os.path.join(tempfile.mkdtemp(prefix="longhaul-"), "s")
