"""The live view on a terminal, and log lines elsewhere."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import tempfile
import termios
import time
import unittest
from pathlib import Path

from common import Case, Faultd, config, longhaul, paths

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def screens(text):
    """The lines of each redraw, without log lines: those may be longer and are wrapped."""
    log = re.compile(r"\d\d:\d\d:\d\dZ (info|warning|error) ")
    parts = [ESCAPE.sub("", part).replace("\r", "").split("\n") for part in text.split("\x1b[J")]
    return [[line for line in part if not log.match(line)] for part in parts]


class View(Case):
    def ended_well(self, code, out):
        """Passed, or not judged since the host was busy: that is then said, and not what is tested."""
        self.assertIn(code, (0, 4), out)
        self.assertRegex(out, "PASSED" if code == 0 else "the tester was late in")

    def on_terminal(self, conf, columns=80, rows=24, resize=None, **env):
        """stderr on a pseudo terminal, stdout in a pipe; (exit code, what the terminal got, stdout)."""
        folder = Path(tempfile.mkdtemp(prefix="longhaul-view-"))
        path = folder / "test.yaml"
        path.write_text(json.dumps(conf), encoding="utf-8")
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        child = subprocess.Popen([paths.LONGHAUL, "run", path, "--store", folder / "runs"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=follower, text=True, env={**environment, "TERM": "xterm", **env})
        os.close(follower)
        got, deadline, begin = b"", time.monotonic() + 60, time.monotonic()
        while time.monotonic() < deadline:
            if resize and time.monotonic() - begin > 1.5:
                fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", resize[1], resize[0], 0, 0))
                child.send_signal(28)  # SIGWINCH: the child has no controlling terminal that would send it
                resize = None
            if not select.select([leader], [], [], 0.1)[0]:
                continue
            try:
                got += os.read(leader, 65536)
            except OSError:
                break
        out = child.communicate(timeout=30)[0]
        os.close(leader)
        return child.returncode, got.decode(), out

    def test_redraws_in_place(self):
        with Faultd() as server:
            code, text, out = self.on_terminal(config(server.url(), duration="3s"))
        self.ended_well(code, out)
        self.assertRegex(text, r"\x1b\[\d+A")
        self.assertIn("\x1b[1mtest", text)  # bold on a terminal
        drawn = screens(text)
        self.assertGreaterEqual(len(drawn), 3)  # drawn again each second, when there is time for it
        for lines in drawn:
            for line in lines:
                self.assertLessEqual(len(line), 80, line)
        last = "\n".join(drawn[-2])
        self.assertRegex(last, r"ended  00:00:0[3-9] of 00:00:03")
        self.assertNotIn("info 00:00:01", text)

    def test_no_color(self):
        with Faultd() as server:
            _, text, _ = self.on_terminal(config(server.url(), duration="2s"), NO_COLOR="1")
        self.assertRegex(text, r"\x1b\[\d+A")
        self.assertNotRegex(text, r"\x1b\[[0-9;]*m")

    def test_dumb_terminal_gets_lines(self):
        with Faultd() as server:
            _, text, _ = self.on_terminal(config(server.url(), duration="2s"), TERM="dumb")
        self.assertNotIn("\x1b", text)
        self.assertRegex(text, r"info 00:00:0\d open 20/20")

    def test_made_narrow(self):
        with Faultd() as server:
            _, text, _ = self.on_terminal(config(server.url(), duration="4s"), columns=100, resize=(40, 10))
        for line in screens(text)[-2]:
            self.assertLessEqual(len(line), 40, line)

    def test_off_a_terminal_one_line_an_interval(self):
        with Faultd() as server:
            done = longhaul.run(config(server.url(), duration="3s"))
        self.ended_with(done, 0)
        self.assertNotIn("\x1b", done.stderr + done.stdout)
        lines = [len(re.findall(rf"info 00:00:0{second} open \d+/20", done.stderr)) for second in (1, 2, 3)]
        self.assertEqual(lines[:2], [1, 1], done.stderr)
        self.assertIn(lines[2], (1, 2), done.stderr)  # the rest after the third second has a line too
        self.assertIn("00:00:03 open 20/20", done.stderr)  # what was held, not what was left to close

    def test_warnings_are_broken_between_words(self):
        """Those of the config and of the host, at 80 columns; off a terminal each is one line, which editors follow."""
        conf = config("ws://127.0.0.1:9/", connections=1, duration="1h", run={"warmup": "1m"})
        conf["slo"] = [{"metric": "availability", "above": "1%"}]
        conf["groups"]["g"]["ramp"] = {"over": "30m"}
        leader, follower = pty.openpty()
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "plan.yaml").write_text(json.dumps(conf))
            command = [paths.LONGHAUL, "check", "plan.yaml", "--duration", "2s"]
            done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=follower, timeout=30)
            os.close(follower)
            plain = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=30).stderr
        shown = os.read(leader, 65536).decode()
        os.close(leader)
        self.assertEqual(done.returncode, 0, shown)
        self.assertLessEqual(max(map(len, shown.splitlines())), 80, shown)
        self.assertGreater(max(map(len, plain.splitlines())), 80)
        self.assertEqual(shown.split(), plain.split())

    def test_quiet(self):
        with Faultd() as server:
            done = longhaul.run(config(server.url(), duration="2s"), "--quiet")
        self.ended_with(done, 0)
        self.assertEqual(done.stderr, "")
        self.ended_well(done.code, done.stdout)

    def test_standard_descriptors_closed(self):
        """The run file must not take the place of a closed stderr."""
        with Faultd() as server, tempfile.TemporaryDirectory() as folder:
            command = f'exec "{paths.LONGHAUL}" run {server.url()} -c 5 -d 2s --store {folder} <&- >&- 2>&-'
            self.assertIn(subprocess.run(["bash", "-c", command], timeout=60).returncode, (0, 4))  # 4: the host was busy
            path = next(Path(folder).glob("*.longhaul"))
            self.assertEqual(longhaul.report(path)["run"]["how"], "complete")


if __name__ == "__main__":
    unittest.main()
