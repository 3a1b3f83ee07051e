"""`longhaul idle`: limits of silence that are there are found, by both ways a path may have of ending a silent connection."""
import json
import unittest

from common import Case, Faultd, longhaul


class Idle(Case):
    def looked(self, url, *arguments, code=0):
        with longhaul.Run(url, "--json", *arguments, command="idle") as run:
            run.wait(60)
        self.assertEqual(run.code, code, run.stderr)
        return json.loads(run.stdout)

    def test_a_server_that_closes(self):
        with Faultd("idle 5s fin") as server:
            found = self.looked(server.url(), "--up-to", "8s")
        self.assertEqual((found["limit"], found["reason"], found["count"], found["of"]), ("closed", "FIN without close frame", 6, 6), found)
        self.assertAlmostEqual(found["median_s"], 5, delta=0.3)

    def test_a_path_that_forgets(self):
        with Faultd("idle 3s silent") as server:
            found = self.looked(server.url(), "--up-to", "7s", "--clients", "2")
        self.assertEqual((found["limit"], found["low_s"], found["high_s"]), ("forgotten", 2, 4), found)

    def test_no_limit(self):
        with Faultd() as server:
            found = self.looked(server.url(), "--up-to", "2s")
        self.assertEqual((found["limit"], found["count"], found["of"]), ("none", 3, 3), found)

    def test_keep_alive(self):
        with Faultd("idle 3s fin") as server:
            found = self.looked(server.url().replace("ws", "http", 1), "--up-to", "5s")
        self.assertEqual((found["limit"], found["count"], found["of"]), ("closed", 9, 9), found)  # also those that answered, and were silent again
        self.assertAlmostEqual(found["median_s"], 3, delta=0.3)

    def test_in_words(self):
        with longhaul.Run("ws://127.0.0.1:1/", "--up-to", "2s", command="idle") as run:
            run.wait(60)
        self.assertEqual(run.code, 4, run.stderr)
        self.assertIn("Nothing can be said", run.stdout)
        self.assertIn("None was opened", run.stdout)
        for arguments in (("ftp://x/",), ("ws://127.0.0.1:1/", "--up-to", "1s"), ("ws://127.0.0.1:1/", "--clients", "0")):
            done = longhaul.command("idle", *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("expected" if arguments[0] == "ftp://x/" else arguments[1], done.stderr)


if __name__ == "__main__":
    unittest.main()
