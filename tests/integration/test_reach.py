"""How a server is reached: unix sockets, HTTP proxies, names and their addresses."""
import base64
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from lib import books, process
from lib.faultd import Faultd
from lib.longhaul import Run, command, config, endings, run
from lib.netns import Namespace, NameServer
from lib.relay import Listener, pump, read_head, relay_to, socket_path

ECHO = [{"name": "m", "every": "200ms", "text": '{"id":"${token}"}\n', "reply": {"contains": "${token}"}}]
GET = [{"name": "m", "every": "200ms", "get": "/bytes/100"}]
# kind, plain and TLS scheme, path, messages
KINDS = (("websocket", "ws", "wss", "/", ECHO), ("http", "http", "https", "/", GET), ("sse", "http", "https", "/sse/100ms", []),
         ("stream", "http", "https", "/sse/100ms", []))


class Case(unittest.TestCase):
    def go(self, conf, **options):
        done = run(conf, **options)
        books.check(self, done)
        self.assertIn(done.code, (0, 1, 4), done.stderr)  # 4: a busy host, on which no verdict is given
        return done

    def every_kind(self, place, **target):
        """A config with a group of each kind, plain and under TLS: place(tls) is (what follows the scheme, what precedes the path)."""
        conf = {"run": {"name": "test", "duration": "1500ms", "seed": 7}, "targets": {}, "groups": {}}
        for kind, plain, secure, path, messages in KINDS:
            for tls in (False, True):
                name, (infix, rest) = kind + ("-tls" if tls else ""), place(tls)
                conf["targets"][name] = {"url": f"{secure if tls else plain}{infix}{rest}{path}", **target, **({"tls": {"verify": False}} if tls else {})}
                conf["groups"][name] = {"kind": kind, "target": name, "connections": 3, "messages": messages, "user_timeout": "5s", "send_buffer": "16KiB"}
        return conf

    def all_kinds_well(self, done):
        self.assertEqual(len(done.report["groups"]), 2 * len(KINDS))
        for group in done.report["groups"]:
            with self.subTest(group["name"]):
                self.all_well(group, 3, group["name"].endswith("-tls"))

    def all_well(self, group, clients, tls=False):
        self.assertEqual((group["opened"], group["drops"], group["messages"]["lost"]), (clients, 0, 0), endings(group))
        self.assertEqual(group["latency"].get("tls", {"count": 0})["count"], clients if tls else 0)
        if group["messages"]["planned"]:
            self.assertGreater(group["messages"]["replied"], 0)
            self.assertEqual(group["messages"]["failed"], 0)


class Sockets(Case):
    def test_every_kind(self):
        with Faultd() as plain, Faultd("--tls") as secure, relay_to(plain.port, socket_path()) as one, relay_to(secure.port, socket_path()) as other:
            done = self.go(self.every_kind(lambda tls: ("+unix://", f"{other.path if tls else one.path}:")))
        self.all_kinds_well(done)

    def test_the_key_keeps_the_host_of_the_url(self):
        with Faultd() as server, relay_to(server.port, socket_path()) as relay:
            done = self.go(config("ws://app.example.test/ws", connections=3, duration="1s", target={"unix": relay.path}))
            plan = command("check", done.config_path)
        self.all_well(done.group, 3)
        self.assertEqual(relay.accepted, 3)
        self.assertNotIn("ephemeral", plan.stdout)
        server.stop()
        self.assertEqual({line.get("host") for line in server.log()} - {None}, set())  # nothing was looked up: it is a relay's

    def test_tcp_kind_and_abstract_names(self):
        name = f"@longhaul-{os.getpid()}"

        def echo(client):
            while line := client.recv(4096):
                client.sendall(line)
        with Listener(echo, "\0" + name[1:]) as server:
            server.path = None  # nothing to remove
            done = self.go(config(f"tcp+unix://{name}", connections=5, duration="1s", kind="tcp", messages=ECHO))
        self.all_well(done.group, 5)

    def test_endings(self):
        done = run(config(f"ws+unix://{socket_path()}:/", connections=3, duration="1s", reconnect=False))
        books.check(self, done)
        self.assertEqual(endings(done.group), {("connect", "network", "connection refused", 2): 3})
        self.assertEqual({row["text"] for row in done.group["endings"]}, {"no such socket"})

        def drop(client):
            read_head(client)
        with Listener(drop, socket_path()) as server:
            done = run(config(f"ws+unix://{server.path}:/", connections=3, duration="1s", reconnect=False))
        books.check(self, done)
        self.assertEqual(endings(done.group), {("upgrade", "peer", "FIN without close frame", None): 3})

    def test_a_quick_look(self):
        with Faultd() as server, relay_to(server.port, socket_path()) as relay:
            done = run(f"http+unix://{relay.path}:/bytes/10", "-c", "2", "-d", "1s")
        self.assertIn(done.code, (0, 4), done.stderr)
        self.assertGreaterEqual(done.group["messages"]["replied"], 2)
        self.assertEqual(done.group["messages"]["failed"], 0)


