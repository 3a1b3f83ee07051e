"""longhaul doctor --probe: opening connections ends where the ladder said, limit by limit; and a run that does not fit."""
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from common import Case, Faultd, config, longhaul, paths
from lib import process

from test_doctor import RANGE, Shell, can, five_hundred_ports, group_of, plan, typed

HOST = 3


class Probe(Case):
    def probe(self, shell, conf, *arguments):
        text = shell(f"{shell.program} doctor {shell.write(conf)} --probe --json {' '.join(arguments)} 2>errors", check=False)
        self.assertIn(shell.code, (0, HOST), text + shell("cat errors"))
        return json.loads(text)["probe"]

    def hits(self, shell, conf, limit, *arguments):
        return self.hit(self.probe(shell, conf, *arguments), limit)

    def hit(self, made, limit):
        """Something refused, at the count that the ladder has for this limit, within 2 %."""
        self.assertEqual(made["limit"], limit, made)
        self.assertLess(made["predicted"], made["wanted"], made)
        self.assertAlmostEqual(made["opened"], made["predicted"], delta=0.02 * made["predicted"])
        self.assertTrue(made["matches"], made)
        return made


class Interrupted(Case):
    def test_a_probe_that_is_cut_short_judges_nothing(self):
        with Faultd("upgrade-never") as server:
            with longhaul.Run(config(server.url(), connections=5), "--probe", "--targets", command="doctor") as run:
                process.wait_until(lambda: run.workers, 20, "the probe's workers")
                run.signal(signal.SIGINT)
                self.assertEqual(run.wait(20), 130, run.stderr)
                self.assertIn("the probe was interrupted", run.stderr)
                self.assertEqual(run.stdout, "")


