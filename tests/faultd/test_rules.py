"""Rules: when, who, and what they do to connections and replies."""
import collections
import os
import socket
import ssl
import subprocess
import time
import unittest

from common import Faultd, paths, process
from rawws import CLOSE, PING, PONG, TEXT, End, RawClient

PATIENCE_S = 20  # until what must happen is given up; nothing is judged by it


def tokens(ws, count):
    for i in range(count):
        ws.send_frame(TEXT, f"message {i}")


class Endings(unittest.TestCase):
    def check(self, rule, expected_end, how, act=None, **log):
        with Faultd(rule) as server, RawClient(server) as ws:
            if act:
                act(ws)
            self.assertEqual(ws.read_end(), expected_end)
            ws.sock.close()
            process.wait_until(server.log, PATIENCE_S, "log line")
            line, = server.log()
            self.assertEqual((line["by"], line["how"], line["rule"], line["port"]), ("us", how, rule, ws.local_port))
            for key, value in log.items():
                self.assertEqual(line[key], value, key)
        return line, server.lag_s

    def test_fin_and_rst(self):
        self.check("after 50ms fin", "fin", "fin", fin_seen=True, close_sent=0)
        self.check("after 50ms rst", "rst", "rst", fin_seen=False)
        self.check("at 1s drop all", "rst", "rst")  # a client that comes later is not dropped
        self.check("message 2 fin", "fin", "fin", lambda ws: (tokens(ws, 1), ws.read_text(), tokens(ws, 1)), messages_in=2, messages_out=1)
        self.check("idle 200ms rst", "rst", "rst")

    def test_after_is_on_time(self):
        line, lag_s = self.check("after 300ms fin", "fin", "fin")
        for unit, in_ms in (("ns", 1e6), ("us", 1e3)):
            took_ms = (line[f"caused_{unit}"] - line[f"upgraded_{unit}"]) / in_ms
            self.assertAlmostEqual(took_ms, 300, delta=30 + lag_s * 1e3)

    def test_idle_counts_from_the_last_byte(self):
        with Faultd("idle 300ms fin") as server, RawClient(server) as ws:
            heard = time.monotonic()
            try:
                for _ in range(5):
                    sent = time.monotonic()
                    tokens(ws, 1)
                    self.assertEqual(ws.read_text(), "message 0")
                    heard = sent  # its bytes came no earlier
                    time.sleep(0.15)
                self.assertEqual(ws.read_end(), "fin")
            except (End, ConnectionError):  # the next one was sent too late
                pass
            closed = time.monotonic()
        self.assertGreaterEqual(closed - heard, 0.3 - server.lag_s)

    def test_close_with_code_and_text(self):
        with Faultd('after 50ms close 1012 "restarting \\xe2\\x98\\x83"') as server:
            with RawClient(server) as ws:
                self.assertEqual(ws.read_close(), (1012, "restarting ☃"))
                ws.send_frame(CLOSE, b"\x03\xf4")
                self.assertEqual(ws.read_end(), "fin")
            with RawClient(server) as ws:
                self.assertEqual(ws.read_close()[0], 1012)
                tokens(ws, 3)  # messages that crossed the close frame are counted and not answered
                ws.send_frame(CLOSE, b"\x03\xf4thanks")
                self.assertEqual(ws.read_end(), "fin")
        first, second = server.log()
        self.assertEqual((first["close_sent"], first["close_received"]), (1012, 1012))
        self.assertEqual((second["messages_in"], second["messages_out"], second["close_text"]), (3, 0, "thanks"))

    def test_close_without_code_and_without_answer(self):
        with Faultd("after 50ms close 1005") as server, RawClient(server) as ws:
            self.assertEqual(ws.read_frame(), (True, 0, CLOSE, b""))
            self.assertEqual(ws.read_end(), "fin")
        line, = server.log()
        self.assertAlmostEqual((line["ended_ns"] - line["caused_ns"]) / 1e9, 5, delta=0.1 + server.lag_s)

    def test_silent_keeps_the_connection(self):
        with Faultd("message 2 silent") as server, RawClient(server) as ws:
            tokens(ws, 2)
            self.assertEqual(ws.read_text(), "message 0")
            ws.send_frame(PING, b"anyone?")
            ws.sock.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                ws.fill()
            self.assertEqual(server.log(), [])
            ws.sock.close()
            process.wait_until(server.log, PATIENCE_S, "log line")
            line, = server.log()
            self.assertEqual((line["by"], line["how"], line["pings_in"]), ("us", "silent", 0))

    def test_the_clients_own_endings(self):
        with Faultd() as server:
            RawClient(server).sock.close()
            process.wait_until(server.log, PATIENCE_S, "log line")
            ws = RawClient(server)
            ws.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            ws.sock.close()
            process.wait_until(lambda: len(server.log()) == 2, PATIENCE_S, "log line")
            kept = RawClient(server)
            server.stop()
            self.assertEqual(kept.read_end(), "fin")
        self.assertEqual([(line["by"], line["how"], line["fin_seen"], line["rst_seen"], line["alive"]) for line in server.log()],
                         [("peer", "fin", True, False, False), ("peer", "rst", False, True, False), ("none", "alive", False, False, True)])

    def test_accept_rules(self):
        for rule, end in (("accept-rst", "rst"), ("accept-fin", "fin")):
            with self.subTest(rule), Faultd(rule) as server:
                try:
                    with RawClient(server, upgrade=False) as ws:
                        self.assertEqual(ws.read_end(), end)
                except ConnectionResetError:
                    self.assertEqual(end, "rst")
        with Faultd("never-read") as server, RawClient(server, upgrade=False, timeout=0.4) as ws:
            with self.assertRaises(TimeoutError):
                ws.upgrade()

    def test_not_listening_and_back(self):
        def listens():
            try:
                RawClient(server).sock.close()
            except ConnectionRefusedError:
                return False
            return True

        with Faultd("from 200ms to 1200ms not-listening") as server:
            process.wait_until(lambda: not listens(), PATIENCE_S, "a refusal")
            process.wait_until(listens, PATIENCE_S, "the server back")

    def test_stop_accepting_leaves_the_backlog(self):
        begin = time.monotonic()
        with Faultd("from 0s to 700ms stop-accepting") as server, RawClient(server):
            pass
        self.assertGreaterEqual(server.log()[0]["accepted_ns"] / 1e9 - begin, 0.7)
        self.assertEqual(server.log()[0]["how"], "alive" if server.log()[0]["alive"] else "fin")


