"""A TLS handshake that does not go out in one write: the client's certificates are more than the socket takes at once."""
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from common import Case, Faultd, longhaul
from lib.relay import Listener

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)


def certificates(folder):
    """A client's certificate of an authority, and 20 KiB of others behind it."""
    openssl(folder, "req", "-x509", *KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=client-ca")
    openssl(folder, "req", *KEY, "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=client")
    openssl(folder, "x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", "client.pem")
    (folder / "chain.pem").write_text((folder / "client.pem").read_text() + 40 * (folder / "ca.pem").read_text())


def slowly(port):
    """A relay that takes what a client says in small bites."""
    def serve(client):
        with socket.create_connection(("127.0.0.1", port)) as server:
            def back():
                while piece := server.recv(65536):
                    client.sendall(piece)
            threading.Thread(target=back, daemon=True).start()
            while piece := client.recv(2048):
                server.sendall(piece)
                time.sleep(0.01)
    relay = Listener(serve)
    relay.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    return relay


class SlowHandshake(Case):
    def test_certificates_longer_than_the_socket_takes(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            certificates(folder)
            tls = {"verify": False, "cert": str(folder / "chain.pem"), "key": str(folder / "client.key")}
            group = {"connections": 1, "send_buffer": "4KiB", "tls_timeout": "30s"}
            kinds = {"websocket": ("wss", {}), "http": ("https", {"messages": [{"name": "m", "every": "1s", "get": "/"}]}), "tcp": ("tls", {})}
            with Faultd("--tls", "--tls-client-ca", str(folder / "ca.pem")) as server, slowly(server.port) as relay:
                done = longhaul.run({
                    "run": {"name": "slow", "duration": "3s", "workers": 1},
                    "targets": {kind: {"url": f"{scheme}://127.0.0.1:{relay.port}{'' if kind == 'tcp' else '/'}", "tls": tls} for kind, (scheme, _) in kinds.items()},
                    "groups": {kind: {"kind": kind, "target": kind, **group, **more} for kind, (_, more) in kinds.items()}})
        self.assertIn(done.code, (0, 4), done.stderr)
        for found in done.report["groups"]:
            self.assertEqual((found["opened"], found["connect_failures"], found["drops"]), (1, 0, 0), found["name"])
            self.assertGreater(found["latency"]["tls"]["max_us"], 50000, found["name"])


if __name__ == "__main__":
    unittest.main()
