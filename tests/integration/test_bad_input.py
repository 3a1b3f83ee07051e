"""What a user may get wrong: a clear sentence and the exit code of DESIGN.md, never a crash or a hang."""
import json
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from common import Case, Faultd, config, longhaul, paths

USAGE, HOST, INCONCLUSIVE = 2, 3, 4

GOOD = """run: {name: x, duration: 2s}
targets: {t: {url: "ws://127.0.0.1:9/"}}
groups:
  g:
    kind: websocket
    target: t
    connections: 1
"""


class Configs(Case):
    # name: (replaced, by, words that the sentence must hold)
    CASES = {
        "unknown key": ("connections: 1", "conections: 1", ["7:5", "conections", "connections"]),
        "wrong type": ("connections: 1", "connections: many", ["7:", "connections", "many"]),
        "negative duration": ("duration: 2s", "duration: -2s", ["1:", "duration", "-2s"]),
        "no unit": ("duration: 2s", "duration: 2", ["1:", "duration"]),
        "wrong scheme": ("ws://127.0.0.1:9/", "ftp://127.0.0.1:9/", ["2:", "url", "ftp"]),
        "no scheme": ("ws://127.0.0.1:9/", "127.0.0.1:9", ["2:", "url"]),
        "port out of range": ("127.0.0.1:9/", "127.0.0.1:99999/", ["2:", "url"]),
        "unknown target": ("target: t", "target: q", ["6:", "target", "q"]),
        "unknown kind": ("kind: websocket", "kind: websockets", ["5:", "kind", "websocket"]),
        "yes is no boolean": ("connections: 1", "connections: 1\n    deflate: yes", ["8:", "deflate", "true"]),
        "missing environment": ("127.0.0.1:9", "${env.LONGHAUL_NOT_SET}", ["LONGHAUL_NOT_SET"]),
        "broken YAML": ("groups:", "groups: [", [":"]),
        "a group without a kind": ("    kind: websocket\n", "", ["kind"]),
        "twice the same key": ("    target: t", "    target: t\n    target: t", ["target"]),
        "zero connections": ("connections: 1", "connections: 0", ["7:", "connections"]),
        "source address that is none": ("connections: 1", "connections: 1\n    source_addresses: [localhost]", ["8:", "source_addresses"]),
        "every and nothing else": ("connections: 1", "connections: 1\n    messages: [{text: x}]", ["8:", "every"]),
        "variable unknown": ("connections: 1", "connections: 1\n    messages: [{every: 1s, text: \"${tokn}\"}]", ["8:", "tokn"]),
        "token for the reply missing": ("connections: 1", "connections: 1\n    messages: [{every: 1s, text: x, reply: {contains: \"${token}\"}}]", ["8:", "token"]),
    }

    def test_each_is_told_at_its_place(self):
        for name, (old, new, words) in self.CASES.items():
            with self.subTest(name):
                self.assertIn(old, GOOD)
                for command in ("run", "check"):
                    with longhaul.Run(GOOD.replace(old, new, 1), command=command) as child:
                        self.assertEqual(child.wait(10), USAGE, child.stderr)
                        for word in words:
                            self.assertIn(word, child.stderr)
                        self.assertIn("test.yaml", child.stderr)
                        self.assertFalse(child.store.exists())

    def test_several_errors_at_once(self):
        text = GOOD.replace("duration: 2s", "duration: soon").replace("kind: websocket", "kind: telnet").replace("connections: 1", "connectoins: 1")
        with longhaul.Run(text) as child:
            self.assertEqual(child.wait(10), USAGE)
            for word in ("soon", "telnet", "connectoins"):
                self.assertIn(word, child.stderr)

    def test_files_that_are_not_there(self):
        for conf in ("/no/such/file.yaml", "/", "/dev/null"):
            with self.subTest(conf):
                done = longhaul.command("run", conf)
                self.assertEqual(done.returncode, USAGE, done.stderr)
                self.assertIn(conf, done.stderr)

    def test_a_binary_file(self):
        with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
            file.write(bytes(range(256)) * 100)
            file.flush()
            done = longhaul.command("run", file.name)
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertLess(len(done.stderr), 5000)


