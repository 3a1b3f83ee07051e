"""The JSON Schema against npm's ajv: it is a schema, what loads fits it, and what it can refuse does not load either."""
import json
import subprocess
import unittest
from pathlib import Path

from lib import npm, paths

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = ROOT / "build/schema_ajv"

HEAD = "run: {duration: 1m}\ntargets: {t: {url: ws://h/}}\n"


def group(settings):
    return HEAD + "groups: {g: {kind: websocket, connections: 5, " + settings + "}}\n"


def message(settings):
    return group("messages: [{" + settings + "}]")


GOOD = [
    group("deflate: true"),
    HEAD.replace("1m", "1h30m") + "x-own: {a: 1}\ngroups: {g: {kind: null, connections: 5}}\n",
    group("connections: '${env.N:-7}'").replace("connections: 5, ", ""),
    group("ramp: {stages: [{at: 0, connections: 0}, {at: 5s, connections: 9}]}").replace("connections: 5, ", ""),
    group("reconnect: false"),
    group("reconnect: {first: 0.5s, factor: 1.5, limit: 3}"),
    group("lifetime: 5m, lifetime_jitter: 0.2, receive_buffer: 4096, headers: {X-N: 5, X-T: true}"),
    message("every: 1s, text: 5"),
    message("after: open, size: 64, frame: binary"),
    message("every: 1s, get: '/${seq}', headers: {X-A: b}, reply: {status: [200, 3xx], pointer: /a, equals: b}").replace("ws://", "http://").replace("websocket", "http"),
    message("after: reply, post: /, text: x, reply: {status: 204, matches: '^a', body_max: 1KiB}").replace("ws://", "http://").replace("websocket", "http"),
    group("stall_timeout: 5s").replace("ws://", "http://").replace("websocket", "sse"),
    group("incoming: {sequence: {field: /seq, regex: '[0-9]+'}, scope: client, gap_max: 15s, timestamp: {offset: 8, width: 8, unit: us}}"),
    group("incoming: {sequence: {field: id}}").replace("ws://", "http://").replace("websocket", "sse"),
    group("login: {post: /l, text: 'a=b', extract: {t: {json: /t}, u: {cookie: sid}}, refresh: 50m, per: group, status: [302]}, path: '/${login.t}'"),
    group("login: {url: 'https://h/l', cookies: keep, phase: together, retry: {first: 1s}}"),
    message("after: reply, text: '${token}', reply: {match: echo, lost_after: auto}, until: end"),
    HEAD + "groups:\n  a: &a {kind: websocket, connections: 5}\n  b: {<<: *a, connections: 6}\n"
           "slo: [{metric: availability, above: 99.9%}, {metric: drops, below: 5}]\n",
]

BAD = [
    "{}",
    "run: {duration: 1m}",
    HEAD + "groups: {}",
    HEAD + "groups: {g: {connections: 5}}",
    HEAD + "groups: {'a.b': {kind: websocket, connections: 5}}",
    HEAD + "groups: {g: {kind: ftp, connections: 5}}",
    HEAD + "groups: {g: {kind: websocket}}",
    HEAD.replace("1m", "60") + "groups: {g: {kind: websocket, connections: 5}}",
    HEAD.replace("1m", "1m1h") + "groups: {g: {kind: websocket, connections: 5}}",
    HEAD.replace("ws://h/", "h:80") + "groups: {g: {kind: websocket, connections: 5}}",
    HEAD.replace("1m", "1m, workers: some") + "groups: {g: {kind: websocket, connections: 5}}",
    HEAD.replace("1m", "1m, seed: '5'") + "groups: {g: {kind: websocket, connections: 5}}",
    HEAD.replace("ws://h/", "ws://h/, tls: {verify: 'yes'}") + "groups: {g: {kind: websocket, connections: 5}}",
    group("conections: 5"),
    group("incoming: {}"),
    group("login: {}"),
    group("login: {post: /l, get: /l}"),
    group("login: {url: 'http://h/', target: t}"),
    group("login: {post: /l, extract: {t: {json: /t, header: t}}}"),
    group("incoming: {sequence: {}}"),
    group("incoming: {sequence: {field: /a, offset: 5}}"),
    group("incoming: {timestamp: {regex: a, offset: 5}}"),
    group("deflate: yes"),
    group("reconnect: 'no'"),
    group("reconnect: {jitter: some}"),
    group("reconnect: {factor: 0.5}"),
    group("ramp: {}"),
    group("ramp: {over: 5s, rate: 5/s}"),
    group("ping: {timeout: 5s}"),
    group("lifetime_jitter: 2"),
    group("message_max: 5 MiB"),
    group("source_addresses: 10.0.0.1"),
    message("text: x"),
    message("every: 1s"),
    message("every: 1s, text: x, size: 30"),
    message("after: reply, text: x"),
    message("after: reply, every: 1s, text: '${token}', reply: {match: token}"),
    group("deflate: false") + "slo: [{metric: drops}]",
    group("deflate: false") + "slo: [{metric: drops, below: 1, above: 2}]",
]


def explain(what):
    done = subprocess.run([paths.LONGHAUL, "explain", what], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return done.stdout


def loads(text):
    """Whether the loader takes it, by `check` of the program; its words."""
    path = SCRATCH / "case.yaml"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([paths.LONGHAUL, "check", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode != 2, done.stdout


class SchemaAjv(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        reason = npm.why_not()
        if reason:
            raise unittest.SkipTest(reason)
        cls.schema = json.loads(explain("--schema"))

    def errors(self, texts):
        return npm.validate(self.schema, texts)

    def test_bundled_configs_and_reference_fit(self):
        files = sorted((ROOT / "configs").glob("*.yaml"))
        self.assertGreaterEqual(len(files), 4)
        texts = [file.read_text(encoding="utf-8") for file in files] + [explain("--reference")]
        for file, errors in zip([*files, "reference"], self.errors(texts)):
            self.assertEqual(errors, [], file)

    def test_what_fits_loads(self):
        for text, errors in zip(GOOD, self.errors(GOOD)):
            self.assertEqual(errors, [], text)
            taken, words = loads(text)
            self.assertTrue(taken, f"{text}\n{words}")

    def test_what_does_not_fit_does_not_load(self):
        for text, errors in zip(BAD, self.errors(BAD)):
            self.assertNotEqual(errors, [], text)
            taken, words = loads(text)
            self.assertFalse(taken, f"{text}\n{words}")


if __name__ == "__main__":
    unittest.main()
