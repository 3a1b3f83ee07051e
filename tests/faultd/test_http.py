"""The HTTP side, with Python's http.client as the judge."""
import http.client
import json
import unittest

from common import Faultd
from rawws import RawClient


class Http(unittest.TestCase):
    def test_one_connection_many_requests(self):
        with Faultd() as server:
            client = http.client.HTTPConnection(server.host, server.port, timeout=20)
            for method, path, body, status, expected in (
                    ("GET", "/", None, 200, b"ok\n"), ("HEAD", "/", None, 200, b""), ("GET", "/chunked", None, 200, b"one two three\n"),
                    ("GET", "/status/404", None, 404, b"ok\n"), ("GET", "/status/204", None, 204, b""),
                    ("POST", "/echo", b"\x00body", 200, b"\x00body"), ("GET", "/bytes/5", None, 200, b"abcde"),
                    ("HEAD", "/bytes/5", None, 200, b""), ("GET", "/bytes/3000000", None, 200, None), ("GET", "/last", None, 200, b"ok\n")):
                client.request(method, path, body)
                response = client.getresponse()
                data = response.read()
                self.assertEqual(response.status, status, path)
                if expected is None:
                    self.assertEqual(len(data), 3000000)
                else:
                    self.assertEqual(data, expected, path)
            client.close()
        line, = server.log()
        self.assertEqual((line["requests"], line["messages_in"], line["messages_out"]), (10, 10, 10))

    def test_close_on_demand(self):
        with Faultd() as server:
            with RawClient(server, upgrade=False) as raw:
                raw.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                self.assertIn("Connection: close\r\n", raw.read_head())
            with RawClient(server, upgrade=False) as raw:
                raw.send(b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertIn("Connection: close\r\n", raw.read_head())
            with RawClient(server, upgrade=False) as raw:
                raw.send(b"GET / HTTP/1.0\r\n\r\n")
                self.assertIn("Connection: close\r\n", raw.read_head())
        self.assertEqual([(line["by"], line["how"]) for line in server.log()],
                         [("peer", "http close"), ("us", "http close"), ("peer", "http close")])

    def test_pipelined_and_cut(self):
        with Faultd() as server, RawClient(server, upgrade=False) as raw:
            data = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 3
            for byte in data:
                raw.send(bytes([byte]))
            for _ in range(3):
                self.assertIn("200 OK", raw.read_head())
                raw.buffer = raw.buffer[3:] if len(raw.buffer) >= 3 else self.rest(raw)

    def rest(self, raw):
        while len(raw.buffer) < 3:
            raw.fill()
        return raw.buffer[3:]

    def test_events_go_on_behind_the_last_one_seen(self):
        with Faultd() as server:
            client = http.client.HTTPConnection(server.host, server.port, timeout=20)
            client.request("GET", "/sse/20ms", headers={"Last-Event-ID": "41"})
            self.assertEqual(client.getresponse().readline(), b"id: 42\n")
            client.close()

    def test_events_without_end(self):
        with Faultd() as server:
            client = http.client.HTTPConnection(server.host, server.port, timeout=20)
            client.request("GET", "/sse/50ms")
            response = client.getresponse()
            self.assertEqual(response.getheader("Content-Type"), "text/event-stream")
            ids, times_us = [], []
            while len(times_us) < 11:
                name, _, value = response.readline().decode().partition(": ")
                if name == "id":
                    ids.append(int(value))
                elif name == "data":
                    times_us.append(json.loads(value)["time_us"])
            client.close()
        self.assertEqual(ids, list(range(1, 12)))
        self.assertAlmostEqual((times_us[-1] - times_us[0]) / 1e6, 0.5, delta=0.05 + server.lag_s)

    def test_moments_take_keep_alive_connections_too(self):
        with Faultd("idle 500ms fin") as server, RawClient(server, upgrade=False) as raw:
            raw.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            raw.read_head()
            while len(raw.buffer) < 3:
                raw.fill()
            self.assertEqual(raw.read_end(), "fin")

    def test_a_head_that_never_ends(self):
        with Faultd() as server, RawClient(server, upgrade=False) as raw:
            raw.send(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 4000)
            self.assertIn("400", raw.read_head())


if __name__ == "__main__":
    unittest.main()