class CommandLine(Case):
    def test_usage(self):
        for arguments in ([], ["frobnicate"], ["run"], ["run", "--nonsense", "x"], ["run", "x.yaml", "--set", "novalue"], ["report"],
                          ["report", "/no/such/run.longhaul"], ["report", "latest", "--store", "/no/such"],
                          ["run", "ws://127.0.0.1:9/", "--report", "/no/such/x.html"],
                          ["run", "ws://127.0.0.1:9/", "-c", "lots"],
                          ["run", "gopher://x/", "-c", "1"], ["explain", "no.such.key"]):
            with self.subTest(arguments):
                done = longhaul.command(*arguments)
                self.assertEqual(done.returncode, USAGE, done.stderr)
                self.assertTrue((done.stderr + done.stdout).strip())

    def test_what_helps_is_named(self):
        for arguments, words in ((["run", "localhost:9001", "-c", "5"], ["neither a file nor a URL", "ws://localhost:9001"]),
                                 (["check", "127.0.0.1:9001/ws"], ["neither a file nor a URL", "ws://127.0.0.1:9001/ws"]),
                                 (["check", "x.yaml", "-d", "5"], ["--duration 5", "30s"]),
                                 (["run", "ws://127.0.0.1:9/", "-d", "5"], ["--duration", "30s"]),
                                 (["check", "ws://127.0.0.1:9/", "--set", "targets.server.tls.ca=x"], ['no target is called "server"', "expected target"]),
                                 (["check", "ws://127.0.0.1:9/", "--set", "groups.g.connections=1"], ['no group is called "g"', "expected clients"]),
                                 (["report", "nosuch"], ["no run file nosuch", "longhaul runs"])):
            with self.subTest(arguments):
                done = longhaul.command(*arguments)
                self.assertEqual(done.returncode, USAGE, done.stderr)
                for word in words:
                    self.assertIn(word, done.stderr)

    def test_version_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            self.assertEqual(subprocess.run([paths.LONGHAUL, "--version"], stdout=full, stderr=subprocess.PIPE, timeout=30).returncode, INCONCLUSIVE)

    def test_help_is_no_error(self):
        for arguments in (["--help"], ["--version"], ["run", "--help"], ["report", "--help"], ["explain"]):
            with self.subTest(arguments):
                done = longhaul.command(*arguments)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout)

    def test_set_of_an_unknown_key(self):
        with longhaul.Run(GOOD, "--set", "groups.g.conections=5") as child:
            self.assertEqual(child.wait(10), USAGE)
            self.assertIn("conections", child.stderr)


class NothingOpens(Case):
    def test_why_is_said_at_once_and_once(self):
        """Also where nobody looks at a view, and progress lines are off."""
        for options in ([], ["--quiet"]):
            with self.subTest(options), longhaul.Run(config("ws://127.0.0.1:9/", connections=3, duration="2s"), *options) as child:
                self.assertEqual(child.wait(20), 1, child.stderr)
                self.assertEqual(child.stderr.count("connection refused 111 (connect), the first of this kind"), 1, child.stderr)
                said = " ".join(child.stdout.split())
                self.assertIn("mostly ended by network: connection refused", said)
                self.assertIn("are host and port of the URL right?", said)


