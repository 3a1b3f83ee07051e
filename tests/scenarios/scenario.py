"""A scenario: what a server does, as data, and how every connection must end. README.md tells the keys."""
import contextlib
import os
import re
import string
import subprocess
import sys
import time
import tomllib
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "integration"))

from lib import books, join, process  # noqa: E402
from lib.busy import Busy  # noqa: E402
from lib.faultd import Faultd  # noqa: E402
from lib.longhaul import Run  # noqa: E402
from lib.netns import Namespace  # noqa: E402
import servers  # noqa: E402

KEYS = {"about", "schemes", "servers", "rules", "flags", "clients", "duration", "network", "before", "acts", "host", "joined", "seen_as",
        "run", "target", "group", "groups", "config", "hosts", "ends", "all_replied", "leave_out", "failing_call", "longer"}
RUN_DEADLINE_S = 60


class Scenario:
    def __init__(self, path):
        self.name = path.stem
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        unknown = set(data) - KEYS
        assert not unknown, f"{path.name}: unknown keys {sorted(unknown)}; known are {sorted(KEYS)}"
        self.about = data["about"]
        self.schemes = data.get("schemes", ["ws"])
        self.servers = data.get("servers", ["faultd"])
        self.leave_out = [tuple(pair) for pair in data.get("leave_out", [])]
        self.rules, self.flags = data.get("rules", []), data.get("flags", [])
        self.clients, self.duration = data.get("clients", 20), data.get("duration", "1500ms")
        self.network = data.get("network", False)
        self.hosts = data.get("hosts")
        self.before, self.acts = data.get("before", []), data.get("acts", [])
        self.host, self.joined = data.get("host"), data.get("joined", True)
        self.seen_as = seen_as(data.get("seen_as", []))
        self.run, self.target, self.group = data.get("run", {}), data.get("target", {}), data.get("group", {})
        self.groups = data.get("groups", {"g": {}})
        self.config, self.failing_call = data.get("config", {}), data.get("failing_call")
        self.longer = data.get("longer", True)
        self.ends, self.all_replied = data["ends"], data.get("all_replied", False)
        assert set(self.ends) == set(self.groups), f"{path.name}: ends are for {sorted(self.ends)}, groups are {sorted(self.groups)}"


def seen_as(rows):
    """[[by, how, side, reason], ...] as join.check takes it, beside what it knows already."""
    result = {}
    for by, how, side, reason in rows:
        result.setdefault((by, how), set(join.SEEN_AS.get((by, how), ()))).add((side, reason))
    return result


def longer(duration, times):
    """So many times a duration of the config, of one number and its unit."""
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", duration).groups()
    return f"{float(number) * times:g}{unit}"


def all_scenarios():
    return [Scenario(path) for path in sorted(FOLDER.glob("*.toml"))]