class Who(unittest.TestCase):
    def taken(self, *arguments, count=200):
        """Numbers of the connections that got a close frame at once. On an address of its own: the port may have been another server's
        a moment ago, whose clients still knock at 127.0.0.1, and here every connection counts."""
        with Faultd(*arguments, listen=(f"127.{os.getpid() % 200 + 1}.{os.getpid() // 200 % 250 + 1}.7:0",)) as server:
            clients = [RawClient(server) for _ in range(count)]
            time.sleep(0.05)
            for ws in clients:
                self.round_trip(ws)  # by then its loop has done what was due, however late
                ws.sock.close()
            process.wait_until(lambda: len(server.log()) == count, PATIENCE_S, "log lines")
        return sorted(line["conn"] for line in server.log() if line["by"] == "us")

    @staticmethod
    def round_trip(ws):
        try:
            ws.send_frame(PING, b"done?")
            while ws.read_frame()[2] != PONG:
                pass
        except (End, ConnectionError):
            pass

    def test_a_share_follows_the_seed(self):
        first = self.taken("20% after 10ms fin", "--seed", "5")
        self.assertEqual(first, self.taken("20% after 10ms fin", "--seed", "5"))
        self.assertNotEqual(first, self.taken("20% after 10ms fin", "--seed", "6"))
        self.assertTrue(20 <= len(first) <= 62, len(first))

    def test_first(self):
        self.assertEqual(self.taken("first 3 after 10ms fin", count=6), [1, 2, 3])

    def test_path(self):
        with Faultd('path /bad after 20ms close 4000 "x"') as server:
            with RawClient(server, "/bad/one") as bad, RawClient(server, "/good") as good:
                self.assertEqual(bad.read_close(), (4000, "x"))
                tokens(good, 1)
                self.assertEqual(good.read_text(), "message 0")

    def test_every_draws_anew(self):
        with Faultd("every 100ms 30% ping") as server, RawClient(server) as ws:
            time.sleep(2.05)
            ws.sock.close()
            process.wait_until(server.log, PATIENCE_S, "log line")
            line, = server.log()
            draws = (line["ended_ns"] - line["upgraded_ns"]) / 1e8
            self.assertTrue(1 <= line["pings_out"] <= 0.7 * draws, line)