class Limits(Probe):
    def test_descriptors(self):
        with Shell() as shell:
            shell("ulimit -n 1024")
            made = self.hits(shell, plan(1300, workers=1), "RLIMIT_NOFILE")
            self.assertEqual((made["refusal"], made["errno"]), ("connect: host: no descriptor", 24))
            self.assertIn("kernel_bytes", made)  # of the whole host: others change it meanwhile, so it may be anything or not told
            shell("ulimit -n 600")
            made = self.hits(shell, plan(1900, workers=3), "RLIMIT_NOFILE")
            self.assertEqual(made["opened"], 3 * (600 - 15))
            shell("ulimit -n 64")  # so low that one descriptor more or less of a worker shows
            made = self.hits(shell, plan(100, workers=1), "RLIMIT_NOFILE")
            self.assertEqual((made["opened"], made["predicted"]), (64 - 15, 64 - 15))

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_port_range(self):
        with Shell("unshare", "--net") as shell:
            shell("ip link set lo up; echo 40000 40499 > /proc/sys/net/ipv4/ip_local_port_range")
            made = self.hits(shell, plan(800), RANGE)
            self.assertEqual((made["refusal"], made["errno"]), ("connect: host: no local port", 99))
            two = self.hits(shell, plan(1500, source_addresses=["127.0.0.2", "127.0.0.3"]), RANGE)
            self.assertGreater(two["opened"], 1.9 * made["opened"])

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_reserved_ports(self):
        with Shell("unshare", "--net") as shell:
            shell("ip link set lo up; echo 32768-60000 > /proc/sys/net/ipv4/ip_local_reserved_ports")
            self.hits(shell, plan(1300), "net.ipv4.ip_local_reserved_ports")

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_ports_in_use(self):
        with five_hundred_ports("s = [socket.create_server(('127.0.0.1', 40000 + n)) for n in range(80)]\n") as shell:
            made = self.hits(shell, plan(600), "ports in use")
            self.assertLessEqual(made["opened"], 420)

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_ports_in_time_wait(self):
        """Connections to the target that this side closed first, on a kernel that waits out the minute."""
        close_first = ("import socket, sys\n"
                       "for n in range(200):\n"
                       "    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
                       "    s.shutdown(socket.SHUT_WR)\n"
                       "    s.recv(1000)\n"
                       "    s.close()\n")
        with Shell("unshare", "--net") as shell:
            shell("ip link set lo up; echo 40000 40499 > /proc/sys/net/ipv4/ip_local_port_range; echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse")
            shell(f"coproc timeout 50 {paths.FAULTD} --backlog 4096; read -r line <&${{COPROC[0]}}")
            port = int(shell("echo $line").split(":")[-1])
            shell(f"cat > close_first.py <<'END'\n{close_first}END")
            shell(f"python3 close_first.py {port}")
            conf = plan(450, url=f"ws://127.0.0.1:{port}/")
            made = self.hits(shell, conf, "ports in TIME_WAIT", "--targets")
            self.assertEqual((made["refusal"], made["errno"]), ("connect: host: no local port", 99))
            self.assertAlmostEqual(made["opened"], 300, delta=3)
            first = shell.doctor(conf)["rungs"][0]
            self.assertEqual((first["limit"], typed(first)), ("ports in TIME_WAIT", "sysctl -w net.ipv4.tcp_tw_reuse=1"))
            shell(typed(first))
            after = shell.doctor(conf)
            self.assertEqual((after["binds_first"], first["next"]), (RANGE, {"clients": after["clients"], "limit": RANGE}))
            shell("kill $COPROC_PID; wait")

    def test_descriptors_of_the_target(self):
        """A server on this host with fewer descriptors than the plan has clients: its kernel takes the rest, it answers none of them."""
        name = "the target's RLIMIT_NOFILE"
        with Faultd("--backlog", "4096") as server, Shell() as shell:
            hard = int(shell(f"prlimit --pid {server.pid} --nofile --noheadings --output HARD"))
            shell(f"prlimit --pid {server.pid} --nofile=400:{hard}")
            conf = plan(600, url=server.url())
            made = self.hits(shell, conf, name, "--targets")
            self.assertEqual(made["refusal"], "upgrade: no answer")
            self.assertAlmostEqual(made["opened"], 400 - 8, delta=2)
            before = shell.doctor(conf)
            self.assertTrue(before["fits"])  # what the target takes is for the run to find, not a reason not to begin it
            first = before["rungs"][0]
            self.assertEqual((first["limit"], first["soft"]), (name, True))
            self.assertRegex(typed(first), rf"^prlimit --pid {server.pid} --nofile=\d+:\d+$")
            shell(typed(first))
            after = shell.doctor(conf)
            self.assertEqual((after["binds_first"], after["clients"]), (first["next"]["limit"], first["next"]["clients"]))
            self.assertGreater(after["clients"], 600)

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_accept_queue(self):
        with Shell("unshare", "--net") as shell:
            for limit in (7, 200):
                shell(f"ip link set lo up; echo {limit} > /proc/sys/net/core/somaxconn")
                made = self.probe(shell, plan(10))
                self.assertEqual((made["queue_predicted"], made["queue_held"]), (limit + 1, limit + 1))
                self.assertEqual(made["handshakes_held"], None)  # SYN cookies take the place of what is past it

    @unittest.skipUnless(can("unshare", "-n", "true"), "needs root and network namespaces")
    def test_handshakes(self):
        with Shell("unshare", "--net") as shell:
            shell("ip link set lo up; echo 0 > /proc/sys/net/ipv4/tcp_syncookies")
            for limit, held in ((128, 97), (1000, 751)):
                shell(f"echo {limit} > /proc/sys/net/ipv4/tcp_max_syn_backlog")
                made = self.probe(shell, plan(10))
                self.assertEqual((made["handshakes_predicted"], made["handshakes_held"]), (held, held))
            shell("echo 300 > /proc/sys/net/core/somaxconn")  # the least of both binds
            made = self.probe(shell, plan(10))
            self.assertEqual((made["queue_held"], made["handshakes_held"]), (301, None))

    @unittest.skipUnless(can("setpriv", "--reuid", "65534", "--clear-groups", "true"), "needs root, to be another user")
    def test_tasks_of_a_user(self):
        program = Path(tempfile.mkdtemp(prefix="longhaul-nproc-")) / "longhaul"
        program.parent.chmod(0o755)
        shutil.copy(paths.LONGHAUL, program)
        program.chmod(program.stat().st_mode | stat.S_IROTH | stat.S_IXOTH)
        with Shell("setpriv", "--reuid", "54322", "--regid", "54322", "--clear-groups", program=program) as shell:
            shell.folder.chmod(0o777)
            shell("ulimit -u 100; ulimit -S -u 7")
            path = shell.write(plan(1500, workers=6))
            made = json.loads(shell(f"{program} doctor {path} --probe --json 2>/dev/null", check=False))["probe"]
            self.hit(made, "RLIMIT_NPROC")
            self.assertIn("not started", made["refusal"])
        shutil.rmtree(program.parent)

    def test_tasks_of_a_group(self):
        found = group_of("pids")
        if not found:
            self.skipTest("no control group of pids can be made here")
        folder = found[0] / f"longhaul-probe-{os.getpid()}"
        folder.mkdir()
        try:
            (folder / found[1]).write_text("9")
            with Shell() as shell:
                shell(f"echo $$ > {folder}/cgroup.procs")
                text = shell(f"{paths.LONGHAUL} doctor {shell.write(plan(1600, workers=8))} --probe --json 2>/dev/null", check=False)
                made = json.loads(text)["probe"]
                self.hit(made, "pids.max")
                self.assertLess(made["opened"], 1600)
        finally:
            for _ in range(50):  # the last processes of the group are on their way out
                try:
                    folder.rmdir()
                    break
                except OSError:
                    time.sleep(0.1)

    def test_address_space(self):
        """An estimate of the ladder, not a count. A worker keeps a spare for the clients it has, so that none of them is lost."""
        tls = {"targets": {"t": {"url": "wss://gateway.example.test/"}}}
        for limit, clients, other in ((30720, 9500, {}), (40960, 2300, tls)):
            with self.subTest(limit=limit), Shell() as shell:
                shell(f"ulimit -S -v {limit}")
                made = self.hits(shell, {**plan(clients, workers=1), **other}, "RLIMIT_AS")
                self.assertEqual((made["refusal"], made["errno"]), ("connect: host: no memory or buffers", 12))

    def test_address_space_by_kind(self):
        """Towards a server, whose events and answers come; with TLS it is trusted by nobody, but the system's authorities are loaded."""
        for kind, path, limit, clients in (("sse", "/sse/1s", 24576, 11500), ("http", "/", 40960, 2400)):
            tls = kind == "http"
            with self.subTest(kind), Faultd("--backlog", "4096", *(["--tls-make", "good"] if tls else [])) as server, Shell() as shell:
                conf = plan(clients, url=server.url(scheme="https" if tls else "http"), workers=1, kind=kind, path=path)
                conf["targets"]["t"].update({"tls": {"verify": False}} if tls else {})
                shell(f"ulimit -S -v {limit}")
                self.hits(shell, conf, "RLIMIT_AS", "--targets", f"--most {clients}")


