"""Care with targets: what is public or denied is not connected to, at the start and wherever a name leads later."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from common import Case, Faultd, config, endings, longhaul, paths

USAGE = 2


def namespaced(script, deadline=40):
    """A shell in a network and a mount namespace of its own, where /etc/hosts is `hosts` of a new folder."""
    with tempfile.TemporaryDirectory(prefix="longhaul-care-") as folder:
        hosts = Path(folder) / "hosts"
        hosts.write_text("127.0.0.1 moving.test\n", encoding="ascii")
        done = subprocess.run(["unshare", "-n", "-m", "sh", "-ec", f"ip link set lo up; cd {folder}; mount --bind hosts /etc/hosts; {script}"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=deadline, check=False)
        return done


def can_unshare():
    return subprocess.run(["unshare", "-n", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


class Public(Case):
    def test_the_plan_is_printed_and_nothing_begins(self):
        conf = config("ws://203.0.113.7:9/", connections=5000, ramp={"over": "10s"}, duration="1m")
        with longhaul.Run(conf) as child:
            self.assertEqual(child.wait(10), USAGE, child.stderr)
            for words in ("target t (203.0.113.7)", "5,000 clients", "500 connects/s", "25000.0 messages/s", "authorized: true", "--yes"):
                self.assertIn(words, child.stderr)
            self.assertFalse(child.store.exists())

    def test_every_address_of_a_target_is_judged(self):
        conf = config("ws://x.test:9/", target={"addresses": ["127.0.0.1", "2001:db8::7"]})
        with longhaul.Run(conf) as child:
            self.assertEqual(child.wait(10), USAGE, child.stderr)
            self.assertIn("2001:db8::7", child.stderr)

    def test_a_login_somewhere_else_is_asked_for_as_well(self):
        with Faultd() as server:
            login = {"url": "http://203.0.113.99:9/login", "extract": {"token": {"json": "/token"}}, "within": "300ms", "retry": {"limit": 1}}
            conf = config(server.url(), duration="1s", connections=40, ramp={"over": "1s"}, login=login)
            with longhaul.Run(conf) as child:
                self.assertEqual(child.wait(10), USAGE, child.stderr)
                self.assertIn("target login-g (203.0.113.99)", child.stderr)
                self.assertIn("40 clients, at most 40 connects/s, 0.0 messages/s", child.stderr)
            said = json.loads(longhaul.command("check", child.config_path, "--json").stdout)["targets"]
            self.assertEqual({t["name"]: t["authorization"] for t in said}, {"t": "private", "login-g": "asked for"})
            conf["deny"] = ["203.0.113.0/24"]
            with longhaul.Run(conf, "--yes") as child:
                self.assertEqual(child.wait(10), USAGE, child.stderr)
                self.assertIn("groups.g.login.url", child.stderr)

    @unittest.skipUnless(can_unshare(), "needs network namespaces")
    def test_a_login_somewhere_else_is_authorized(self):
        """Whether anybody answers there is another matter: nothing leaves the namespace."""
        login = {"url": "http://203.0.113.99:9/login", "extract": {"token": {"json": "/token"}}, "within": "300ms", "retry": {"limit": 1}}
        for arguments, authorized in (("--yes",), {}), ((), {"authorized": True}):
            conf = config("ws://127.0.0.1:9/", duration="1s", connections=4, login={**login, **authorized})
            with longhaul.Run(conf, *arguments, prefix=("unshare", "-n")) as child:
                child.wait(20)
                self.assertEqual(child.report["run"]["how"], "complete", child.stderr)
                self.assertNotIn("address not authorized", {e["reason"] for e in child.report["totals"]["endings"]})

    def test_check_says_what_a_run_will_ask_for(self):
        conf = config("ws://203.0.113.7:9/")
        conf["targets"] = {"a": {"url": "ws://203.0.113.7:9/"}, "b": {"url": "wss://198.51.100.4/", "authorized": True},
                           "c": {"url": "ws://c.example.test/"}, "d": {"url": "ws://10.0.0.1/"}, "e": {"url": "ws://localhost:1/"},
                           "f": {"url": "ws://f.example.test/", "addresses": ["127.0.0.1", "2001:db8::5"]}}
        conf["groups"] = {f"of-{name}": {**conf["groups"]["g"], "target": name, "connections": 3} for name in conf["targets"]}
        with longhaul.Run(conf, command="check") as child:
            self.assertEqual(child.wait(10), 0, child.stderr)
        words = " ".join(child.stdout.split())
        for part in ("a (203.0.113.7): not authorized: `run` asks for `authorized: true` or --yes", "b (198.51.100.4): authorized",
                     "c (c.example.test): looked up by `run`, which asks", "f (2001:db8::5): not authorized"):
            self.assertIn(part, words)
        self.assertNotIn("d (10.0.0.1)", words)
        self.assertNotIn("e (localhost)", words)

    def test_a_denied_address_is_refused_with_yes_too(self):
        for deny, words in ((["127.0.0.0/8"], "127.0.0.1"), (["local*"], "targets.t.url")):
            with self.subTest(deny), longhaul.Run({**config("ws://localhost:9/"), "deny": deny}, "--yes") as child:
                self.assertEqual(child.wait(10), USAGE, child.stderr)
                self.assertIn(words, child.stderr)
                self.assertIn("deny", child.stderr)

    def test_private_targets_need_no_word(self):
        with Faultd() as server:
            self.checked({**config(server.url(), duration="1s", connections=2), "deny": ["*.prod.test", "10.0.0.0/8"]}, server)


@unittest.skipUnless(os.geteuid() == 0 and can_unshare(), "needs root and namespaces")
class Moving(Case):
    """A name that is looked up again each second, while its clients come and go."""

    def run_of(self, moves_to, *arguments, deny=(), authorized=False):
        conf = config("ws://moving.test:$PORT/", connections=4, duration="4s", lifetime="300ms", messages=[],
                      target={"resolve": {"every": "1s"}, "authorized": authorized}, run={"workers": 1}, reconnect={"first": "100ms", "max": "100ms"})
        conf["deny"] = list(deny)
        script = f"""
          {paths.FAULTD} --with-parent --listen 127.0.0.1:0 --listen 127.0.0.9:0 --log log.jsonl >listen &
          server=$!
          for i in $(seq 100); do [ "$(grep -c LISTEN listen)" = 2 ] && break; sleep 0.05; done
          PORT=$(sed -n 's/LISTEN 127.0.0.1://p' listen)
          cat >t.yaml <<CONF\n{json.dumps(conf)}\nCONF
          (sleep 2; echo '{moves_to} moving.test' >hosts) &
          {paths.LONGHAUL} run t.yaml --quiet --store runs {' '.join(arguments)} >out || true
          {paths.LONGHAUL} report latest --store runs --format json -o report.json
          kill $server; cat report.json"""
        done = namespaced(script)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_to_a_public_address(self):
        report = self.run_of("203.0.113.7")
        seen = endings(report["groups"][0])
        self.assertGreater(seen.get(("connect", "us", "address not authorized", None), 0), 4, seen)
        self.assertGreater(seen.get(("closing", "us", "lifetime reached", None), 0), 4, seen)
        self.assertFalse([key for key in seen if key[1] == "network"], seen)  # nothing was sent that way

    def test_to_a_denied_address_although_authorized(self):
        report = self.run_of("127.0.0.9", "--yes", deny=["127.0.0.9"], authorized=True)
        seen = endings(report["groups"][0])
        self.assertGreater(seen.get(("connect", "us", "address denied", None), 0), 4, seen)
        self.assertNotIn(("connect", "network", "connection refused", 111), seen)

    def test_authorized_by_yes_goes_there(self):
        seen = endings(self.run_of("203.0.113.7", "--yes")["groups"][0])
        self.assertNotIn(("connect", "us", "address not authorized", None), seen)
        self.assertTrue([key for key in seen if key[1:3] == ("network", "unreachable")], seen)  # a namespace without a route


if __name__ == "__main__":
    unittest.main()