class Replies(unittest.TestCase):
    N = 1000

    def exchange(self, *rules, count=None):
        """What comes back for N messages, and the log line: until the pong of a ping behind them, or so many replies where those wait."""
        with Faultd(*rules) as server, RawClient(server, timeout=PATIENCE_S) as ws:
            tokens(ws, self.N)
            ws.send_frame(PING, b"done?")
            frames = []
            while len(frames) <= count if count else not frames or frames[-1][0] != PONG:
                frames.append(ws.read_frame()[2:])
            replies = [payload.decode() for opcode, payload in frames if opcode == TEXT]
            ws.sock.close()
            process.wait_until(server.log, PATIENCE_S, "log line")
            return replies, server.log()[0]

    def sent(self):
        return [f"message {i}" for i in range(self.N)]

    def test_lose(self):
        replies, line = self.exchange("each 10% lose")
        self.assertEqual(len(replies), self.N - line["lost"])
        self.assertTrue(60 <= line["lost"] <= 140, line["lost"])
        self.assertEqual([r for r in self.sent() if r in set(replies)], replies)

    def test_duplicate(self):
        replies, line = self.exchange("each 10% duplicate")
        counts = collections.Counter(replies)
        self.assertEqual(sorted(counts), sorted(self.sent()))
        self.assertEqual(sum(1 for n in counts.values() if n == 2), line["duplicated"])
        self.assertTrue(60 <= line["duplicated"] <= 140, line["duplicated"])

    def test_reorder(self):
        replies, line = self.exchange("message 5 reorder")
        expected = self.sent()
        expected[4], expected[5] = expected[5], expected[4]
        self.assertEqual((replies, line["reordered"]), (expected, 1))

    def test_corrupt(self):
        replies, line = self.exchange("each 10% corrupt")
        different = [(a, b) for a, b in zip(self.sent(), replies) if a != b]
        self.assertEqual(len(different), line["corrupted"])
        self.assertTrue(60 <= line["corrupted"] <= 140, line["corrupted"])
        for a, b in different:
            self.assertEqual(sum(x != y for x, y in zip(a, b)), 1)

    def test_delay_keeps_order_and_takes_its_time(self):
        begin = time.monotonic()
        replies, line = self.exchange("delay 200ms", count=self.N)
        self.assertEqual(replies, self.sent())
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)
        self.assertEqual(line["delayed"], self.N)

    def test_a_span_mixes_the_order(self):
        replies, _ = self.exchange("delay 10ms..200ms", count=self.N)
        self.assertNotEqual(replies, self.sent())
        self.assertEqual(sorted(replies), sorted(self.sent()))

    def test_a_window(self):
        before = time.monotonic()
        with Faultd("from 600ms to 1200ms lose") as server, RawClient(server) as ws:
            after = time.monotonic()  # the server's time began between the two
            while time.monotonic() < after + 1.5:
                sent = time.monotonic()
                tokens(ws, 1)
                ws.send_frame(PING, b"done?")
                lost = ws.read_frame()[2] == PONG
                if not lost:
                    self.assertEqual(ws.read_frame()[2], PONG)
                came = time.monotonic()  # the server had it between `sent` and now
                if lost:
                    self.assertTrue(sent < after + 1.2 and came >= before + 0.6, (before, after, sent, came))
                else:
                    self.assertTrue(sent < after + 0.6 or came >= before + 1.2, (before, after, sent, came))
                time.sleep(0.02)

    def test_no_echo(self):
        replies, line = self.exchange("no-echo")
        self.assertEqual((replies, line["messages_in"], line["messages_out"], line["lost"]), ([], self.N, 0, 0))