class Plan(Probe):
    def test_a_plan_that_fits_is_met(self):
        with Shell() as shell:
            made = self.probe(shell, plan(700))
            self.assertEqual((made["opened"], made["wanted"], made["refusal"], made["matches"]), (700, 700, None, True))

    def test_without_a_config_and_in_words(self):
        with Shell() as shell:
            text = shell(f"{paths.LONGHAUL} doctor --probe --most 300")
            self.assertIn("Opened 300 of 300 connections to a listener of its own", text)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_wrong_input(self):
        for most in ("0", "many", "-5"):
            done = longhaul.command("doctor", "--probe", "--most", most)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"--most {most}", done.stderr)


    def test_clients_with_tls_are_opened_with_tls(self):
        with Shell() as shell:
            conf = plan(1200)
            conf["targets"]["t"]["url"] = "wss://gateway.example.test/"
            made = self.probe(shell, conf)
            self.assertEqual((made["opened"], made["tls_clients"], made["refusal"], made["matches"]), (1200, 1200, None, True))
            self.assertGreater(made["user_bytes"], 10000)  # without TLS: 2,000
            if "san" not in str(paths.LONGHAUL):
                self.assertLess(made["user_bytes"], 18000)  # 31,000 while buffers stayed, 19,000 while each had certificates of its own
            conf["groups"]["g"]["connections"] = 30000
            shell(f"{paths.LONGHAUL} doctor {shell.write(conf)} --probe --most 30000 2>errors", check=False)
            self.assertEqual(shell.code, 2)
            self.assertIn("Give --most 29000 or less", shell("cat errors"))


