"""Logins against a server that lets nobody in without: every client with its own token, refreshed, refused, lost, in a herd."""
import csv
import os
import signal
import threading
import unittest
from collections import Counter

from lib import books, join, paths, process
from lib.faultd import Faultd
from lib.gate import Gate
from lib.longhaul import Run, command, config, endings, run

BODY = '{"client":${client},"password":"${env.LOGIN_PASSWORD}"}'
ENV = {"LOGIN_PASSWORD": "open sesame"}
TOKEN = {"token": {"json": "/access_token"}}
REQUEST = [{"name": "m", "every": "200ms", "get": "/api", "headers": {"Authorization": "Bearer ${login.token}"}}]
BACK_SOON = {"first": "50ms", "max": "100ms", "jitter": "none"}


def login(**more):
    return {"post": "/login", "text": BODY, "extract": TOKEN, **more}


class Logins(unittest.TestCase):
    def go(self, gate, scheme="http", connections=10, duration="2s", kind="http", messages=REQUEST, how=None, code=(0, 4), **group):
        conf = config(gate.url(scheme), connections=connections, duration=duration, kind=kind, messages=messages,
                      **{"headers": {"X-Client": "${client}"}, "login": how or login(), "reconnect": BACK_SOON, **group})
        done = run(conf, env=ENV)
        self.assertIn(done.code, code, done.stderr)
        books.check(self, done)
        self.assertEqual(gate.foreign, [])
        return done

    def sums(self, done):
        names = ("logins", "logins_succeeded", "logins_failed", "logins_dropped")
        row = done.query("select " + ", ".join(f"sum({name}) {name}" for name in names) + " from intervals")[0]
        return tuple(row[name] for name in names)

    def test_each_client_logs_in_once_and_sends_its_own_token(self):
        with Gate() as gate:
            done = self.go(gate, connections=20)
        self.assertEqual(gate.logins, Counter({str(c): 1 for c in range(20)}))
        self.assertEqual(set(gate.let_in), {str(c) for c in range(20)})
        self.assertEqual(self.sums(done), (20, 20, 0, 0))
        self.assertEqual(done.group["latency"]["login"]["count"], 20)
        self.assertEqual((done.group["drops"], done.group["messages"]["failed"]), (0, 0))
        self.assertEqual(gate.heads[0]["content-type"], "application/json")
        self.assertEqual((gate.connections, done.group["opened"]), (20, 20))  # the login goes over the client's own

    def test_what_shares_the_connection_and_what_does_not(self):
        for how, connections in (({"url": "{gate}/login", "text": BODY, "extract": TOKEN}, 5), (login(phase="together"), 10), (login(per="group"), 6)):
            with self.subTest(how=how), Gate(shared=True) as gate:
                how = {key: value.format(gate=gate.url(path="")) if key == "url" else value for key, value in how.items()}
                done = self.go(gate, connections=5, duration="700ms", how=how)
                self.assertEqual((gate.connections, done.group["opened"], done.group["messages"]["failed"]), (connections, 5, 0))

    def test_a_server_that_closes_after_each_login(self):
        with Gate() as gate:
            gate.closes = True
            done = self.go(gate, connections=5, duration="1s", how=login(refresh="300ms"))
        self.assertEqual((done.group["messages"]["failed"], done.group["messages"]["lost"]), (0, 0))
        self.assertEqual(self.sums(done)[2:], (0, 0))
        self.assertEqual(gate.connections, done.group["attempts"])
        self.assertGreaterEqual(endings(done.group)[("upgrade", "us", "planned end", None)], 5)

    def test_a_refresh_that_takes_too_long_ends_its_connection(self):
        with Gate() as gate:
            slower = threading.Thread(target=lambda: (process.wait_until(lambda: len(gate.let_in) == 5, 20, "all let in"), setattr(gate, "delay", 0.4)))
            slower.start()
            done = self.go(gate, connections=5, duration="2500ms", how=login(refresh="1s", within="150ms", retry={"first": "10s"}), code=(0, 1, 4))
            slower.join()
        self.assertEqual(self.sums(done)[1:3], (5, 5))
        self.assertEqual(endings(done.group)[("open", "us", "reply missing too long", None)], 5)
        self.assertEqual(done.group["messages"]["failed"], 0)  # with what it has, on the next connection

    def test_a_refresh_goes_between_the_requests_of_its_connection(self):
        with Gate() as gate:
            done = self.go(gate, connections=5, how=login(refresh="200ms"), messages=[{**REQUEST[0], "every": "20ms"}])
        self.assertEqual((gate.connections, done.group["drops"], done.group["messages"]["failed"]), (5, 0, 0))
        self.assertGreaterEqual(self.sums(done)[1], 15)  # of 50, and 500 below, less what a busy machine had no time for
        self.assertGreater(done.group["messages"]["replied"], 150)

    def test_websocket_stream_and_event_stream(self):
        cases = (("ws", "websocket", {"path": "/ws?token=${login.token}"}), ("ws", "websocket", {"headers": {"X-Client": "${client}", "Authorization": "Bearer ${login.token}"}, "path": "/ws"}),
                 ("http", "sse", {"path": "/events?token=${login.token}"}), ("http", "stream", {"path": "/events?token=${login.token}"}))
        for scheme, kind, group in cases:
            with self.subTest(kind=kind), Gate() as gate:
                done = self.go(gate, scheme, kind=kind, messages=[], duration="1s", **group)
                self.assertEqual((done.group["opened"], done.group["drops"], len(gate.let_in)), (10, 0, 10))

    def test_cookies_are_kept_and_sent(self):
        for scheme, kind, path in (("http", "http", None), ("ws", "websocket", "/ws"), ("http", "sse", "/events")):
            with self.subTest(kind=kind), Gate() as gate:
                messages = [{"name": "m", "every": "200ms", "get": "/api"}] if kind == "http" else []
                done = self.go(gate, scheme, kind=kind, messages=messages, duration="1s", how={"post": "/login", "text": BODY, "cookies": "keep"},
                               **({"path": path} if path else {}))
                self.assertEqual((done.group["opened"], len(gate.let_in), sum(gate.refused.values())), (10, 10, 0))

    def test_headers_and_cookies_are_extracted(self):
        for extract in ({"token": {"header": "x-token"}}, {"token": {"cookie": "sid"}}):
            with self.subTest(extract=extract), Gate() as gate:
                header = "Bearer ${login.token}" if "header" in extract["token"] else None
                headers = {"Authorization": header} if header else {"Cookie": "lang=en; sid=${login.token}"}
                messages = [{"name": "m", "every": "200ms", "get": "/api", "headers": headers}]
                done = self.go(gate, messages=messages, duration="1s", how=login(extract=extract))
                self.assertEqual((len(gate.let_in), done.group["messages"]["failed"]), (10, 0))

    def test_a_refresh_comes_before_the_token_ends(self):
        with Gate(lives=1.5) as gate:
            done = self.go(gate, duration="3s", how=login(refresh="1s"))
        self.assertEqual(sum(gate.refused.values()), 0)
        self.assertTrue(all(3 <= n <= 4 for n in gate.logins.values()), gate.logins)
        self.assertEqual(done.group["messages"]["failed"], 0)

    def test_an_ended_token_leads_to_one_login_and_not_to_a_loop(self):
        with Gate(lives=1.3, delay=0.1) as gate:
            done = self.go(gate, connections=10, duration="2400ms")
        self.assertEqual(gate.logins, Counter({str(c): 2 for c in range(10)}))
        self.assertEqual(gate.refused, Counter({str(c): 1 for c in range(10)}))
        self.assertEqual(done.group["messages"]["wrong_status"], 10)
        with Gate(lives=1.3) as gate:  # nobody asked for it
            done = self.go(gate, connections=3, duration="2s", how=login(on_401=False))
        self.assertEqual(gate.logins, Counter({str(c): 1 for c in range(3)}))
        self.assertGreater(min(gate.refused.values()), 1)

    def test_who_is_refused_for_ever_asks_at_the_pace_of_the_backoff(self):
        retry = {"first": "400ms", "max": "400ms", "jitter": "none"}
        for scheme, kind, group in (("http", "http", {}), ("ws", "websocket", {"path": "/ws?token=${login.token}"}), ("http", "sse", {"path": "/events?token=${login.token}"})):
            with self.subTest(kind=kind), Gate() as gate:
                gate.always = 401
                done = self.go(gate, scheme, connections=5, kind=kind, messages=REQUEST if kind == "http" else [], how=login(retry=retry), code=(0, 1, 4), **group)
                most = done.report["run"]["duration_s"] / 0.4 + 2
                self.assertTrue(all(3 - join.stood_s(done) / 0.4 <= n <= most for n in gate.logins.values()), gate.logins)
                logins = self.sums(done)
                self.assertEqual((logins[0], logins[2]), (logins[1] + logins[3], 0))  # some may be under way at the end

    def test_failed_logins_have_their_reasons_and_are_tried_again(self):
        with Gate(plan=[500, 503, 500, 401]) as gate:
            done = self.go(gate, connections=2, how=login(retry=BACK_SOON))
        self.assertEqual({key: n for key, n in endings(done.group).items() if key[0] == "login"},
                         {("login", "peer", "HTTP status", code): n for code, n in ((500, 2), (503, 1), (401, 1))})
        self.assertEqual(self.sums(done), (6, 2, 4, 0))
        self.assertEqual(done.group["opened"], 2)
        with Gate(delay=5) as gate:
            done = self.go(gate, connections=2, duration="1s", how=login(within="200ms", retry=BACK_SOON), code=(0, 1, 4))
        self.assertEqual(done.group["opened"], 0)
        self.assertGreater(endings(done.group)[("login", "network", "no answer in time", None)], 3)
        with Gate() as gate:
            done = self.go(gate, connections=1, duration="1s", how=login(extract={"token": {"json": "/nowhere"}}), code=(0, 1, 4))
        row = [row for row in done.group["endings"] if row["stage"] == "login"][0]
        self.assertEqual((row["reason"], row["text"]), ("answer without what is extracted", "token: the answer has nothing at JSON pointer /nowhere"))
        with Gate(plan=[429]) as gate:
            self.go(gate, connections=1, duration="3s", how=login(retry=BACK_SOON))
        self.assertGreater(gate.login_times[1] - gate.login_times[0], 0.9)  # Retry-After: 1

    def test_a_login_elsewhere(self):
        with Gate() as gate, Gate() as door:
            gate.tokens = door.tokens
            done = self.go(gate, duration="1s", how={"url": door.url(path="/login"), "text": BODY, "extract": TOKEN})
        self.assertEqual((sum(door.logins.values()), sum(gate.logins.values())), (10, 0))
        self.assertEqual((door.connections, gate.connections), (10, 10))
        self.assertEqual(done.group["messages"]["failed"], 0)

    def test_one_login_for_the_group_whatever_the_workers(self):
        for workers in (1, 3):
            with self.subTest(workers=workers), Gate(shared=True, lives=2.3) as gate:
                conf = config(gate.url(), connections=30, duration="4s", kind="http", messages=REQUEST, run={"workers": workers}, headers={"X-Client": "${client}"},
                              login=login(per="group"), reconnect=BACK_SOON)
                done = run(conf, env=ENV)
                books.check(self, done)
                self.assertEqual(gate.foreign, [])
                self.assertEqual(gate.logins, Counter({"0": 2}))  # the second after the first 401
                self.assertEqual(self.sums(done), (2, 2, 0, 0))
                self.assertEqual(len(gate.let_in), 30)

    def test_a_login_of_the_group_outlives_the_worker_that_made_it(self):
        with Gate(shared=True) as gate:
            conf = config(gate.url(), connections=20, duration="5s", kind="http", messages=REQUEST, run={"workers": 2}, headers={"X-Client": "${client}"},
                          login=login(per="group"), reconnect=BACK_SOON)
            with Run(conf, env=ENV) as child:
                process.wait_until(lambda: len(gate.let_in) == 20, 20, "all clients let in")
                os.kill(min(child.workers), signal.SIGKILL)  # the first, which makes the logins
                gate.let_in.clear()
                child.wait(30)
            books.check(self, child)
            self.assertEqual((gate.logins, gate.foreign, len(gate.let_in)), (Counter({"0": 1}), [], 20))

    def test_a_login_over_tls(self):
        server = Faultd("--tls")
        ca = server.folder / "ca.pem"
        server._command += ["--tls-ca", ca]
        with server:
            for extra, code in (({"ca": str(ca)}, (0, 4)), ({}, (0, 1, 4))):
                conf = config(server.url(scheme="https"), connections=5, duration="1s", kind="http", target={"tls": extra}, reconnect=BACK_SOON,
                              login={"post": "/echo", "text": '{"access_token":"${client}"}', "extract": TOKEN, "retry": BACK_SOON},
                              messages=[{"name": "m", "every": "200ms", "post": "/echo", "text": "<${login.token}>", "reply": {"contains": "<${client}>"}}])
                done = run(conf)
                self.assertIn(done.code, code, done.stderr)
                books.check(self, done)
                if extra:
                    self.assertEqual((done.group["opened"], done.query("select max(nth) n from endings")[0]["n"]), (5, 1))
                    self.assertEqual((done.group["logins"]["succeeded"], done.group["messages"]["failed"], done.group["drops"]), (5, 0, 0))
                    self.assertGreaterEqual(done.group["messages"]["replied"], 5)
                else:
                    self.assertEqual({key[:3] for key in endings(done.group) if key[1] != "us"}, {("tls", "peer", "certificate from an unknown CA")})

    def test_a_herd_of_a_thousand(self):
        with Gate(delay=0.3) as gate:
            done = self.go(gate, connections=1000, duration="4s", how=login(phase="together"), ramp={"over": "2s"},
                           messages=[{"name": "m", "every": "1s", "get": "/api", "headers": {"Authorization": "Bearer ${login.token}"}}])
        self.assertEqual(gate.logins, Counter({str(c): 1 for c in range(1000)}))
        self.assertEqual(self.sums(done), (1000, 1000, 0, 0))
        self.assertLess(max(gate.login_times) - min(gate.login_times), 1.5)  # and not over the ramp
        self.assertEqual((len(set(gate.tokens)), len(gate.let_in), done.group["drops"]), (1000, 1000, 0))

    def test_the_bundled_configs(self):
        folder = paths.ROOT / "configs"
        with open(folder / "users.csv", encoding="utf-8") as file:
            users = {row["user"]: row["password"] for row in csv.DictReader(file)}
        with Gate(shared=True, users=users) as gate:
            done = run(folder / "login-users.yaml", "--set", "run.duration=2s", "--set", "groups.users.connections=10", "--set", "groups.users.ramp={over: 500ms}",
                       "--set", "groups.users.messages[0].every=300ms", env={"API": gate.url()})
            self.assertIn(done.code, (0, 4), done.stderr)
            self.assertEqual((gate.logins, gate.foreign), (Counter({user: 2 for user in users}), []))
            self.assertEqual((done.group["logins"]["succeeded"], done.group["messages"]["failed"]), (10, 0))
            self.assertIn("\nLogins\n", done.stdout)
        with Gate(shared=True) as gate:
            done = run(folder / "login-herd.yaml", "--set", "run.duration=2s", "--set", "groups.herd.ramp={over: 1s}", "--set", "groups.herd.connections=300",
                       env={"GATEWAY": gate.url(), "GATEWAY_WS": gate.url("ws", "/ws"), "PASSWORD": gate.password})
            self.assertIn(done.code, (0, 4), done.stderr)
            self.assertEqual((len(gate.logins), gate.foreign, done.group["opened"], done.group["drops"]), (300, [], 300, 0))

    def test_no_secret_reaches_any_output(self):
        with Gate(lives=0.7) as gate:
            gate.always = None
            done = self.go(gate, "ws", kind="websocket", messages=[{"name": "m", "every": "100ms", "text": "${login.token} ${token}", "reply": {"contains": "${token}"}}],
                           path="/ws?token=${login.token}", lifetime="300ms", how=login(retry=BACK_SOON))
            self.assertGreater(sum(gate.refused.values()), 0)  # whose bodies name the token
            outputs = {"stdout": done.stdout.encode(), "stderr": done.stderr.encode(), "run file": done.path.read_bytes()}
            for form in ("html", "md", "json", "csv"):
                shown = command("report", done.path, "--format", form, "-o", done.folder / form)
                self.assertEqual(shown.returncode, 0, shown.stderr)
                files = [done.folder / form] if (done.folder / form).is_file() else (done.folder / form).iterdir()
                outputs[form] = b"".join(file.read_bytes() for file in files)
            for name, kept in outputs.items():
                for secret in gate.secrets():
                    self.assertFalse(secret.encode() in kept or secret[:20].encode() in kept, f"a secret in {name}")
            self.assertTrue(b"your token *** is no good" in outputs["run file"])


if __name__ == "__main__":
    unittest.main()