class Requests(unittest.TestCase):
    def test_refuse(self):
        with Faultd('refuse 503 "try later" retry-after 1500ms') as server, RawClient(server) as ws:
            self.assertTrue(ws.head.startswith("HTTP/1.1 503 Service Unavailable\r\n"), ws.head)
            self.assertIn("Retry-After: 2\r\n", ws.head)
            self.assertIn("Connection: close\r\n", ws.head)
            with self.assertRaises(End) as raised:
                while True:
                    ws.fill()
            self.assertEqual((ws.buffer, raised.exception.how), (b"try later", "fin"))
        line, = server.log()
        self.assertEqual((line["by"], line["how"], line["status"]), ("us", "refuse", 503))

    def test_redirect(self):
        with Faultd("redirect ws://127.0.0.1:9/other") as server, RawClient(server) as ws:
            self.assertTrue(ws.head.startswith("HTTP/1.1 302 "), ws.head)
            self.assertIn("Location: ws://127.0.0.1:9/other\r\n", ws.head)

    def test_upgrade_delay(self):
        with Faultd("upgrade-delay 300ms") as server, RawClient(server) as ws:
            self.assertTrue(ws.accept_ok)
            tokens(ws, 1)
            self.assertEqual(ws.read_text(), "message 0")
        line, = server.log()
        self.assertAlmostEqual((line["upgraded_ns"] - line["accepted_ns"]) / 1e9, 0.3, delta=0.05 + 2 * server.lag_s)

    def test_upgrade_never(self):
        with Faultd("upgrade-never") as server:
            with self.assertRaises(TimeoutError):
                RawClient(server, timeout=0.5)
        self.assertEqual(server.log()[0]["how"], "upgrade-never")

    def test_answers_that_are_none(self):
        for rule, how in (("upgrade-fin", "fin"), ("upgrade-rst", "rst"), ("upgrade-half", "fin")):
            with self.subTest(rule), Faultd(rule) as server:
                with self.assertRaises(End) as raised:
                    RawClient(server)
                self.assertEqual(raised.exception.how, how)
        with Faultd("bad-accept") as server, RawClient(server) as ws:
            self.assertFalse(ws.accept_ok)
        with Faultd("bad-http") as server, RawClient(server) as ws:
            self.assertNotIn("HTTP/1.1", ws.head)
            self.assertIn("not HTTP", ws.head)

    def test_wrong_upgrades_are_refused(self):
        good = ["GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        cases = [(0, "POST / HTTP/1.1", "400"), (1, "X: y", "400"), (3, "Upgrade: h2c", "400"), (4, "Sec-WebSocket-Version: 8", "426"),
                 (5, "Sec-WebSocket-Key: short", "400"), (0, "nonsense", "400")]
        with Faultd() as server:
            for at, line, status in cases:
                with self.subTest(line), RawClient(server, upgrade=False) as ws:
                    lines = good[:at] + [line] + good[at + 1:]
                    ws.send("\r\n".join(lines).encode() + b"\r\n\r\n")
                    self.assertEqual(ws.read_head().split()[1], status)


class Tls(unittest.TestCase):
    def wrap(self, ca, name="localhost"):
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        context.options &= ~(1 << 7)  # Python asks OpenSSL to forgive a missing close_notify (SSL_OP_IGNORE_UNEXPECTED_EOF)
        return lambda sock: context.wrap_socket(sock, server_hostname=name, suppress_ragged_eofs=False)

    def ca(self, server):
        return server.ca

    def start(self, *arguments):
        server = Faultd("--tls", *arguments)
        server.ca = server.folder / "ca.pem"
        server._command += ["--tls-ca", server.ca]
        return server

    def test_echo(self):
        with self.start() as server, RawClient(server, wrap=self.wrap(server.ca)) as ws:
            for n in (5, 100_000, 3_000_000):
                ws.send_frame(TEXT, "x" * n)
                self.assertEqual(len(ws.read_text()), n)
            ws.send_frame(CLOSE, b"\x03\xe8")
            self.assertEqual(ws.read_close()[0], 1000)
            self.assertEqual(ws.sock.recv(1), b"")  # a close_notify came: else ssl raises

    def test_certificates(self):
        for kind, reason in (("expired", "expired"), ("not-yet-valid", "not yet valid"), ("wrong-host", "ostname"), ("self-signed", "self-signed")):
            with self.subTest(kind), self.start("--tls-make", kind) as server:
                with self.assertRaisesRegex(ssl.SSLCertVerificationError, reason):
                    RawClient(server, wrap=self.wrap(server.ca))
                process.wait_until(server.log, PATIENCE_S, "log line")
                line, = server.log()
                self.assertEqual((line["by"], line["how"]), ("peer", "tls"))
        with self.start() as server, self.assertRaisesRegex(ssl.SSLCertVerificationError, "unable to get local issuer"):
            RawClient(server, wrap=self.wrap(None))

    def test_fin_without_close_notify(self):
        with self.start("message 1 fin") as server, RawClient(server, wrap=self.wrap(server.ca)) as ws:
            ws.send_frame(TEXT, "now")
            with self.assertRaisesRegex(ssl.SSLError, "UNEXPECTED_EOF"):
                ws.sock.recv(10)

    def test_alert_and_silence(self):
        with self.start("tls-alert") as server, self.assertRaisesRegex(ssl.SSLError, "HANDSHAKE_FAILURE"):
            RawClient(server, wrap=self.wrap(server.ca))
        self.assertEqual(server.log()[0]["how"], "tls-alert")
        with self.start("tls-never") as server, self.assertRaises(TimeoutError):
            RawClient(server, wrap=self.wrap(server.ca), timeout=0.4)


