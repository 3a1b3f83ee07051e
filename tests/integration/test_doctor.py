"""longhaul doctor: for each limit that this kernel lets a test set low, doctor names it first and predicts the count, and the
command it prints moves the binding limit to the next rung. That opening connections ends at that count is test_probe.py's."""
import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from common import Case, Faultd, config, longhaul, paths, run

PASSED, USAGE, HOST = 0, 2, 3
RANGE = "net.ipv4.ip_local_port_range"
MARK = "--done--"


def can(*command):
    return os.geteuid() == 0 and subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


class Shell:
    """A shell that is told command by command, so that what one sets holds for the next: limits, a namespace, a group."""

    def __init__(self, *prefix, program=paths.LONGHAUL):
        self.folder = Path(tempfile.mkdtemp(prefix="longhaul-doctor-"))
        self.folder.chmod(0o755)
        self.program = program
        self.child = subprocess.Popen(["timeout", "60", *prefix, "bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, cwd=self.folder, env={**os.environ, "NO_COLOR": "1"})

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.child.stdin.close()
        self.child.wait(30)
        self.child.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __call__(self, command, check=True):
        """What it printed; `code` has its exit code."""
        self.child.stdin.write(f"{command}\necho {MARK} $?\n")
        self.child.stdin.flush()
        lines = []
        for line in self.child.stdout:
            if MARK in line:
                before, code = line.rsplit(MARK, 1)
                self.code = int(code)
                assert not check or self.code == 0, (command, lines)
                return "".join([*lines, before])
            lines.append(line)
        raise AssertionError(f"the shell ended at {command}: {lines}")

    def write(self, conf):
        path = self.folder / "plan.json"
        path.write_text(json.dumps(conf))
        path.chmod(0o644)
        return path

    def doctor(self, conf, *arguments):
        """The JSON of doctor for that config."""
        text = self(f"{self.program} doctor {self.write(conf)} --json {' '.join(arguments)}", check=False)
        assert self.code in (PASSED, HOST), text
        return json.loads(text)


@contextlib.contextmanager
def five_hundred_ports(hold):
    """A shell in a network of its own whose range is 40000 to 40499, beside a Python process that holds what `hold` opens."""
    with Shell("unshare", "--net") as shell:
        shell("ip link set lo up; echo 40000 40499 > /proc/sys/net/ipv4/ip_local_port_range")
        shell(f"cat > hold.py <<'END'\nimport socket\n{hold}print('ready', flush=True)\ninput()\nEND")
        shell("coproc python3 hold.py; read -r line <&${COPROC[0]}")
        yield shell
        shell("echo >&${COPROC[1]}; wait")


def plan(connections=2000, url="ws://127.0.0.1:9/", workers="auto", **group):
    return config(url, connections=connections, duration="1m", messages=[], run={"workers": workers}, **group)


def rung(found, name):
    return next((item for item in found["rungs"] if item["limit"] == name), None)


def typed(rung):
    """The first command that acts now, or None: this user may not raise it."""
    return next((remedy["text"] for remedy in rung["remedies"] if remedy["when"] == "now" and remedy["kind"] != "config"), None)


def may_raise_limits():
    """CAP_SYS_RESOURCE, which root of a container may well lack."""
    status = Path("/proc/self/status").read_text()
    return bool(int(re.search(r"CapEff:\s+(\w+)", status)[1], 16) >> 24 & 1)


def brief(found):
    return [(item["limit"], item["clients"]) for item in found["rungs"]]


class Bound(Case):
    def bound_by(self, shell, conf, name, clients, off=0.0, next_name=RANGE):
        """Names it first with that count; its command, or its setting, moves what binds to the next rung, as it said."""
        before = shell.doctor(conf)
        first = before["rungs"][0]
        self.assertEqual((before["binds_first"], first["limit"]), (name, name), brief(before))
        self.assertAlmostEqual(before["clients"], clients, delta=off * clients)
        if typed(first):
            shell(typed(first))
            after = shell.doctor(conf)
        else:
            after = shell.doctor(conf, next(remedy["text"] for remedy in first["remedies"] if remedy["kind"] == "config"))
        self.assertNotEqual((after["binds_first"], after["clients"]), (name, before["clients"]), brief(after))
        if next_name:
            self.assertEqual((after["binds_first"], first["next"]["limit"]), (next_name, next_name), brief(after))
        if first["next"]["clients"]:
            self.assertAlmostEqual(after["clients"], first["next"]["clients"], delta=first["next"]["clients"] * 0.02 + 5)
        return before, after


class Limits(Bound):
    """Of processes and of network namespaces."""

    def test_descriptors(self):
        with Shell() as shell:
            shell("ulimit -n 1024")
            before, after = self.bound_by(shell, plan(workers=1), "RLIMIT_NOFILE", 1009)
            self.assertEqual(typed(before["rungs"][0]) is not None, may_raise_limits() or os.geteuid() != 0)
            self.assertFalse(before["fits"])
            self.assertTrue(after["fits"])

    def test_descriptors_of_workers(self):
        """A limit of each process: workers split the plan by themselves, or as many as they are told."""
        with Shell() as shell:
            shell("ulimit -n 1024")
            self.assertEqual(rung(shell.doctor(plan(workers=3)), "RLIMIT_NOFILE")["clients"], 3027)
            by_itself = shell.doctor(plan())
            self.assertEqual(by_itself["binds_first"], RANGE)
            self.assertEqual(rung(by_itself, "RLIMIT_NOFILE")["clients"], (1024 - 24) // 2 * 1009)  # workers: two pipes of the supervisor each

    def test_address_space(self):
        with Shell() as shell:
            shell("ulimit -S -v 61440")
            before, _ = self.bound_by(shell, plan(1000, url="wss://127.0.0.1:9/", workers=1), "RLIMIT_AS", 2896, off=0.05, next_name=None)
            self.assertTrue(before["fits"])
            shell("ulimit -S -v 20480")  # less than the threads that look up names ask for
            self.assertEqual(rung(shell.doctor(plan(workers=1, url="ws://name.test:9/")), "RLIMIT_AS")["clients"], 0)
            self.assertGreater(rung(shell.doctor(plan(workers=1)), "RLIMIT_AS")["clients"], 2000)

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_port_range(self):
        with Shell("unshare", "--net") as shell:
            shell("echo 40000 40499 > /proc/sys/net/ipv4/ip_local_port_range")
            before, after = self.bound_by(shell, plan(), RANGE, 500)
            self.assertEqual(after["clients"], 64512)
            self.assertEqual(before["rungs"][0]["raised"], "1024 to 65535")
            several = shell.doctor(plan(source_addresses=[f"127.0.0.{n}" for n in range(2, 6)]))
            self.assertEqual(rung(several, RANGE)["clients"], 4 * 64512)

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_reserved_ports(self):
        with Shell("unshare", "--net") as shell:
            shell("echo 32768-60000 > /proc/sys/net/ipv4/ip_local_reserved_ports")
            self.bound_by(shell, plan(), "net.ipv4.ip_local_reserved_ports", 999)

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_ports_in_use(self):
        """Ports that others hold: listeners, and connections to the same destination from the same address."""
        hold = ("s = [socket.create_server(('127.0.0.1', 40000 + n)) for n in range(50)]\n"
                "t = socket.create_server(('127.0.0.1', 9), backlog=200)\n"
                "c = [socket.create_connection(('127.0.0.1', 9), source_address=('127.0.0.1', 40100 + n)) for n in range(30)]\n")
        with five_hundred_ports(hold) as shell:
            found = shell.doctor(plan())
            self.assertEqual((found["binds_first"], found["clients"]), ("ports in use", 420))
            self.assertEqual(rung(found, RANGE)["clients"], 500)
            elsewhere = shell.doctor(plan(url="ws://127.0.0.1:10/"))
            self.assertEqual((elsewhere["binds_first"], elsewhere["clients"]), ("ports in use", 450))

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_accept_queue(self):
        with Shell("unshare", "--net") as shell:
            shell("echo 7 > /proc/sys/net/core/somaxconn")
            before, _ = self.bound_by(shell, plan(), "net.core.somaxconn", 8)
            self.assertTrue(before["fits"])  # it bounds what connects at one moment, not what is held
            self.assertTrue(before["rungs"][0]["burst"])
            away = shell.doctor(plan(url="ws://192.0.2.1:9/"))
            self.assertIsNone(rung(away, "net.core.somaxconn"))

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_handshakes(self):
        with Shell("unshare", "--net") as shell:
            shell("echo 0 > /proc/sys/net/ipv4/tcp_syncookies; echo 128 > /proc/sys/net/ipv4/tcp_max_syn_backlog")
            self.bound_by(shell, plan(), "net.ipv4.tcp_max_syn_backlog", 97)

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_conntrack(self):
        with Shell("unshare", "--net") as shell:
            file = "/proc/sys/net/netfilter/nf_conntrack_max"
            if not Path(file).exists() or shell(f"test -w {file} && (echo 900 > {file}) 2>&1; cat {file}").split()[-1] != "900":
                self.skipTest("this kernel has one nf_conntrack_max for all namespaces: left alone")
            self.bound_by(shell, plan(), "net.netfilter.nf_conntrack_max", 900)

    @unittest.skipUnless(can("setpriv", "--reuid", "65534", "--clear-groups", "true"), "needs root, to be another user")
    def test_tasks_of_a_user(self):
        program = Path(tempfile.mkdtemp(prefix="longhaul-nproc-")) / "longhaul"
        program.parent.chmod(0o755)
        shutil.copy(paths.LONGHAUL, program)
        program.chmod(program.stat().st_mode | stat.S_IROTH | stat.S_IXOTH)
        with Shell("setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", program=program) as shell:
            shell("ulimit -u 100; ulimit -S -u 4")  # this shell and doctor are two of them
            self.bound_by(shell, plan(workers=4), "RLIMIT_NPROC", 1000)
            self.assertEqual(shell.doctor(plan(workers=4))["fits"], True)
        shutil.rmtree(program.parent)


def group_of(controller):
    """A folder for control groups of that controller, and the names of its files: (folder, limit, used); None: none to write to."""
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        names = {"memory": ("memory.max", "memory.current"), "pids": ("pids.max", "pids.current")}
        usable = controller in (root / "cgroup.subtree_control").read_text().split() and os.access(root, os.W_OK)
        return (root, *names[controller]) if usable else None
    names = {"memory": ("memory.limit_in_bytes", "memory.usage_in_bytes"), "pids": ("pids.max", "pids.current")}
    folder = root / controller
    return (folder, *names[controller]) if os.geteuid() == 0 and os.access(folder, os.W_OK) and folder.is_dir() else None


class Groups(Bound):
    """Limits of control groups; each test has a group of its own."""

    def in_group(self, controller, limit):
        found = group_of(controller)
        if not found:
            self.skipTest(f"no control group of {controller} can be made here")
        folder = found[0] / f"longhaul-doctor-{os.getpid()}"
        folder.mkdir()
        self.addCleanup(folder.rmdir)
        (folder / found[1]).write_text(str(limit))
        return folder

    def test_tasks_of_a_group(self):
        folder = self.in_group("pids", 5)
        with Shell() as shell:
            shell(f"echo $$ > {folder}/cgroup.procs")  # this shell and doctor are two of the five
            self.bound_by(shell, plan(workers=4), "pids.max", 1500)

    def test_memory_of_a_group(self):
        mib = 1 << 20
        folder = self.in_group("memory", 60 * mib)
        with Shell() as shell:
            shell(f"echo $$ > {folder}/cgroup.procs")
            # less the supervisor and one worker, as src/host/maker.c has them; what the shell and doctor hold is little
            left = (60 - 6) * mib - (256 << 10) - 936000
            before, _ = self.bound_by(shell, plan(), "memory.max", left / (1876 + 4128), off=0.25)
            used = int(next(fact["value"] for fact in before["facts"] if fact["name"] == "cgroup.memory.used"))
            self.assertAlmostEqual(before["clients"], (left - used) / (1876 + 4128), delta=2)


class Reached(Case):
    """What a run reaches when it is forced past a limit is what doctor said."""

    def reaches(self, shell, conf, name, off):
        with Faultd("--backlog", "4096") as server:
            conf["targets"]["t"]["url"] = server.url()
            conf["run"].update(duration="3s", interval="1s")
            found = shell.doctor(conf)
            self.assertEqual(found["binds_first"], name)
            shell(f"{shell.program} run {shell.folder}/plan.json --force -q --store runs", check=False)
            path = next((shell.folder / "runs").glob("*.longhaul"))
            report = longhaul.report(path)
            self.assertAlmostEqual(report["totals"]["opened"], found["clients"], delta=found["clients"] * off)
            return report

    def test_descriptors(self):
        with Shell() as shell:
            shell("ulimit -n 1024")
            report = self.reaches(shell, plan(1500, workers=1, reconnect=False), "RLIMIT_NOFILE", 0.02)
            self.assertEqual({(e["side"], e["reason"]) for e in report["totals"]["endings"]} & {("host", "no descriptor")}, {("host", "no descriptor")})


# ---- what is printed ----

TEXT, COUNT, FLAG = str, int, bool
SHAPE = {
    "schema_version": COUNT, "fits": FLAG, "name": (TEXT, None), "wanted": (COUNT, None), "clients": (COUNT, None), "binds_first": (TEXT, None),
    "rungs": [{"limit": TEXT, "what": TEXT, "clients": (COUNT, None), "burst": FLAG, "soft": FLAG, "estimated": FLAG, "value": TEXT, "detail": TEXT,
               "raised": (TEXT, None), "next": {"clients": (COUNT, None), "limit": (TEXT, None)},
               "remedies": [{"kind": TEXT, "when": TEXT, "takes": TEXT, "file": (TEXT, None), "text": TEXT}]}],
    "notes": [{"name": TEXT, "value": TEXT, "text": TEXT}],
    "unreadable": [{"name": TEXT, "source": TEXT, "reason": TEXT}],
    "facts": [{"name": TEXT, "value": TEXT, "source": TEXT}],
}


class Printed(Case):
    def fits_shape(self, value, shape, where="$"):
        """Exactly these keys, each of its type."""
        if isinstance(shape, dict):
            self.assertIsInstance(value, dict, where)
            self.assertEqual(set(value), set(shape), where)
            for key, inner in shape.items():
                self.fits_shape(value[key], inner, f"{where}.{key}")
        elif isinstance(shape, list):
            self.assertIsInstance(value, list, where)
            for n, item in enumerate(value):
                self.fits_shape(item, shape[0], f"{where}[{n}]")
        else:
            allowed = shape if isinstance(shape, tuple) else (shape,)
            self.assertTrue(any(value is None if kind is None else type(value) is kind for kind in allowed), f"{where}: {value!r}")

    def test_json(self):
        with Shell() as shell:
            found = shell.doctor(plan())
            self.fits_shape(found, SHAPE)
            self.assertEqual((found["name"], found["wanted"]), ("test", 2000))
            counts = [item["clients"] for item in found["rungs"]]
            bound = [count for count in counts if count is not None]
            self.assertEqual(bound, sorted(bound))
            self.assertEqual(counts, bound + [None] * (len(counts) - len(bound)))
            for fact in found["facts"]:
                self.assertEqual(fact["value"].startswith("unreadable: "), fact["name"] in {gap["name"] for gap in found["unreadable"]} or
                                 (fact["name"] in ("machine", "cpu") and fact["value"].startswith("unreadable: ")), fact)
            bare = json.loads(longhaul.command("doctor", "--json").stdout)
            self.fits_shape(bare, SHAPE)
            self.assertEqual((bare["wanted"], bare["fits"]), (None, True))

    def test_text(self):
        """80 columns, but for commands, which stay whole; colour only on a terminal."""
        with Shell() as shell:
            shell("ulimit -n 256")
            text = shell(f"{paths.LONGHAUL} doctor {shell.write(plan(workers=1))}", check=False)
            self.assertEqual(shell.code, HOST)
            self.assertTrue(text.startswith("DOES NOT FIT"), text)
            self.assertNotIn("\x1b", text)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 80, line)
            colored = shell(f"env -u NO_COLOR TERM=xterm script -qec '{paths.LONGHAUL} doctor {shell.folder}/plan.json' /dev/null < /dev/null", check=False)
            self.assertIn("\x1b[", colored)
            plain = re.sub(r"\x1b\[[0-9;]*m", "", colored).replace("\r", "")
            self.assertEqual([line.split("  ")[0] for line in plain.splitlines()][:3], [line.split("  ")[0] for line in text.splitlines()][:3])

    def test_compare(self):
        """What changed on the host since a run, and nothing else."""
        with Faultd() as server, Shell() as shell:
            done = run(config(server.url(), connections=3, duration="1s"))
            kept = {row["name"]: row["value"] for row in done.query("SELECT name, value FROM facts")}
            self.assertIn("nofile.hard", kept)
            rungs = done.query("SELECT name, clients FROM ladder ORDER BY rung")
            self.assertEqual(done.report["ladder"][0]["limit"], rungs[0]["name"])
            self.assertGreater(len(rungs), 10)
            self.assertIn("Limits ", longhaul.command("report", done.path).stdout)
            same = json.loads(longhaul.command("doctor", "--compare", done.path, "--json").stdout)
            self.assertEqual(same["compared"]["changed"], [])
            shell("ulimit -n 777")
            changed = json.loads(shell(f"{paths.LONGHAUL} doctor --json --compare {done.path}"))["compared"]
            self.assertEqual({item["name"]: (item["was"], item["now"]) for item in changed["changed"]},
                             {name: (kept[name], "777") for name in ("nofile.hard", "nofile.soft")})
            self.assertEqual(changed["same"], same["compared"]["same"] - 2)
            text = shell(f"{paths.LONGHAUL} doctor --compare {done.path}")
            self.assertRegex(text, r"nofile\.hard\n +was +\d+\n +now +777")

    @unittest.skipUnless(can("setpriv", "--reuid", "65534", "--clear-groups", "true"), "needs root, to be another user")
    def test_script_raises_the_shell_that_sudo_was_typed_in(self):
        with Shell() as shell:
            shell.folder.chmod(0o777)
            shutil.copy(paths.LONGHAUL, shell.folder / "longhaul")
            (shell.folder / "longhaul").chmod(0o755)
            path = shell.write(plan(workers=1))
            path.chmod(0o644)
            script = shell(f"ulimit -n 1024; setpriv --reuid 65534 --regid 65534 --clear-groups ./longhaul doctor {path} --fix-script", check=False)
            self.assertIn('prlimit --pid "$shell" --nofile=32768:32768', script)
            find = script[script.index("shell=$PPID"):script.index("done\n") + len("done\n")]
            (shell.folder / "find.sh").write_text(find + "echo $shell\n")
            (shell.folder / "sudo").write_text('#!/bin/sh\n"$@"\nexit $?\n')
            (shell.folder / "sudo").chmod(0o755)
            here = shell("echo $$")
            self.assertEqual((shell("sh find.sh"), shell("./sudo sh find.sh"), shell("./sudo ./sudo sh find.sh")), (here, here, here))

    def test_script(self):
        """A script that a shell takes, that changes nothing until it is run, and that raises what is short when it is."""
        with Shell() as shell:
            shell("ulimit -n 1024")
            shell(f"{paths.LONGHAUL} doctor {shell.write(plan(workers=1))} --fix-script > fix.sh", check=False)
            self.assertEqual(shell("ulimit -n").strip(), "1024")
            shell("sh -n fix.sh")
            if shutil.which("shellcheck"):
                shell("shellcheck fix.sh")
            script = (shell.folder / "fix.sh").read_text()
            self.assertGreaterEqual(int(re.search(r"root - nofile (\d+)'", script)[1]), 32768)  # or what a login has by systemd's default
            if os.geteuid() != 0:
                self.skipTest("the script is for root")
            # into a folder of its own in place of /etc
            (shell.folder / "fix.sh").write_text(script.replace("/etc/", f"{shell.folder}/etc-"))
            shell(f"mkdir -p {shell.folder}/etc-security/limits.d {shell.folder}/etc-sysctl.d")
            for _ in range(2):  # a second time adds nothing
                shell("sh fix.sh")
            self.assertEqual(shell("ulimit -n").strip(), "32768" if may_raise_limits() else "1024")
            kept = (shell.folder / "etc-security/limits.d/90-longhaul.conf").read_text()
            self.assertRegex(kept, r"\Aroot - nofile \d+\n\Z")

    def test_wrong_input(self):
        for arguments, words in ((("--set", "run.workers=1"), "give a config or a URL"), (("--json", "--fix-script"), "a script alone"),
                                 (("--compare", "no-such-run"), "no-such-run"),
                                 (("no-such.yaml",), "no-such.yaml"), (("a.yaml", "b.yaml"), "b.yaml"), (("--probee",), "--probee")):
            with self.subTest(arguments=arguments):
                done = longhaul.command("doctor", *arguments)
                self.assertEqual(done.returncode, USAGE, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
