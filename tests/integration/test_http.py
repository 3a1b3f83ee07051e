"""Kinds http, sse, stream and tcp against faultd, and against a server of a few lines where the order of events matters."""
import threading
import unittest

from lib import books, join
from lib.faultd import Faultd
from lib.longhaul import config, endings, run
from lib.relay import Listener, read_head

BACK_SOON = {"first": "50ms", "max": "100ms", "jitter": "none"}


class Requests(unittest.TestCase):
    def go(self, server, messages, codes=(0, 4), **group):
        done = run(config(server.url(scheme="http"), connections=5, duration="2s", kind="http", messages=messages, **group))
        books.check(self, done)
        self.assertIn(done.code, codes, done.stderr)  # 4: a busy host, on which no verdict is given
        return done.group

    def test_methods_bodies_and_checks(self):
        messages = [{"name": "ok", "every": "100ms", "get": "/"},
                    {"name": "echo", "every": "500ms", "post": "/echo", "text": '{"id":"${token}"}',
                     "reply": {"contains": "${token}", "pointer": "/id", "equals": "${token}", "matches": "^[{]\"id\":\"[a-z0-9]+\""}},
                    {"name": "none", "every": "500ms", "get": "/status/404", "reply": {"status": [404, "3xx"]}},
                    {"name": "empty", "every": "500ms", "get": "/status/204"},
                    {"name": "head", "every": "500ms", "head": "/bytes/5000"},
                    {"name": "large", "every": "500ms", "get": "/bytes/200000", "reply": {"body_max": "200000B"}},
                    {"name": "chunked", "every": "500ms", "get": "/chunked"}]
        with Faultd() as server:
            group = self.go(server, messages)
        self.assertGreater(group["messages"]["planned"], 100)
        self.assertEqual((group["messages"]["failed"], group["drops"], group["opened"]), (0, 0, 5))
        self.assertEqual(group["messages"]["replied"], group["latency"]["ttfb"]["count"])

    def test_failed_checks_have_their_names(self):
        messages = [{"name": "status", "every": "1s", "get": "/status/500"},
                    {"name": "text", "every": "1s", "get": "/", "reply": {"contains": "absent"}},
                    {"name": "regex", "every": "1s", "get": "/", "reply": {"matches": "^absent$"}},
                    {"name": "value", "every": "1s", "post": "/echo", "text": '{"a":"b"}', "reply": {"pointer": "/a", "equals": "c"}},
                    {"name": "size", "every": "1s", "get": "/bytes/5000", "reply": {"body_max": "100B"}}]
        with Faultd() as server:
            messages = self.go(server, messages, codes=(1,))["messages"]  # a server that is never right has failed
        found = {key: messages[key] for key in ("failed", "wrong_status", "wrong_content", "wrong_value", "too_large")}
        expected = {"failed": 50, "wrong_status": 10, "wrong_content": 20, "wrong_value": 10, "too_large": 10}
        self.assertEqual(found["failed"], messages["sent"])
        self.assertEqual(found["failed"], sum(found.values()) - found["failed"])
        if messages["sent"] == 50:  # else the tester was late for some
            self.assertEqual(found, expected)
        self.assertTrue(all(0 < found[key] <= expected[key] for key in expected), found)

    def test_endings_have_their_names(self):
        for path, rules, reason in (("/close", [], "HTTP Connection: close"), ("/", ["idle 200ms fin"], "idle close"), ("/", ["idle 200ms rst"], "RST")):
            with self.subTest(reason=reason), Faultd(*rules) as server:
                group = self.go(server, [{"name": "m", "every": "500ms", "get": path}], reconnect=BACK_SOON)
                server.stop()
                # A server that was late with its idle limit met the next request.
                stale = {"stale keep-alive"} if server.lag_s > 0.1 else set()
                self.assertEqual({key[2] for key in endings(group) if key[0] == "open"} - stale, {reason})
                self.assertEqual(group["messages"]["lost"], 0)

    def test_tls(self):
        server = Faultd("--tls")
        ca = server.folder / "ca.pem"
        server._command += ["--tls-ca", ca]
        with server:
            done = run(config(server.url(scheme="https"), connections=5, duration="2s", kind="http", target={"tls": {"ca": str(ca)}},
                              messages=[{"name": "m", "every": "200ms", "get": "/bytes/100000"}]))
        books.check(self, done)
        self.assertEqual((done.group["drops"], done.group["latency"]["tls"]["count"]), (0, 5))
        self.assertGreaterEqual(done.group["messages"]["planned"], 45)
        self.assertGreaterEqual(done.group["bytes"]["received"], done.group["messages"]["replied"] * 100000)

    def test_a_closed_loop_never_waits(self):
        with Faultd() as server:
            group = self.go(server, [{"name": "m", "after": "reply", "get": "/"}])
        self.assertGreater(group["messages"]["replied"], 1000)
        self.assertEqual(group["messages"]["lost"], 0)


