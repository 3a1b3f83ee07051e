"""longhaul mark: on a run in progress, on one that is over, on what a crash left; and what it refuses."""
import json
import os
import signal
import time
import unittest

from common import Case, Faultd, config, longhaul
from lib.longhaul import Run


def started(child):
    """The run file, once it is there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = list(child.store.glob("*.longhaul"))
        if found and found[0].stat().st_size > 0 and "run file" in child.stderr:
            return found[0]
        time.sleep(0.05)
    raise TimeoutError(child.stderr)


def marks(path):
    return [event for event in longhaul.report(path)["events"] if event["kind"] == "mark"]


class Mark(Case):
    def test_in_progress_and_over(self):
        with Faultd() as server, Run(config(server.url(), connections=3, duration="6s")) as child:
            path = started(child)
            done = longhaul.command("mark", path, "deployed \x1b[2J<v2>, \"quoted\"")
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            self.assertIn("into the run", done.stdout)
            done = longhaul.command("mark", "latest", "earlier", "--at", "1s", "--store", child.store)
            self.assertIn(done.returncode, (0, 2), done)  # 2: the machine is so quick that 1 s still lies ahead
            earlier = done.returncode == 0
            longest = "\u00e9" * 512  # 1,024 bytes
            self.assertEqual(longhaul.command("mark", path, longest).returncode, 0)
            child.wait(40)
        self.ended_with(child, 0)
        self.assertEqual(os.listdir(child.store), [path.name])
        texts = [event["text"] for event in marks(path)]
        self.assertIn(longest, texts)
        self.assertIn("deployed  [2J<v2>, \"quoted\"", texts)
        if earlier:
            self.assertEqual([round(event["t_s"]) for event in marks(path) if event["text"] == "earlier"], [1])
        done = longhaul.command("mark", path, "afterwards", "--at", "2500ms")
        self.assertEqual(done.returncode, 0, done.stderr)
        event = next(event for event in marks(path) if event["text"] == "afterwards")
        self.assertEqual(event["t_s"], 2.5)
        done = longhaul.command("mark", path, "as a moment", "--at", event["at"][:19] + "Z")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(marks(path)), len(texts) + 2)
        for form in ("text", "md", "html", "json", "csv", "junit", "hlog"):
            said = longhaul.command("report", path, "-f", form)
            self.assertIn("afterwards", said.stdout, form)
            self.assertNotIn("\x1b[2J", said.stdout)

    def test_refused(self):
        with Faultd() as server:
            done = longhaul.run(config(server.url(), connections=1, duration="1s"))
        for arguments, words in (((done.path,), "a run and a text"), ((done.path, "x"), "--at"), ((done.path, "  "), "needs a text"),
                                 ((done.path, "x" * 1025), "1024 bytes"), ((done.path, "x", "--at", "1h"), "outside of the run"),
                                 ((done.path, "x", "--at", "noon"), "noon"), (("/none.longhaul", "x"), "/none.longhaul")):
            said = longhaul.command("mark", *arguments)
            self.assertEqual(said.returncode, 2, said)
            self.assertIn(words, said.stderr)
        self.assertEqual(marks(done.path), [])

    def test_after_a_crash(self):
        with Faultd() as server, Run(config(server.url(), connections=1, duration="60s")) as child:
            path = started(child)
            deadline = time.monotonic() + 20
            while not child.query("SELECT 1 FROM intervals WHERE k = 1") and time.monotonic() < deadline:
                time.sleep(0.1)
            workers = child.workers
            child.signal(signal.SIGKILL)
            child.wait(20)
            for pid in workers:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        said = longhaul.command("mark", path, "nobody hears")
        self.assertEqual(said.returncode, 2, said)
        self.assertIn("nobody took the mark", said.stderr)
        self.assertFalse(any(name.endswith(".marks") for name in os.listdir(child.store)))
        said = longhaul.command("mark", path, "found later", "--at", "1s")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual([event["text"] for event in marks(path)], ["found later"])
        self.assertEqual(json.loads(longhaul.command("report", path, "-f", "json").stdout)["run"]["how"], "unfinished")


if __name__ == "__main__":
    unittest.main()