class Limits(Case):
    def test_a_target_takes_so_many_connections(self):
        """Over two groups and two workers; the clients beyond the limit wait, those of another target do not."""
        with Faultd() as limited, Faultd() as free:
            conf = config(limited.url(), connections=8, duration="2s", messages=[], run={"workers": 2}, target={"connections_max": 5})
            conf["groups"]["h"] = dict(conf["groups"]["g"])
            conf["targets"]["u"] = {"url": free.url(), "connect_rate": "10/s"}
            conf["groups"]["u"] = {**conf["groups"]["g"], "target": "u"}
            done = self.go(conf)
            limited.stop(), free.stop()
        self.assertEqual(limited.summary["upgraded"], 5)
        self.assertEqual(done.query("select max(n) n from (select k, sum(waiting) n from intervals group by k)")[0]["n"], 11)
        self.assertEqual(free.summary["upgraded"], 8)
        times = sorted(line["accepted_ns"] for line in free.log())
        self.assertGreater(times[-1] - times[0], 400e6)  # 8 at 10 a second, from two workers at 5 a second each


class Proxies(Case):
    """Against tinyproxy, and against a proxy of a few lines for what it does not say."""

    def proxied(self, server, answer=None, **more):
        """A config whose target lies behind `server`, a Listener."""
        return config("ws://127.0.0.1:9/", connections=3, duration="1500ms", reconnect=False, connect_timeout="600ms",
                      target={"proxy": f"http://127.0.0.1:{server.port}"}, **more)

    def test_refusals_have_their_own_reason(self):
        rows = ((b"HTTP/1.1 403 Filtered\r\nContent-Length: 0\r\n\r\n", 403, "Filtered"),
                (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 407, "Proxy Authentication Required"),
                (b"SSH-2.0\r\n\r\n", None, "the proxy's answer is not HTTP/1"), (b"", None, "the proxy closed without an answer"))
        conf = {"run": {"name": "test", "duration": "1s"}, "targets": {}, "groups": {}}
        with contextlib.ExitStack() as stack:
            for number, (answer, _, _) in enumerate(rows):
                server = stack.enter_context(Listener(lambda client, answer=answer: read_head(client) and client.sendall(answer)))
                name = f"g{number}"
                conf["targets"][name] = {"url": "wss://127.0.0.1:9/", "proxy": f"http://127.0.0.1:{server.port}"}
                conf["groups"][name] = {"kind": "websocket", "target": name, "connections": 3, "reconnect": False}
            done = self.go(conf)
        for group, (_, code, text) in zip(done.report["groups"], rows, strict=True):
            self.assertEqual(endings(group), {("connect", "network", "proxy refused", code): 3})
            self.assertEqual({row["text"] for row in group["endings"]}, {text})

    def test_a_silent_or_absent_proxy(self):
        with Listener(lambda client: client.recv(1 << 16) and client.recv(1)) as server:
            done = self.go(self.proxied(server))
        self.assertEqual(endings(done.group), {("connect", "network", "connect timeout", None): 3})
        self.assertEqual({row["text"] for row in done.group["endings"]}, {"the proxy did not answer"})
        done = self.go(self.proxied(server))  # closed by now
        self.assertEqual(endings(done.group), {("connect", "network", "connection refused", 111): 3})
        self.assertEqual({row["text"] for row in done.group["endings"]}, {f"proxy 127.0.0.1:{server.port}"})

    def test_what_is_said_to_it_and_what_stays_secret(self):
        heads = []

        def serve(client):
            heads.append(read_head(client))
            with socket.create_connection(("127.0.0.1", target.port)) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                pump(client, server)
        with Faultd() as target, Listener(serve) as proxy:
            conf = config("ws://name.only.the.proxy.knows:81/", connections=3, duration="1s")
            conf["targets"]["t"]["proxy"] = f"http://joe:hunter2%40@127.0.0.1:{proxy.port}"
            done = self.go(conf)
            plan = command("check", done.config_path)
        self.all_well(done.group, 3)
        self.assertEqual(len(heads), 3)
        self.assertEqual(set(heads), {heads[0]})
        self.assertTrue(heads[0].startswith(b"CONNECT name.only.the.proxy.knows:81 HTTP/1.1\r\nHost: name.only.the.proxy.knows:81\r\n"), heads[0])
        self.assertIn(b"\r\nProxy-Authorization: Basic " + base64.b64encode(b"joe:hunter2@") + b"\r\n", heads[0])
        for text in (done.stdout, done.stderr, plan.stdout, str(done.report), done.path.read_bytes().decode("latin-1")):
            self.assertNotIn("hunter2", text)
            self.assertNotIn(base64.b64encode(b"joe:hunter2@").decode(), text)
        self.assertIn(f"http://***@127.0.0.1:{proxy.port}", done.report["config"])

    @unittest.skipIf(Namespace.why_not() or not shutil.which("tinyproxy"), "needs root and tinyproxy")
    def test_every_kind_through_tinyproxy(self):
        with Namespace() as ns, tempfile.TemporaryDirectory() as folder:
            settings = Path(folder) / "conf"
            settings.write_text(f'Port 3128\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nBasicAuth joe secret\nLogFile "{folder}/log"\n'
                                'Allow 127.0.0.1\n', encoding="ascii")
            proxy = process.start([*ns.prefix, "tinyproxy", "-d", "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait_until(lambda: b":0C38 " in Path(f"/proc/{proxy.pid}/net/tcp").read_bytes(), 10, "tinyproxy")
                with Faultd(prefix=ns.prefix) as plain, Faultd("--tls", prefix=ns.prefix) as secure:
                    done = self.go(self.every_kind(lambda tls: ("://", f"127.0.0.1:{(secure if tls else plain).port}"),
                                                   proxy="http://joe:secret@127.0.0.1:3128"), prefix=ns.prefix)
                self.all_kinds_well(done)
                for group in done.report["groups"]:
                    self.assertEqual((group["latency"]["tunnel"]["count"], group["latency"]["tcp"]["count"]), (3, 3))
                done = self.go(config("ws://127.0.0.1:9/", connections=2, duration="1s", reconnect=False,
                                      target={"proxy": "http://127.0.0.1:3128"}), prefix=ns.prefix)
                self.assertEqual({key[2:] for key in endings(done.group)}, {("proxy refused", 407)})
            finally:
                process.stop(proxy)


@unittest.skipIf(Namespace.why_not(), "network namespaces need root")
class Names(Case):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="longhaul-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def conf(self, host, port, **more):
        return config(f"ws://{host}:{port}/", **{"connections": 6, "duration": "500ms", "messages": [], **more})

    def test_answers_are_told_apart(self):
        once = {"reconnect": False, "connect_timeout": "5s", "duration": "2500ms", "connections": 3}
        with Namespace(resolv=True) as ns:
            done = self.go(self.conf("any.test", 9, **once), prefix=ns.prefix)  # nobody listens on port 53
            self.assertEqual({key[:3] for key in endings(done.group)}, {("resolve", "network", "resolver failed")})
            with NameServer(self.folder, ns.prefix, broken_test="servfail", silent_test="silent") as names:
                for host, reason in (("absent.test", "name not found"), ("broken.test", "resolver failed"), ("silent.test", "resolver failed")):
                    with self.subTest(host):
                        done = self.go(self.conf(host, 9, **once), prefix=ns.prefix)
                        self.assertEqual({key[:3] for key in endings(done.group)}, {("resolve", "network", reason)})
                        self.assertIn(host, names.asked)
                # The loop goes on while the resolver waits: our own deadline comes in time.
                done = self.go(self.conf("silent.test", 9, **{**once, "connect_timeout": "300ms"}), prefix=ns.prefix)
                self.assertEqual(endings(done.group), {("resolve", "network", "resolve timeout", None): 3})

    def test_spread_family_and_hosts(self):
        hosts = "127.0.0.2 many.test\n127.0.0.3 many.test\n127.0.0.4 many.test\n::1 six.test\n127.0.0.1 six.test\n"
        with Namespace(hosts=hosts) as ns, Faultd(prefix=ns.prefix, listen=("0.0.0.0:0", "[::]:0")) as server:
            port = server.port
            rows = ((self.conf("many.test", port), {"127.0.0.2": 2, "127.0.0.3": 2, "127.0.0.4": 2}),
                    (self.conf("many.test", port, target={"spread": "first"}), {"127.0.0.2": 6}),
                    (self.conf("many.test", port, target={"addresses": ["127.0.0.9", "127.0.0.8"]}), {"127.0.0.8": 3, "127.0.0.9": 3}),
                    (self.conf("many.test", port, target={"addresses": ["127.0.0.9", "127.0.0.8"], "spread": "first"}), {"127.0.0.9": 6}),
                    (self.conf("six.test", port, target={"family": "ipv4"}), {"127.0.0.1": 6}))
            for conf, wanted in rows:
                with self.subTest(conf["targets"]):
                    subprocess.run([*ns.prefix, "nft", "-f", "-"], input=self.counters(port), text=True, check=True, timeout=10)
                    done = self.go(conf, prefix=ns.prefix)
                    self.all_well(done.group, 6)
                    self.assertEqual(self.counted(ns), wanted)
                    self.assertEqual(done.group["latency"]["resolve"]["count"], 6)

    def test_a_name_with_more_addresses_than_could_be_pinned(self):
        hosts = "".join(f"127.0.{1 + n // 200}.{1 + n % 200} many.test\n" for n in range(300))
        with Namespace(hosts=hosts) as ns, Faultd(prefix=ns.prefix, listen=("0.0.0.0:0",)) as server:
            rules = "".join(f'add rule inet n c ip daddr {net} tcp dport {server.port} tcp flags & (syn|ack) == syn counter comment "{net}"\n'
                            for net in ("127.0.1.0/24", "127.0.2.0/24"))
            table = "add table inet n\nadd chain inet n c { type filter hook input priority 0; }\n"
            subprocess.run([*ns.prefix, "nft", "-f", "-"], input=table + rules, text=True, check=True, timeout=10)
            conf = self.conf("many.test", server.port)
            conf["groups"]["g"]["connections"] = 300
            self.all_well(self.go(conf, prefix=ns.prefix).group, 300)
            self.assertEqual(self.counted(ns), {"127.0.1.0/24": 200, "127.0.2.0/24": 100})

    @staticmethod
    def counters(port):
        rules = "".join(f'add rule inet n c ip daddr 127.0.0.{n} tcp dport {port} tcp flags & (syn|ack) == syn counter comment "127.0.0.{n}"\n'
                        for n in range(1, 10))
        return f"add table inet n\ndelete table inet n\nadd table inet n\nadd chain inet n c {{ type filter hook input priority 0; }}\n{rules}"

    @staticmethod
    def counted(ns):
        """Connections by address, as the filter saw them."""
        text = subprocess.run([*ns.prefix, "nft", "list", "table", "inet", "n"], capture_output=True, text=True, check=True, timeout=10).stdout
        found = {}
        for line in text.splitlines():
            words = line.split()
            if "packets" in words and int(words[words.index("packets") + 1]):
                found[words[-1].strip('"')] = int(words[words.index("packets") + 1])
        return found

    def test_a_name_is_looked_up_again(self):
        with Namespace(resolv=True) as ns, Faultd("after 300ms close 1000", prefix=ns.prefix, listen=("0.0.0.0:0",)) as server:
            subprocess.run([*ns.prefix, "nft", "-f", "-"], input=self.counters(server.port), text=True, check=True, timeout=10)
            with NameServer(self.folder, ns.prefix, moving_test=["127.0.0.2"]) as names:
                conf = self.conf("moving.test", server.port, duration="4s", connections=2, target={"resolve": {"every": "1s"}, "family": "ipv4"},
                                 reconnect={"first": "50ms", "max": "50ms"})
                child = Run(conf, prefix=ns.prefix)
                with child:
                    process.wait_until(lambda: len(names.asked) >= 2, 10, "a query before the run, and the first in it")
                    names.answer(moving_test=["127.0.0.3"])
                    process.wait_until(lambda: len(names.asked) >= 4, 10, "two more")
                    names.answer()  # gone: what is known is kept
                    child.wait(30)
            counted = self.counted(ns)
        books.check(self, child)
        self.assertEqual(set(counted), {"127.0.0.2", "127.0.0.3"})
        self.assertNotIn("name not found", {key[2] for key in endings(child.group)})
        self.assertIn("keeping the 1 addresses known", child.stderr)


if __name__ == "__main__":
    unittest.main()