class Servers(unittest.TestCase):
    """What only a server of one's own can be made to do at the right moment."""

    def go(self, serve, messages, **group):
        with Listener(serve) as server:
            done = run(config(f"http://127.0.0.1:{server.port}", connections=3, duration="2s", kind="http", messages=messages,
                              reconnect=BACK_SOON, **group))
        books.check(self, done)
        return done.group

    def test_stale_keep_alive_is_sent_once_more(self):
        seen, first = [], threading.Lock()
        seen_twice = set()

        def serve(client):
            for served in range(100):
                head = read_head(client)
                if not head:
                    return
                with first:
                    stale = served > 0 and len(seen_twice) < 3 and head not in seen_twice
                    seen.append(head)
                    if stale:
                        seen_twice.add(head)
                if stale:  # closed without a word after the request has come
                    return
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        group = self.go(serve, [{"name": "m", "every": "300ms", "get": "/${token}"}])
        messages = group["messages"]
        self.assertEqual((messages["stale_keepalive"], messages["lost"], group["drops"]), (3, 0, 0))
        self.assertEqual({seen.count(head) for head in seen_twice}, {2})
        self.assertIn(("open", "peer", "stale keep-alive", None), endings(group))

    def test_closed_on_a_fresh_connection_is_no_response(self):
        group = self.go(read_head, [{"name": "m", "every": "300ms", "get": "/"}])
        self.assertEqual(group["messages"]["stale_keepalive"], 0)
        self.assertEqual(group["messages"]["replied"], 0)
        self.assertIn(("open", "peer", "closed without a response", None), endings(group))

    def test_request_cap(self):
        def serve(client):
            for left in (2, 1, 0):
                if not read_head(client):
                    return
                close = b"" if left else b"Connection: close\r\n"
                client.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + close + b"Content-Length: 0\r\n\r\n")

        group = self.go(serve, [{"name": "m", "every": "200ms", "get": "/"}])
        self.assertEqual({key[2:] for key in endings(group) if key[0] == "open"}, {("request cap", 3)})

    def test_responses_that_break(self):
        cases = {b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort": "response cut short", b"nonsense\r\n\r\n": "bad HTTP",
                 b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more": "bad HTTP"}
        for response, reason in cases.items():
            def serve(client, response=response):
                read_head(client)
                client.sendall(response)

            with self.subTest(reason=reason):
                group = self.go(serve, [{"name": "m", "every": "300ms", "get": "/"}])
                self.assertEqual({key[2] for key in endings(group) if key[0] == "open"}, {reason})

    def test_no_response_ends_the_connection(self):
        def serve(client):
            while read_head(client):
                pass

        group = self.go(serve, [{"name": "m", "every": "300ms", "get": "/"}], request_timeout="300ms")
        self.assertIn(("open", "us", "reply missing too long", None), endings(group))

    def test_a_body_without_a_length_ends_with_the_connection(self):
        def serve(client):
            read_head(client)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\nbody")

        group = self.go(serve, [{"name": "m", "every": "300ms", "get": "/", "reply": {"matches": "^body$"}}])
        self.assertEqual((group["messages"]["failed"], group["messages"]["lost"]), (0, 0))
        self.assertEqual({key[2] for key in endings(group) if key[0] == "open"}, {"HTTP Connection: close"})


class Streams(unittest.TestCase):
    def test_events_and_gaps(self):
        with Faultd() as server:
            done = run(config(server.url("/sse/100ms", scheme="http"), connections=5, duration="2s", kind="sse", messages=[]))
        books.check(self, done)
        off_s = join.off_s(done, server)
        self.assertAlmostEqual(done.group["messages"]["incoming"], 50 * done.report["run"]["duration_s"], delta=10 + 50 * off_s)
        self.assertAlmostEqual(done.group["latency"]["gap"]["p50_us"], 100_000, delta=20_000 + 1e6 * off_s)
        self.assertEqual(done.group["drops"], 0)

    def test_last_event_id_and_retry(self):
        heads = []

        def serve(client):
            heads.append(read_head(client))
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            client.sendall(b"retry: 300\nid: seven\ndata: a\n\n: comment\n\n")

        with Listener(serve) as server:
            done = run(config(f"http://127.0.0.1:{server.port}/", connections=1, duration="2s", kind="sse", messages=[], reconnect=BACK_SOON))
        books.check(self, done)
        self.assertNotIn(b"Last-Event-ID", heads[0])
        self.assertGreater(len(heads), 2)
        self.assertLess(len(heads), done.report["run"]["duration_s"] / 0.3 + 2)
        for head in heads[1:]:
            self.assertIn(b"\r\nLast-Event-ID: seven\r\n", head)
        self.assertEqual(done.group["messages"]["incoming"], len(heads))
        self.assertIn(("open", "peer", "stream ended", None), endings(done.group))

    def test_what_is_no_event_stream_is_refused(self):
        for path, reason, code in (("/", "wrong content type", None), ("/status/503", "HTTP status", 503)):
            with self.subTest(reason=reason), Faultd() as server:
                done = run(config(server.url(path, scheme="http"), connections=2, duration="1s", kind="sse", messages=[], reconnect=BACK_SOON))
                books.check(self, done)
                self.assertEqual({key for key in endings(done.group)} - {("connect", "us", "shutting down", None)}, {("upgrade", "peer", reason, code)})

    def test_retry_after_of_a_refusal_is_honoured(self):
        """20 clients of each kind, refused once: with Retry-After 2 s and a backoff of up to 1 s none is back before 2 s, and not all together."""
        message = [{"name": "m", "every": "10s", "get": "/", "after": "open"}]
        with Faultd("first 60 refuse 503 retry-after 2s") as server:
            conf = config(server.url("/sse", scheme="http"), connections=20, duration="6s", kind="sse", messages=[],
                          reconnect={"first": "1s", "max": "1s", "jitter": "full"})
            conf["groups"]["stream"] = {**conf["groups"]["g"], "kind": "stream"}
            conf["groups"]["http"] = {**conf["groups"]["g"], "kind": "http", "messages": message}
            done = run(conf)
        books.check(self, done)
        for row in done.query("SELECT group_no, sum(retry_afters) n FROM intervals GROUP BY group_no"):
            self.assertEqual(row["n"], 20, row)
        rows = done.query("SELECT group_no, (started_ns - (SELECT min(started_ns) FROM endings)) / 1e9 s FROM endings WHERE nth = 2")
        for group in range(3):
            begun = [row["s"] for row in rows if row["group_no"] == group]
            self.assertEqual(len(begun), 20)
            self.assertGreaterEqual(min(begun), 1.99)
            self.assertLess(max(begun), 3.5 + join.stood_s(done))
            self.assertGreater(max(begun) - min(begun), 0.5)

    def test_clients_stay_away_after_204(self):
        """The standard: an event stream answered with 204 is over, and is not asked for again. For kind stream it is a refusal."""
        with Faultd() as server:
            done = run(config(server.url("/status/204", scheme="http"), connections=3, duration="1500ms", kind="sse", messages=[], reconnect=BACK_SOON))
        books.check(self, done)
        self.assertEqual(endings(done.group), {("upgrade", "peer", "HTTP status", 204): 3})
        self.assertEqual({row["text"] for row in done.group["endings"]}, {"the stream is over: clients stay away"})
        with Faultd() as server:
            done = run(config(server.url("/status/204", scheme="http"), connections=3, duration="1s", kind="stream", messages=[], reconnect=BACK_SOON))
        self.assertGreater(endings(done.group)[("upgrade", "peer", "HTTP status", 204)], 3)

    def test_a_silent_stream_is_stalled(self):
        def serve(client):
            read_head(client)
            client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            client.recv(1)

        with Listener(serve) as server:
            done = run(config(f"http://127.0.0.1:{server.port}/", connections=2, duration="2s", kind="stream", messages=[], stall_timeout="300ms", reconnect=BACK_SOON))
        books.check(self, done)
        self.assertGreater(endings(done.group)[("open", "network", "stalled", None)], 4)
        self.assertGreater(done.group["bytes"]["received"], 20)

    def test_lines_over_tcp(self):
        def serve(client):
            for line in client.makefile("rb"):
                client.sendall(line)

        with Listener(serve) as server:
            done = run(config(f"tcp://127.0.0.1:{server.port}", connections=3, duration="2s", kind="tcp",
                              messages=[{"name": "m", "every": "100ms", "text": "PING ${token}\n", "reply": {"match": "echo"}}]))
        books.check(self, done)
        messages = done.group["messages"]
        self.assertGreater(messages["planned"], 50)
        self.assertGreater(messages["replied"], 15)
        self.assertEqual((messages["corrupt"], messages["lost"], done.group["drops"]), (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