class Host(Case):
    def test_a_store_that_cannot_be_written(self):
        with Faultd() as server:
            for store in ("/proc/runs", "/dev/null/runs"):
                with self.subTest(store), longhaul.Run(config(server.url(), duration="2s"), "--store", store) as child:
                    self.assertIn(child.wait(15), (USAGE, INCONCLUSIVE), child.stderr)
                    self.assertIn(store, child.stderr)

    def test_check_asks_for_the_store_too(self):
        with Faultd() as server, tempfile.TemporaryDirectory() as folder:
            conf = Path(folder) / "c.yaml"
            conf.write_text(json.dumps(config(server.url(), duration="2s")))
            for store, code in ((folder + "/new/runs", 0), (folder, 0), (str(conf), USAGE), (str(conf) + "/runs", USAGE)):
                with self.subTest(store):
                    done = subprocess.run([paths.LONGHAUL, "check", conf, "--store", store], text=True, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, timeout=30)
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertEqual(store in done.stderr, code != 0, done.stderr)
            self.assertEqual([path.name for path in Path(folder).iterdir()], ["c.yaml"])

    def test_too_few_descriptors(self):
        """ulimit -n 256 and a plan of 2,000: exit 3, at once, with the command that helps."""
        with Faultd() as server:
            begin = time.monotonic()
            conf = Path(tempfile.mkdtemp(prefix="longhaul-")) / "c.yaml"
            conf.write_text(json.dumps(config(server.url(), connections=2000, run={"workers": 1})))
            done = subprocess.run(["bash", "-c", f"ulimit -n 256; exec {paths.LONGHAUL} run {conf} --store {conf.parent}/runs"], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
            self.assertEqual(done.returncode, HOST, done.stderr)
            self.assertRegex(done.stderr, r"ulimit -\w*n|prlimit --pid")
            self.assertLess(time.monotonic() - begin, 2)
            shutil.rmtree(conf.parent)

    def test_a_limit_on_the_size_of_files(self):
        """ulimit -f: a sentence, where the signal of it would end us without a word."""
        with tempfile.TemporaryDirectory(prefix="longhaul-") as folder:
            done = subprocess.run(["bash", "-c", f"ulimit -f 10; exec {paths.LONGHAUL} run ws://127.0.0.1:9/ -d 1s --store {folder}"], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        self.assertEqual(done.returncode, INCONCLUSIVE, done.stderr)
        self.assertIn("ulimit -f", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root for a small file system")
    def test_a_full_disk(self):
        folder = tempfile.mkdtemp(prefix="longhaul-disk-")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("cannot mount a small file system")
        try:
            with Faultd("after 50ms jitter 100% rst") as server:
                conf = config(server.url(), connections=300, duration="20s", reconnect={"first": "20ms", "max": "50ms"})
                with longhaul.Run(conf, "--store", folder) as child:
                    self.assertIn(child.wait(40), (HOST, INCONCLUSIVE), child.stderr)  # the preflight sees it coming, and says so
                    self.assertIn(folder, child.stderr)
                with longhaul.Run(conf, "--store", folder, "--force") as child:
                    self.assertEqual(child.wait(40), INCONCLUSIVE, child.stderr)
                    self.assertRegex(child.stderr.lower(), "no space|full")
                subprocess.run(["mount", "-o", "remount,size=1m", folder], check=True)  # full after some intervals: there is a report
                with longhaul.Run(conf, "--store", folder, "--force") as child:
                    self.assertEqual(child.wait(40), INCONCLUSIVE, child.stderr)
                    self.assertIn("the run file could not be written to its end", " ".join(child.stdout.split()))
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
            os.rmdir(folder)


class RunFiles(Case):
    """Files that are no run files, or no longer."""

    @classmethod
    def setUpClass(cls):
        with Faultd() as server:
            cls.run_ = longhaul.run(config(server.url(), duration="2s"))
        cls.folder = Path(tempfile.mkdtemp(prefix="longhaul-"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def refused(self, path, *words):
        done = longhaul.command("report", path)
        self.assertEqual(done.returncode, USAGE, (done.stdout[:200], done.stderr))
        self.assertIn(str(path.name), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertLessEqual(done.stderr.count("\n"), 3)

    def copy(self, name):
        return Path(shutil.copy(self.run_.path, self.folder / name))

    def test_another_version(self):
        path = self.copy("newer.longhaul")
        db = sqlite3.connect(path)
        db.execute("update meta set value = '999' where key = 'schema_version'")
        db.execute("pragma user_version = 999")
        db.commit()
        db.close()
        self.refused(path, "999")

    def test_truncated(self):
        size = self.run_.path.stat().st_size
        for length in (0, 1, 15, 16, 99, 100, 512, 4095, 4096, 5000, size // 4, size // 2, size - 1):
            with self.subTest(length):
                path = self.copy("short.longhaul")
                os.truncate(path, length)
                done = longhaul.command("report", path)
                self.assertIn(done.returncode, (USAGE,) if length < 4096 else (0, USAGE, INCONCLUSIVE), done.stderr)
                self.assertTrue(done.returncode == 0 or done.stderr.strip())
                if done.returncode == 0:
                    self.assertIn(f"is cut off: it has {length} of {size} bytes", " ".join(done.stdout.split()))

    def test_damaged(self):
        rng = random.Random(5)
        whole = self.run_.path.read_bytes()
        for n in range(30):
            data = bytearray(whole)
            for _ in range(200):
                data[rng.randrange(100, len(data))] = rng.randrange(256)
            path = self.folder / f"damaged{n}.longhaul"
            path.write_bytes(data)
            done = longhaul.command("report", path)
            self.assertGreaterEqual(done.returncode, 0, f"died of a signal: {done.returncode}")
            self.assertTrue(done.returncode == 0 or done.stderr.strip())

    def test_something_else(self):
        path = self.folder / "text.longhaul"
        path.write_text("this is not a run file\n" * 1000)
        self.refused(path)
        path = self.folder / "other.longhaul"
        db = sqlite3.connect(path)
        db.execute("create table t (x)")
        db.commit()
        db.close()
        self.refused(path)
        self.refused(self.folder)


if __name__ == "__main__":
    unittest.main()
