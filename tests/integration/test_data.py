"""Rows of a CSV file in messages, headers and paths: every message takes the row that the rule of the plan says."""
import base64
import hashlib
import json
import threading
import unittest
from collections import Counter

from lib import books
from lib.longhaul import Run, command, config, run
from lib.relay import Listener

USERS = [("ann", 'p"1', "/a"), ("bob", "two\nlines", "/b%20b"), ("cid", "", "/c"), ("dee", "é,1", "/d")]


def csv_text():
    cells = lambda row: ",".join('"' + cell.replace('"', '""') + '"' for cell in row)
    return "\ufeffuser,secret,path\r\n" + "".join(cells(row) + "\r\n" for row in USERS)


class Keeper(Listener):
    """Answers each request with 200 and keeps (path, X-User, body)."""

    def __init__(self):
        self.seen, self.lock = [], threading.Lock()
        super().__init__(self.answer)
        self.url = f"http://127.0.0.1:{self.port}"

    def answer(self, client):
        with client.makefile("rwb") as stream:
            while line := stream.readline():
                headers = {}
                while (field := stream.readline().strip()):
                    name, value = field.decode().split(":", 1)
                    headers[name.lower()] = value.strip()
                body = stream.read(int(headers.get("content-length", 0))).decode()
                with self.lock:
                    self.seen.append((line.split()[1].decode(), headers.get("x-user"), body))
                stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                stream.flush()


class Rows(unittest.TestCase):
    def go(self, order, connections, workers=1, count=4):
        with Keeper() as server:
            messages = [{"name": "m", "every": "100ms", "count": count, "post": "/r${data.path}", "text": "${client} ${seq} ${data.user} ${data.secret}"}]
            conf = config(server.url, connections=connections, duration="1s", kind="http", messages=messages, run={"workers": workers},
                          headers={"X-User": "${data.user}"}, data={"file": "users.csv", "order": order})
            with Run("placeholder.yaml", command="check") as child:  # a folder for the CSV beside the config
                child.wait(20)
                path = child.folder / "test.yaml"
                (child.folder / "users.csv").write_bytes(csv_text().encode())
                path.write_text(json.dumps(conf), encoding="utf-8")
                done = run(path)
        self.assertIn(done.code, (0, 4), done.stderr)
        books.check(self, done)
        seen = {}
        for path, user, body in server.seen:
            client, seq, rest = body.split(" ", 2)
            row = [i for i, (name, secret, where) in enumerate(USERS) if rest == f"{name} {secret}"]
            self.assertEqual(len(row), 1, body)
            self.assertEqual((path, user), ("/r" + USERS[row[0]][2], USERS[row[0]][0]))
            seen[int(client), int(seq)] = row[0]
        messages = done.group["messages"]
        self.assertEqual(len(seen), messages["sent"])
        if not messages["skipped_late"] + messages["skipped_not_open"]:  # else a busy machine was too late for some
            self.assertEqual(set(seen), {(c, s) for c in range(connections) for s in range(count)})
        return done, seen

    def test_sequential_takes_each_row_in_turn_whatever_the_workers(self):
        for workers in (1, 2):
            _, seen = self.go("sequential", 3, workers)
            self.assertEqual(seen, {(c, s): (c + 3 * s) % 4 for c, s in seen})

    def test_per_client(self):
        done, seen = self.go("per-client", 6)
        self.assertEqual(seen, {(c, s): c % 4 for c, s in seen})
        shared = "users.csv has 4 rows for 6 clients: clients share rows"
        self.assertIn(shared, done.stderr)
        self.assertTrue(any(shared in event["text"] for event in done.report["events"]), done.report["events"])

    def test_random_follows_the_seed(self):
        first, second = self.go("random", 5)[1], self.go("random", 5, workers=2)[1]
        both = set(first) & set(second)
        self.assertGreater(len(both), 5)
        self.assertEqual({key: first[key] for key in both}, {key: second[key] for key in both})
        self.assertGreater(len(Counter(first.values())), 1)

    def test_the_run_file_keeps_the_digest_and_no_row(self):
        done, _ = self.go("per-client", 2)
        kept = done.path.read_bytes()
        self.assertIn(hashlib.sha256(csv_text().encode()).hexdigest().encode(), kept)
        for _, secret, _ in USERS[:2]:
            for form in (secret.encode(), base64.b64encode(secret.encode())):
                self.assertNotIn(form, kept)


if __name__ == "__main__":
    unittest.main()
