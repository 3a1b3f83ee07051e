"""A peer that quotes a secret of the config: it stands in no output, and the rest of what it said does."""
import os
import tempfile
import unittest
from pathlib import Path

from common import Case, Faultd, books, config, longhaul

TOKEN = "tok-8f3a91c7d2"
PASSWORD = "correct horse"
KEY = "key-of-the-path"


class Secrets(Case):
    def outputs(self, run, folder):
        """Everything that a run leaves, as bytes by name."""
        left = {"stdout": run.stdout.encode(), "stderr": run.stderr.encode(), "run file": run.path.read_bytes()}
        for ending in ("html", "md", "json", "csv", "xml", "txt"):
            path = Path(folder) / f"report.{ending}"
            done = longhaul.command("report", run.path, "-o", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            left[ending] = path.read_bytes()
        return left

    def test_quoted_by_the_peer(self):
        said = f'bad token {TOKEN} or {PASSWORD}, no {KEY}'
        with Faultd(f'path /close after 300ms close 1008 "{said}"', f'path /refuse refuse 403 "{said}"',
                    f'path /redirect redirect ws://127.0.0.1:1/?token={TOKEN}') as server, tempfile.TemporaryDirectory() as folder:
            conf = config(server.url(), connections=2, duration="1500ms", target={"headers": {"Authorization": "Bearer ${env.LH_TOKEN}"}},
                          reconnect={"first": "400ms"}, path=f"/close?a=${{client}}&api_key={KEY}",
                          messages=[{"after": "open", "text": "login ${env.LH_PASSWORD}"}])
            for path in ("refuse", "redirect"):
                conf["groups"][path] = {**conf["groups"]["g"], "path": "/" + path, "messages": []}
            run = longhaul.run(conf, "--set", f"groups.refuse.path=/refuse?api_key={KEY}", env={**os.environ, "LH_TOKEN": TOKEN, "LH_PASSWORD": PASSWORD})
            self.assertEqual(len(run.report["groups"]), 3)
            books.check(self, run)
            for name, text in self.outputs(run, folder).items():
                self.assertNotIn(TOKEN.encode(), text, name)
                self.assertNotIn(PASSWORD.encode(), text, name)
                self.assertNotIn(KEY.encode(), text, name)
            self.assertIn("path: /close?a=${client}&api_key=***", run.report["config"].replace('"', ""))
            texts = {row["text"] for group in run.report["groups"] for row in group["endings"]}
            self.assertIn("bad token *** or ***, no ***", texts)
            self.assertIn("ws://127.0.0.1:1/?token=***", texts)

    def test_rows_of_data_quoted_by_the_peer(self):
        """Columns whose names say so, and those that the config names; of the row that the client's messages take, not another's."""
        said = "no user ann with secret-of-ann and 4711-4711, nor secret-of-bob"
        with Faultd(f'path /close after 300ms close 1008 "{said}"') as server, tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "users.csv").write_text("user,password,pin\nann,secret-of-ann,4711-4711\n")
            conf = config(server.url(), connections=1, duration="1s", path="/close", data={"file": f"{folder}/users.csv", "secret": ["pin"]},
                          messages=[{"after": "open", "text": "${data.user} ${data.password}"}])
            run = longhaul.run(conf)
            for name, text in self.outputs(run, folder).items():
                for secret in (b"secret-of-ann", b"4711-4711"):
                    self.assertNotIn(secret, text, name)
            self.assertIn("no user ann with *** and ***, nor secret-of-bob", {row["text"] for row in run.report["groups"][0]["endings"]})
            conf["groups"]["g"]["data"]["secret"] = ["pun"]
            wrong = longhaul.run(conf)
            self.assertEqual(wrong.code, 2)
            self.assertIn('groups.g.data.secret: users.csv has no column called "pun"; expected names of its columns', wrong.stderr.replace(folder + "/", ""))


if __name__ == "__main__":
    unittest.main()
