"""A network namespace of its own with the loopback up, and a name server in it: names, routes and filters without touching the host."""
import functools
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import process


class Namespace:
    """with Namespace(resolv=True) as ns: a resolver that asks 127.0.0.53 port 53 of the namespace; ns.prefix starts programs in it."""
    numbers = itertools.count(1)

    def __init__(self, resolv=False, hosts=None):
        self.name = f"longhaul-net-{os.getpid()}-{next(self.numbers)}"
        self.prefix = ("ip", "netns", "exec", self.name)
        self.files = {"hosts": "127.0.0.1 localhost\n" + (hosts or "")}
        if resolv or hosts:
            self.files["resolv.conf"] = "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n"
        self.folder = Path("/etc/netns") / self.name  # what ip netns exec mounts over /etc

    @staticmethod
    @functools.cache
    def why_not(*programs):
        """A sentence when a namespace cannot be made, used and deleted here, which is tried, or when a program is missing; else None."""
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        missing = [name for name in ("ip", *programs) if not shutil.which(name, path=path)]
        if missing:
            return f"{', '.join(missing)} needed"
        name = f"longhaul-try-{os.getpid()}"
        commands = (["ip", "netns", "add", name], ["ip", "netns", "exec", name, "ip", "link", "set", "lo", "up"], ["ip", "netns", "del", name])
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
            if done.returncode:
                subprocess.run(commands[-1], capture_output=True, check=False, timeout=20)
                return f"no network namespaces here: {' '.join(command)}: {done.stderr.strip() or done.returncode}"
        return None

    def run(self, *command):
        subprocess.run([*self.prefix, *command], check=True, timeout=20)

    def __enter__(self):
        self.folder.mkdir(parents=True)
        for name, text in self.files.items():
            (self.folder / name).write_text(text, encoding="ascii")
        subprocess.run(["ip", "netns", "add", self.name], check=True, timeout=10)
        subprocess.run([*self.prefix, "ip", "link", "set", "lo", "up"], check=True, timeout=10)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["ip", "netns", "del", self.name], check=True, timeout=10)


class NameServer:
    """Answers A queries by a table: name -> list of addresses, "servfail", "silent" or, where there is none, NXDOMAIN. The table is a
    file that may be changed while it runs; each query is a line of `asked`."""

    def __init__(self, folder, prefix, **names):
        self.table, self.asked_path = Path(folder) / "names", Path(folder) / "asked"
        self.prefix = prefix
        self.answer(**names)

    def answer(self, **names):
        lines = (f"{name.replace('_', '.')} {' '.join(answer) if isinstance(answer, list) else answer}\n" for name, answer in names.items())
        other = self.table.with_suffix(".new")
        other.write_text("".join(lines), encoding="ascii")
        other.rename(self.table)

    @property
    def asked(self):
        return self.asked_path.read_text(encoding="ascii").split() if self.asked_path.exists() else []

    def __enter__(self):
        self.child = process.start([*self.prefix, sys.executable, Path(__file__).with_name("nameserver.py"), self.table, self.asked_path],
                                   stdout=subprocess.PIPE, bufsize=0)
        process.read_line(self.child.stdout, 10, "LISTEN line")
        return self

    def __exit__(self, *_):
        process.stop(self.child)
        self.child.stdout.close()