class Processes(unittest.TestCase):
    def test_several_share_port_and_log(self):
        with Faultd("--processes", "3") as server:
            clients = [RawClient(server) for _ in range(60)]
            children = process.children_of(server.pid)
            self.assertEqual(len(children), 3)
            for ws in clients:
                tokens(ws, 1)
                self.assertEqual(ws.read_text(), "message 0")
        log = server.log()
        self.assertEqual((server.exit_code, server.summary["connections"], server.summary["alive"]), (0, 60, 60))
        self.assertEqual(len({line["conn"] for line in log}), 60)
        self.assertEqual({line["process"] for line in log}, {0, 1, 2})
        self.assertEqual({line["port"] for line in log}, {ws.local_port for ws in clients})

    def test_it_ends_with_its_parent(self):
        script = f'coproc {paths.FAULTD} --with-parent --processes 2; echo $COPROC_PID; read -r line <&${{COPROC[0]}}'
        shell = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S)
        process.wait_until(lambda: not process.alive(int(shell.stdout)), PATIENCE_S, "the end of faultd")

    def test_it_ends_by_itself(self):
        done = subprocess.run([paths.FAULTD, "--for", "200ms"], stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1].split()[0]), (0, "SUMMARY"))


class Scripts(unittest.TestCase):
    BAD = [
        ("fin", "one moment"), ("at 5 fin", "a time"), ("at 5s at 6s fin", "one of at"), ("lose at 5s", "replies"),
        ("explode", "no condition and no action"), ("at 5s", "an action is missing"), ("each 101% lose", "a share"),
        ("close", "whole number"), ("at 1s close 70000", "whole number"), ('at 1s close 1000 "' + "x" * 124 + '"', "123 bytes"),
        ("path /x accept-rst", "before a request"), ("stop-accepting", "from T to T"), ("from 5s to 2s lose", "later than"),
        ("at 1s bad-frame odd", "needs a kind"), ("push 0/s", "rate above 0"), ('at 1s send "x', "not closed"),
        ("delay 3s..1s", "a span"), ("at 1s send", "text in quotes"), ("lose now", "one word too many"), ("every 0s ping", "above 0"),
        ("at 1s jitter 5% fin", "jitter belongs"), ("message 0 lose", "whole number"), ('at 1s send "\\q"', "escape"),
    ]

    def test_bad_rules_are_told(self):
        for rule, words in self.BAD:
            with self.subTest(rule):
                done = subprocess.run([paths.FAULTD, rule], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual((done.stderr.count("\n"), done.stdout), (1, ""))

    def test_bad_options_are_told(self):
        for options in (["--listen", "localhost"], ["--listen", "1.2.3.4.5:0"], ["--processes", "0"], ["--for", "soon"], ["--nonsense"],
                        ["--tls-cert", "x"], ["--tls-cert", "/none", "--tls-key", "/none"], ["--tls-make", "odd"], ["--script", "/none"]):
            with self.subTest(options):
                done = subprocess.run([paths.FAULTD, *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn("faultd: ", done.stderr)

    def test_a_script_file(self):
        with Faultd() as server:
            pass
        script = server.folder / "script.txt"
        script.write_text('# a comment\n\n  each 100% lose   # another\nmessage 3 close 1001 "a # b"\n')
        with Faultd("--script", script) as server, RawClient(server) as ws:
            tokens(ws, 3)
            self.assertEqual(ws.read_close(), (1001, "a # b"))

    def test_help_names_every_word(self):
        text = subprocess.run([paths.FAULTD, "--help"], stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S).stdout
        for word in ("upgrade-delay", "bad-frame", "interleaved", "--with-parent", "not-listening"):
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
