"""faultd as a context manager: started on a free port, ready when the block begins, its log read when it ended."""
import json
import shutil
import signal
import subprocess
import tempfile
import weakref
from pathlib import Path

from . import paths, process


class Faultd:
    """with Faultd("at 2s drop all", "--processes", "2") as server: ... server.port ...; then server.log(), server.summary."""

    def __init__(self, *arguments, listen=("127.0.0.1:0",), prefix=()):
        self.folder = Path(tempfile.mkdtemp(prefix="faultd-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.log_path = self.folder / "log.jsonl"
        options = [word for address in listen for word in ("--listen", address)]
        self._command = [*prefix, paths.FAULTD, "--with-parent", "--log", self.log_path, *options, *arguments]
        self._listen_count = len(listen)
        self.addresses = []
        self.summary = None
        self.exit_code = None
        self.child = None

    def __enter__(self):
        self.child = process.start(self._command, stdout=subprocess.PIPE, bufsize=0)
        for _ in range(self._listen_count):
            word, address = process.read_line(self.child.stdout, 10, "LISTEN line").split()
            assert word == "LISTEN", word
            host, port = address.rsplit(":", 1)
            self.addresses.append((host.strip("[]"), int(port)))
        return self

    @property
    def lag_s(self):
        """How late its loop was at its worst, by its own measure; after stop()."""
        return self.summary["lag_us_max"] / 1e6 if self.summary else 0

    @property
    def pid(self):
        return self.child.pid

    @property
    def host(self):
        return self.addresses[0][0]

    @property
    def port(self):
        return self.addresses[0][1]

    def url(self, path="/", scheme="ws", host=None):
        host = host or self.host
        return f"{scheme}://[{host}]:{self.port}{path}" if ":" in host else f"{scheme}://{host}:{self.port}{path}"

    def stop(self):
        """Ends it in good order and reads its summary."""
        if self.child is None or self.exit_code is not None:
            return
        self.exit_code = process.stop(self.child)
        text = self.child.stdout.read().decode()
        self.child.stdout.close()
        for line in text.splitlines():
            if line.startswith("SUMMARY "):
                self.summary = {k: int(v) for k, v in (pair.split("=") for pair in line.split()[1:])}

    def kill(self):
        """SIGKILL, as a crash: no summary and no log lines for what was alive."""
        self.child.kill()
        self.exit_code = self.child.wait()
        self.child.stdout.close()

    def log(self):
        """All lines so far; complete after stop()."""
        if not self.log_path.exists():
            return []
        return [json.loads(line) for line in self.log_path.read_text(encoding="utf-8").splitlines()]

    def __exit__(self, *failure):
        self.stop()
        if failure == (None, None, None) and self.exit_code not in (0, -signal.SIGKILL):
            raise AssertionError(f"faultd ended with code {self.exit_code}")

    def __del__(self):
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