class Variant:
    """A scenario with one scheme against one server; play() runs it, then check() may be asked."""

    def __init__(self, scenario, scheme, server):
        self.scenario, self.scheme, self.server_kind = scenario, scheme, server
        self.name = "_".join([re.sub(r"\W", "_", scenario.name), scheme] + ([] if server == "faultd" else [re.sub(r"\W", "_", server)]))
        self.done = self.server = None
        self.busy, self.stretch, self.was_late = Busy(), 1, False

    @property
    def too_busy(self):
        """For the moments of this scenario to mean anything: processes waited for a processor, or what was to be done at a time was late."""
        return self.busy.too_busy or self.was_late

    def config(self, words):
        s = self.scenario
        target = {"url": f"{self.scheme}://{s.host or '127.0.0.1'}:$PORT/", **s.target}
        if self.scheme == "wss":
            target["tls"] = target.get("tls", {"ca": "$FOLDER/ca.pem"})
        common = {"kind": "websocket", "target": "t", "connections": s.clients, "messages": [], "reconnect": False, **s.group}
        conf = {"run": {"name": s.name, "duration": longer(s.duration, self.stretch), "seed": 7, "workers": 1, "drain": "1s", **s.run}, "targets": {"t": target},
                "groups": {name: {**common, **own} for name, own in s.groups.items()}, **s.config}
        return _replace(conf, words)

    def make_server(self, prefix):
        s = self.scenario
        if self.server_kind != "faultd":
            return servers.KINDS[self.server_kind](self.scheme, s.rules)
        flags = list(s.flags)
        server = Faultd(*flags, *s.rules, prefix=prefix)
        if self.scheme == "wss":
            ca = server.folder / "ca.pem"
            server._command += [word for word in ("--tls",) if not any(f.startswith("--tls-cert") for f in flags)]
            if not any(f.startswith("--tls-cert") for f in flags):
                server._command += ["--tls-ca", ca]
        server._command = [_replace(str(word), {"FOLDER": str(server.folder)}) for word in server._command]
        return server

    def play(self, stretch=1):
        self.stretch, self.was_late = stretch, False
        with self.busy:
            self.play_once()
        return self

    def play_once(self):
        s = self.scenario
        with contextlib.ExitStack() as stack:
            net = stack.enter_context(Namespace(resolv=True, hosts=s.hosts)) if s.network else None
            prefix = net.prefix if net else ()
            server = self.server = self.make_server(prefix)
            words = {"FOLDER": str(server.folder)}
            for command in s.before:
                _shell(command, prefix, words)
            stack.enter_context(server)
            words.update(PORT=str(server.port), SERVER=str(server.pid))
            failing = (sys.executable, FOLDER / "failing_call.py", *s.failing_call) if s.failing_call else ()
            run = self.done = stack.enter_context(Run(self.config(words), prefix=(*prefix, *failing)))
            if s.acts:
                self.act(run, server, prefix, words)
            run.wait(RUN_DEADLINE_S)
            if not any(act.get("signal") == "KILL" for act in s.acts):
                server.stop()
            run.report  # read while the folder is there

    def act(self, run, server, prefix, words):
        """Times count from the start of the run's plan, as in the config."""
        rows = process.wait_until(lambda: _start_of(run), 30, "the start of the run")
        words["WORKER"] = str(run.workers[0])
        for act in self.scenario.acts:
            left = rows / 1e9 + act["at"] - time.monotonic()
            self.was_late = left < -0.3
            assert not self.was_late, f"{self.name}: {act} is {-left:.1f} s late"
            time.sleep(max(0, left))
            if act.get("signal") == "KILL":
                server.kill()
            elif "signal" in act:
                os.kill(server.pid, getattr(__import__("signal"), "SIG" + act["signal"]))
            else:
                _shell(act["run"], prefix, words)

    def check(self, test):
        """Exit code (the verdict is not what is tested), books, exact endings, and faultd's log joined; returns how many connections were joined."""
        s, run = self.scenario, self.done
        test.assertIn(run.code, (0, 1, 4), run.stderr)
        books.check(test, run)
        for part in run.report["groups"]:
            check_ends(test, s.ends[part["name"]], part)
            if s.all_replied:
                check_replies(test, part)
        told = run.query("select text from tallies join reasons using (reason_id) where reason = 'unclassified'")
        expected = any(row[2] == "unclassified" for rows in s.ends.values() for row in rows)
        test.assertTrue(expected or not told, f"unclassified endings: {told}")
        test.assertTrue(all(row["text"] for row in told), "an unclassified ending does not say what was seen")
        if s.joined and self.server_kind == "faultd":
            return len(join.check(test, run, self.server, s.seen_as))
        return 0


def _start_of(run):
    try:
        return run.workers and run.query("select start_ns from run")[0]["start_ns"]
    except Exception:  # no file yet, or no table yet
        return None


def _replace(thing, words):
    if isinstance(thing, dict):
        return {key: _replace(value, words) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_replace(value, words) for value in thing]
    return string.Template(thing).safe_substitute(words) if isinstance(thing, str) else thing


def _shell(command, prefix, words):
    done = subprocess.run([*prefix, "sh", "-ec", command], env={**os.environ, **words}, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def check_replies(test, part):
    """Every message was answered, once and unharmed, and every ping but those on their way at the end."""
    messages = part["messages"]
    test.assertGreater(messages["sent"], 0)
    test.assertEqual(messages["replied"], messages["sent"], messages)
    test.assertEqual((messages["corrupt"], messages["duplicate"], messages["out_of_order"], messages["incoming"]), (0, 0, 0, 0), messages)
    if part["pings"]["sent"]:
        test.assertGreaterEqual(part["pings"]["answered"], part["pings"]["sent"] - part["clients"]["planned"])
        test.assertGreater(part["pings"]["answered"], 0)


def check_ends(test, expected, part):
    """Each row of `expected` names [stage, side, reason, code, text, count]; text "~..." is a regular expression, count "some" is one
    or more, [low, high] a range; stage and code may be "any". Nothing else may have ended any connection."""
    left = [dict(row) for row in part["endings"]]
    for stage, side, reason, code, text, count in expected:
        def fits(row):
            same = (row["side"], row["reason"]) == (side, reason) and stage in ("any", row["stage"])
            same = same and (code == "any" or code == (row["code"] or 0))
            said = row["text"] or ""
            return same and (re.fullmatch(text[1:], said, re.S) is not None if text.startswith("~") else said == text)
        mine = [row for row in left if fits(row)]
        left = [row for row in left if row not in mine]
        n = sum(row["count"] for row in mine)
        low, high = (1, float("inf")) if count == "some" else count if isinstance(count, list) else (count, count)
        test.assertTrue(low <= n <= high, f"{part['name']}: {n} endings are '{stage} {side}: {reason} {code} {text}', expected {count}; there are {_brief(part)}")
    test.assertEqual(left, [], f"{part['name']}: endings that are not expected")


def _brief(part):
    return [(row["stage"], row["side"], row["reason"], row["code"], row["text"], row["count"]) for row in part["endings"]]
