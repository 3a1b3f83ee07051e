"""Servers not written here, with what of faultd's behaviour they can produce: the same scenarios, the same endings."""
import os
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

from lib import npm, process

FOLDER = Path(__file__).resolve().parent


class Other:
    """Looks like Faultd to a scenario, and keeps no log."""

    def __init__(self, scheme, rules):
        self.folder = Path(tempfile.mkdtemp(prefix="server-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.rules = rules
        self.cert, self.key = (self.folder / "ca.pem", self.folder / "key.pem") if scheme == "wss" else ("-", "-")
        self.child = self.port = None

    def __enter__(self):
        if self.cert != "-":
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout", self.key,
                            "-out", self.cert, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                           check=True, capture_output=True, timeout=20)
        self.child = process.start([*self.command(), self.cert, self.key, *self.rules], stdout=subprocess.PIPE, bufsize=0)
        self.port = int(process.read_line(self.child.stdout, 20, "LISTEN line").rsplit(":", 1)[1])
        return self

    @property
    def pid(self):
        return self.child.pid

    def stop(self):
        process.stop(self.child)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


class NpmWs(Other):
    def command(self):
        return ["node", FOLDER / "ws_server.mjs", npm.FOLDER]

    why_not = staticmethod(npm.why_not)


class PythonWebsockets(Other):
    def command(self):
        return ["/usr/bin/python3", FOLDER / "websockets_server.py"]

    @staticmethod
    def why_not():
        return None if os.path.exists("/usr/lib/python3/dist-packages/websockets") else "python3-websockets is needed"


class Scripted(Other):
    """Says what the rules say, byte for byte: see scripted_server.py."""

    def command(self):
        return ["/usr/bin/python3", FOLDER / "scripted_server.py"]

    @staticmethod
    def why_not():
        return None


KINDS = {"scripted": Scripted, "npm-ws": NpmWs, "python-websockets": PythonWebsockets}


def why_not(kind):
    return None if kind == "faultd" else KINDS[kind].why_not()
