"""A server that stands still is measured by all that was planned meanwhile, not by the few requests that got through."""
import http.server
import threading
import time
import unittest

from common import Case, books, config, join, longhaul

STILL_FROM_S, STILL_UNTIL_S, EVERY_S = 1.0, 3.0, 0.1


class StandsStill(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        since = time.monotonic() - self.server.begin
        if STILL_FROM_S < since < STILL_UNTIL_S:
            time.sleep(STILL_UNTIL_S - since)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True


class CoordinatedOmission(Case):
    def test_requests_that_could_not_go_out_are_charged(self):
        server = Server(("127.0.0.1", 0), StandsStill)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.begin = time.monotonic()
        conf = config(f"http://127.0.0.1:{server.server_port}/", kind="http", connections=5, duration="5s",
                      messages=[{"name": "m", "every": f"{int(EVERY_S * 1000)}ms", "get": "/", "reply": {"within": "1s"}}])
        run = longhaul.run(conf)
        server.shutdown()
        server.server_close()
        group = run.report["groups"][0]
        messages, response, service = group["messages"], group["latency"]["response"], group["latency"]["service"]
        self.assertGreater(messages["skipped_late"], 5 * 10)
        self.assertEqual(response["count"], messages["replied"] + messages["skipped_charged"])
        self.assertGreater(response["p90_us"], 800_000)
        if join.stood_s(run) < 0.3:  # what the tester itself was too late for is not charged to the server
            self.assertEqual(messages["skipped_charged"], messages["skipped_late"])
            # Two of five seconds stood still: a quarter of what was planned waited a second or more; of what was sent, next to nothing.
            self.assertLess(service["p90_us"], 800_000)
        self.assertIn("messages-skipped", [finding["id"] for finding in run.report["findings"]])
        books.check(self, run)


if __name__ == "__main__":
    unittest.main()