class Listener(Case):
    """What the probe connects to, as clients not written here see it."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="longhaul-listener-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.ca = self.folder / "ca.pem"
        self.child = subprocess.Popen([paths.LONGHAUL, "listener", "1", self.ca], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.child.stdout.close)
        self.addCleanup(self.child.wait)
        self.addCleanup(self.child.kill)
        self.port = int(self.child.stdout.readline().rsplit(":", 1)[1])

    def open(self, name=None):
        link = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.addCleanup(link.close)
        if name is None:
            return link
        link = ssl.create_default_context(cafile=self.ca).wrap_socket(link, server_hostname=name)
        self.addCleanup(link.close)
        return link

    def assert_held(self, link):
        link.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            link.recv(1)

    def resident_bytes(self):
        text = Path(f"/proc/{self.child.pid}/status").read_text(encoding="ascii")
        return int(text.split("VmRSS:")[1].split()[0]) * 1024

    def test_it_upgrades_and_holds_with_and_without_tls(self):
        request = (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        for name in (None, "upgrades.longhaul.test"):
            with self.subTest(name):
                link = self.open(name)
                link.sendall(request)
                self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", link.recv(4096))  # RFC 6455, 1.3
                self.assert_held(link)
        for name in (None, "holds.longhaul.test"):
            with self.subTest(name):
                self.assert_held(self.open(name))

    def test_it_holds_no_session_and_ends_what_it_does_not_know(self):
        self.open("holds.longhaul.test")
        before = self.resident_bytes()
        for _ in range(150):
            self.open("holds.longhaul.test")
        if "san" not in str(paths.LONGHAUL):  # which keeps what was freed
            self.assertLess(self.resident_bytes() - before, 150 * 5000)  # a session has 10 KiB and more
        for begin in (b"HELLO", b"\x16\x03\x01\x00\x05hello"):
            link = self.open()
            link.sendall(begin)
            while link.recv(4096):  # an alert may come first
                pass


class Preflight(Case):
    """ulimit -n 1024 and a plan of 2,000 with one worker."""

    @staticmethod
    def plan(server, **group):
        conf = config(server.url(), connections=2000, duration="3s", messages=[], run={"workers": 1})
        conf["groups"]["g"].update(group)
        conf["groups"]["g"] = {key: value for key, value in conf["groups"]["g"].items() if value is not None}
        return conf

    def limited(self, folder, arguments):
        """Under ulimit -n 1024; stderr goes to a file as well, for who waits for a word of it."""
        with open(folder / "stderr", "w", encoding="utf-8") as words:
            child = subprocess.Popen(["bash", "-c", f"ulimit -n 1024; cd {folder}; exec {paths.LONGHAUL} {arguments}"], text=True,
                                     stdout=subprocess.PIPE, stderr=words, env={**os.environ, "NO_COLOR": "1"})
        self.addCleanup(child.kill)
        return child

    @staticmethod
    def ended(child, folder):
        out, _ = child.communicate(timeout=60)
        return subprocess.CompletedProcess(child.args, child.returncode, out, (folder / "stderr").read_text(encoding="utf-8"))

    def run_it(self, server, *arguments, until=None, **group):
        """`until`: interrupted when its words hold that."""
        folder = Path(tempfile.mkdtemp(prefix="longhaul-preflight-"))
        self.addCleanup(shutil.rmtree, folder)
        (folder / "c.yaml").write_text(json.dumps(self.plan(server, **group)))
        begin = time.monotonic()
        child = self.limited(folder, f"run {folder}/c.yaml --store {folder}/runs {' '.join(arguments)}")
        while until and child.poll() is None and time.monotonic() - begin < 30 and until not in (folder / "stderr").read_text(encoding="utf-8"):
            time.sleep(0.05)
        if until:
            child.send_signal(signal.SIGINT)
        done = self.ended(child, folder)
        return done, time.monotonic() - begin, folder

    def test_a_probe_of_the_targets(self):
        with Faultd("--backlog", "4096") as server:
            folder = Path(tempfile.mkdtemp())
            self.addCleanup(shutil.rmtree, folder)
            conf = config(server.url(), connections=300, duration="8h", ramp={"over": "5m"})
            conf["groups"]["other"] = {**conf["groups"]["g"], "connections": 100}
            conf["slo"] = [{"metric": "g.response.p99", "below": "1s", "for": "5m"}]
            (folder / "c.yaml").write_text(json.dumps(conf))
            done = longhaul.command("doctor", folder / "c.yaml", "--probe", "--targets", "--json", deadline=60)
            server.stop()
            accepted = [line for line in server.log() if "upgraded_ns" in line]
        self.assertEqual(done.returncode, 0, done.stderr)
        probe = json.loads(done.stdout)["probe"]
        self.assertEqual((probe["wanted"], probe["opened"], probe["refusal"], len(accepted)), (400, 400, None, 400), probe)
        self.assertEqual(sum(line["messages_in"] for line in accepted), 0)

    def test_targets_that_are_public_are_asked_for(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        (folder / "c.yaml").write_text(json.dumps(config("ws://8.8.8.8/", connections=3)))
        done = longhaul.command("doctor", folder / "c.yaml", "--probe", "--targets")
        self.assertEqual(done.returncode, 2)
        self.assertIn("authorized: true", done.stderr)
        self.assertEqual(longhaul.command("doctor", folder / "c.yaml", "--targets").returncode, 2)

    def test_it_is_not_begun(self):
        with Faultd() as server:
            done, took, folder = self.run_it(server)
        self.assertEqual(done.returncode, HOST, done.stderr)
        self.assertLess(took, 1)
        self.assertIn("RLIMIT_NOFILE allows 1,009 of 2,000 clients", done.stderr)
        self.assertRegex(done.stderr, r"ulimit -\w*n|prlimit|--set run.workers=auto")
        self.assertFalse((folder / "runs").exists())

    def test_forced_it_holds_what_fits_and_says_so(self):
        with Faultd("--backlog", "4096") as server:
            done, _, folder = self.run_it(server, "--force")
            report = longhaul.report(next((folder / "runs").glob("*.longhaul")))
        self.assertEqual((done.returncode, report["verdict"]), (4, "inconclusive"), done.stderr)  # of the target nothing is said
        self.assertAlmostEqual(max(report["series"]["run"]["open"]), 1009, delta=1)
        self.assertIn(("host", "no descriptor"), {(e["side"], e["reason"]) for e in report["totals"]["endings"]})
        forced = [e["text"] for e in report["events"] if e["kind"] == "forced"]
        self.assertEqual(len(forced), 1, report["events"])
        self.assertIn("RLIMIT_NOFILE allows 1,009 of 2,000 clients", forced[0])
        self.assertIn(f"begun all the same (--force): {forced[0]}", report["verdict_reasons"])
        self.assertIn("host   no descriptor", done.stdout.replace("host  no", "host   no"))

    def test_scaled_down_it_fits_and_says_so(self):
        with Faultd("--backlog", "4096") as server:
            done, _, folder = self.run_it(server, "--fit")
            report = longhaul.report(next((folder / "runs").glob("*.longhaul")))
        said = "clients: 1,009 of 2,000 (--fit), since RLIMIT_NOFILE allows no more (1,024 a process)"
        self.assertIn(said, done.stderr)
        self.assertEqual((report["totals"]["clients"]["planned"], max(report["series"]["run"]["open"])), (1009, 1009))
        self.assertNotIn("host", {e["side"] for e in report["totals"]["endings"]})
        self.assertEqual([e["text"] for e in report["events"] if e["kind"] == "scaled down"][0], said)
        self.assertIn(f"scaled down to what this host holds: {said}", report["verdict_reasons"])
        self.assertEqual([e for e in report["events"] if e["kind"] == "forced"], [])

    def test_stages_are_scaled_and_resumed(self):
        with Faultd("--backlog", "4096") as server:
            stages = [{"at": "0s", "connections": 0}, {"at": "200ms", "connections": 2000}, {"at": "9s", "connections": 2000},
                      {"at": "10s", "connections": 400}]
            done, took, folder = self.run_it(server, "--fit", "-d 10s", until="open 1,009/1,009", ramp={"stages": stages}, connections=None)
            first = next((folder / "runs").glob("*.longhaul"))
            report = longhaul.report(first)
            # the same plan is found again, although the config asks for more
            child = self.limited(folder, f"resume {first}")
            while child.poll() is None and "open 1,009/1,009" not in (folder / "stderr").read_text(encoding="utf-8") and took < 60:
                time.sleep(0.05)
                took += 0.05
            child.send_signal(signal.SIGINT)
            rest = self.ended(child, folder)
        self.assertEqual(done.returncode, 130, done.stderr)
        self.assertEqual(max(report["series"]["run"]["open"]), 1009)
        texts = [e["text"] for e in report["events"] if e["kind"] == "scaled down"]
        self.assertIn("group g: 1,009 of 2,000 clients at its highest, each stage by the same share", texts)
        self.assertIn("connections: 201", report["config"])
        self.assertEqual(rest.returncode, 130, rest.stderr)
        self.assertIn("1,009 clients for", rest.stdout)

    def test_a_shard_is_not_made_smaller_than_the_others(self):
        with Faultd() as server:
            done, _, _ = self.run_it(server, "--fit", "--shard 1/2", connections=4000)
        self.assertEqual(done.returncode, HOST, done.stderr)
        self.assertIn("--set groups.g.connections=2018", done.stderr)


if __name__ == "__main__":
    unittest.main()
