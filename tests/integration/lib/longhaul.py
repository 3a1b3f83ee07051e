"""Running longhaul: a config from a dict, a deadline, and what it leaves: exit code, words, run file, report."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import weakref
from pathlib import Path

from . import paths, process


def config(url, connections=20, duration="3s", run=None, target=None, messages=None, **group):
    """A config with one group `g`, as a dict; messages None: one echo of 200 ms period, [] for none."""
    if messages is None:
        messages = [{"name": "m", "every": "200ms", "text": '{"id":"${token}","n":${seq}}', "reply": {"contains": "${token}"}}]
    return {"run": {"name": "test", "duration": duration, "seed": 7, **(run or {})},
            "targets": {"t": {"url": url, **(target or {})}},
            "groups": {"g": {"kind": "websocket", "target": "t", "connections": connections, "messages": messages, **group}}}


class Run:
    """One longhaul run in a folder of its own. Use as a context manager, or through run()."""

    def __init__(self, conf, *arguments, env=None, command="run", cwd=None, program=None, prefix=()):
        """conf: a dict (written as JSON, which is YAML), a text, or a path or URL as it is."""
        self.folder = Path(tempfile.mkdtemp(prefix="longhaul-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        if isinstance(conf, dict):
            conf = json.dumps(conf, indent=1)
        if "\n" in str(conf):
            self.config_path = self.folder / "test.yaml"
            self.config_path.write_text(conf, encoding="utf-8")
            conf = self.config_path
        self.store = self.folder / "runs"
        store = [] if "--store" in arguments or command != "run" else ["--store", self.store]
        self._files = [open(self.folder / name, "w+", encoding="utf-8") for name in ("stdout", "stderr")]
        self.child = process.start([*prefix, program or paths.LONGHAUL, command, conf, *store, *arguments], stdout=self._files[0], stderr=self._files[1],
                                   env={**os.environ, "NO_COLOR": "1", **(env or {})}, cwd=cwd or self.folder)
        self.code = None
        self._report = None

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        for file in self._files:
            file.close()

    def wait(self, deadline):
        try:
            self.code = self.child.wait(deadline)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise TimeoutError(f"longhaul did not end in {deadline} s\n{self.stderr}") from None
        return self.code

    def signal(self, number=signal.SIGINT):
        self.child.send_signal(number)

    @property
    def workers(self):
        """Pids of the living worker processes."""
        return process.children_of(self.child.pid)

    @property
    def stdout(self):
        return (self.folder / "stdout").read_text(encoding="utf-8", errors="replace")

    @property
    def stderr(self):
        return (self.folder / "stderr").read_text(encoding="utf-8", errors="replace")

    @property
    def path(self):
        """The one run file of the store."""
        found = sorted(self.store.glob("*.longhaul"))
        assert len(found) == 1, (found, self.stderr)
        return found[0]

    def query(self, sql, *values):
        """Rows of the run file as dicts."""
        db = sqlite3.connect(self.path)
        db.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in db.execute(sql, values)]
        finally:
            db.close()

    @property
    def report(self):
        if self._report is None:
            self._report = report(self.path)
        return self._report

    @property
    def group(self):
        return self.report["groups"][0]


def run(conf, *arguments, deadline=60, **options):
    """Runs to the end and returns the Run."""
    with Run(conf, *arguments, **options) as child:
        child.wait(deadline)
        return child


def command(*arguments, deadline=30, cwd=None, env=None):
    """Any other command; a CompletedProcess with text."""
    return subprocess.run([str(paths.LONGHAUL), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          text=True, errors="replace", timeout=deadline, cwd=cwd, env={**os.environ, "NO_COLOR": "1", **(env or {})})


def report(path):
    """The report model of a run file."""
    done = command("report", path, "--format", "json")
    assert done.returncode == 0, (done.returncode, done.stderr)
    return json.loads(done.stdout)


def endings(part):
    """{(stage, side, reason, code): count} of a group or of the totals."""
    result = {}
    for row in part["endings"]:
        key = (row["stage"], row["side"], row["reason"], row["code"])
        result[key] = result.get(key, 0) + row["count"]
    return result
