"""Servers not written here, with what of faultd's behaviour they can produce: the same scenarios, the same endings."""
import functools
import os
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

from lib import paths, process

FOLDER = Path(__file__).resolve().parent
NPM = paths.ROOT / "build" / "npm"
WS = "ws@8"


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
        return ["node", FOLDER / "ws_server.mjs", NPM]

    @staticmethod
    @functools.cache
    def why_not():
        if not shutil.which("node"):
            return "node is needed"
        if (NPM / "node_modules" / "ws").exists():
            return None
        if not shutil.which("npm"):
            return "npm is needed"
        NPM.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix", str(NPM), WS]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        return f"npm could not install {WS}: {done.stdout.strip()[-300:]}" if done.returncode else None


class PythonWebsockets(Other):
    def command(self):
        return ["/usr/bin/python3", FOLDER / "websockets_server.py"]

    @staticmethod
    def why_not():
        return None if os.path.exists("/usr/lib/python3/dist-packages/websockets") else "python3-websockets is needed"


KINDS = {"npm-ws": NpmWs, "python-websockets": PythonWebsockets}


def why_not(kind):
    return None if kind == "faultd" else KINDS[kind].why_not()
