"""Cookies of each client: over requests, redirects and reconnects of every kind that has an HTTP request."""
import json
import shutil
import subprocess
import unittest
from pathlib import Path

from common import Case, books, config, endings, process, run
from lib import npm
from lib.relay import Listener, read_head
from test_recipes import NGINX, Server

HERE = Path(__file__).resolve().parent / "peers"
BACK_SOON = {"first": "20ms", "max": "20ms", "jitter": "none"}
CLIENTS = 5
# Of a client that has none it makes a session of the request's number; else it says which one it was told.
SESSION = """map $cookie_route $fresh {{ "" "route=$request_id; Path=/; HttpOnly"; default ""; }}
  add_header Set-Cookie $fresh;"""


class Cookies(Case):
    @unittest.skipIf(npm.why_not(), npm.why_not())
    def test_sessions_of_a_node_server(self):
        server = process.start(["node", HERE / "cookie_server.mjs", npm.FOLDER], stdout=subprocess.PIPE, bufsize=0)
        try:
            port = process.read_line(server.stdout, 20, "LISTEN line").rsplit(":", 1)[1].strip()
            conf = {"run": {"name": "test", "duration": "4s"}, "groups": {},
                    "targets": {"web": {"url": f"http://127.0.0.1:{port}/"}, "ws": {"url": f"ws://127.0.0.1:{port}/ws"}}}
            every = {"connections": CLIENTS, "cookies": "keep", "reconnect": BACK_SOON}
            conf["groups"]["pages"] = {"kind": "http", "target": "web", "redirects": 1, **every,
                                       "messages": [{"name": "page", "every": "100ms", "get": "/page", "reply": {"contains": "page"}},
                                                    {"name": "in", "every": "300ms", "get": "/in", "reply": {"contains": "page"}}]}
            conf["groups"]["feed"] = {"kind": "sse", "target": "web", "path": "/events", **every}
            conf["groups"]["chat"] = {"kind": "websocket", "target": "ws", **every}
            done = run(conf)
            process.stop(server)
            count = json.loads(server.stdout.read())
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
        books.check(self, done)
        self.assertEqual({key: count[key] for key in ("fresh", "foreign", "misplaced")}, {"fresh": 3 * CLIENTS, "foreign": 0, "misplaced": 0}, count)
        self.assertGreater(count["known"], 3 * CLIENTS * 2)
        self.assertGreater(min(group["reconnects"] for group in done.report["groups"]), 3 * CLIENTS)
        self.assertEqual(done.report["groups"][0]["messages"]["failed"], 0)

    @unittest.skipUnless(shutil.which("nginx"), "nginx is needed")
    def test_a_route_behind_nginx(self):
        server = Server([], process.free_port())
        temp = "\n  ".join(f"{kind}_temp_path {server.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        text = NGINX.replace("{temp}", "{temp}\n  " + SESSION).replace('"hello\\n"', '"<$cookie_route>"')
        (server.folder / "nginx.conf").write_text(text.format(folder=server.folder, port=server.port, temp=temp), encoding="utf-8")
        server.command = ["nginx", "-p", server.folder, "-c", server.folder / "nginx.conf"]
        message = {"name": "m", "every": "100ms", "get": "/", "reply": {"matches": "^<[0-9a-f]{32}>$"}}
        with server:
            conf = config(f"http://127.0.0.1:{server.port}/", connections=CLIENTS, duration="2s", kind="http", messages=[message], cookies="keep", reconnect=BACK_SOON)
            conf["groups"]["without"] = {**conf["groups"]["g"], "cookies": "forget"}
            done = run(conf)
        books.check(self, done)
        kept, without = done.report["groups"]
        self.assertEqual((kept["messages"]["failed"], kept["messages"]["lost"]), (CLIENTS, 0))  # the first of each, which had none
        self.assertEqual(without["messages"]["failed"], without["messages"]["replied"])
        self.assertGreater(kept["reconnects"], CLIENTS)
        self.assertIn(("open", "peer", "request cap", 5), endings(kept))

    def test_what_finds_no_room_is_told(self):
        def serve(client):
            number = 0
            while read_head(client):
                number += 1
                cookies = f"Set-Cookie: long={'x' * 5000}\r\nSet-Cookie: n{number}={'y' * 3000}\r\n" if number <= 8 else ""
                client.sendall(f"HTTP/1.1 200 OK\r\n{cookies}Content-Length: 0\r\n\r\n".encode())

        with Listener(serve) as server:
            done = run(config(f"http://127.0.0.1:{server.port}/", connections=2, duration="3s", kind="http", cookies="keep", reconnect=False,
                              messages=[{"name": "m", "every": "80ms", "get": "/"}]))
        books.check(self, done)
        refused = done.query("select sum(cookies_refused) n from intervals")[0]["n"]
        self.assertEqual(refused, 2 * (8 + 3))  # all the long ones, and of the others what is past 16 KiB
        self.assertEqual(done.report["tester"]["left_out"]["cookies_refused"], refused)
        self.assertIn("22 cookies that a client had no room for", done.stdout)

    def test_secrets_in_cookies_reach_no_output(self):
        secret = "c00kie-that-nobody-may-see"

        def serve(client):
            head = read_head(client).decode()
            if secret in head:
                client.sendall(f"HTTP/1.1 302 Found\r\nLocation: /in?{secret}\r\nContent-Length: 0\r\n\r\n".encode())
            else:
                client.sendall(f"HTTP/1.1 200 OK\r\nSet-Cookie: sid={secret}\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n".encode())

        with Listener(serve) as server:
            done = run(config(f"http://127.0.0.1:{server.port}/", connections=2, duration="1s", kind="sse", messages=[], cookies="keep", reconnect=BACK_SOON))
        self.assertGreater(endings(done.group).get(("upgrade", "peer", "redirect not followed", 302), 0), 2, endings(done.group))
        self.assertNotIn(secret.encode(), done.path.read_bytes())
        self.assertNotIn(secret, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
