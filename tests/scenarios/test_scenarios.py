"""Runs every scenario of this folder, several at a time, and joins faultd's log with the run files."""
import concurrent.futures
import functools
import os
import re
import unittest

import scenario
import servers

JOINED_LEAST = 20000  # connections joined over the whole suite without one disagreement
LONGER = (3, 8)  # times the duration, where the machine was too busy for the moments of a scenario; what must be seen stays the same
AT_ONCE = int(os.environ.get("LH_SCENARIOS_AT_ONCE", "4"))


class Scenarios(unittest.TestCase):
    longMessage = True
    wanted = {}  # name to variant
    running = {}
    joined = {}

    @classmethod
    def setUpClass(cls):
        cls.pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        cls.running = {name: cls.pool.submit(variant.play) for name, variant in cls.wanted.items()}

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown(cancel_futures=True)

    def one(self, name):
        variant = self.wanted[name]
        playing = self.running[name].result
        for longer in (*LONGER, None):
            try:
                playing()
                self.joined[name] = variant.check(self)
                break
            except (AssertionError, TimeoutError):
                if longer is None or not variant.too_busy:
                    raise
            print(f"{name} is played again: processes waited for a processor {100 * variant.busy.share:.0f} % of the time", flush=True)
            concurrent.futures.wait(self.running.values())  # alone
            playing = functools.partial(variant.play, stretch=longer if variant.scenario.longer else 1)
        del self.running[name]  # lets its folders go

    def test_every_reason_has_a_scenario(self):
        """The table of reasons and the scenarios cover each other, without exceptions."""
        table = (scenario.FOLDER.parents[1] / "include/longhaul/base/ending.h").read_text(encoding="utf-8")
        reasons = {(side.lower(), name) for side, name in re.findall(r'^  X\(\w+, (\w+), "([^"]+)", (?:true|false)\)', table, re.M)}
        played = {(side, reason) for s in scenario.all_scenarios() for rows in s.ends.values() for _, side, reason, *_ in rows}
        self.assertGreater(len(reasons), 40)
        self.assertEqual(reasons, played)

    def test_zz_enough_was_joined(self):
        """Runs last: tests go by name."""
        if len(self.joined) < len(Variants):
            self.skipTest("not every scenario was run, or some failed")
        total = sum(self.joined.values())
        print(f"{total} connections joined in {len(self.joined)} runs", flush=True)
        self.assertGreaterEqual(total, JOINED_LEAST)


Variants = {}


def make_tests():
    no_network = scenario.Namespace.why_not("nft")
    for s in scenario.all_scenarios():
        for kind in s.servers:
            for scheme in s.schemes:
                if (scheme, kind) in s.leave_out:
                    continue
                variant = scenario.Variant(s, scheme, kind)
                Variants[variant.name] = variant
                why_not = no_network if s.network else servers.why_not(kind)
                setattr(Scenarios, f"test_{variant.name}", test_of(variant, why_not))


def test_of(variant, why_not):
    def test(self):
        self.one(variant.name)
    test.__doc__ = f"{variant.name}: {variant.scenario.about}"
    return unittest.skip(why_not)(test) if why_not else test


def load_tests(loader, tests, pattern):
    """Only what was selected is played."""
    def names(suite):
        for item in suite:
            yield from names(item) if isinstance(item, unittest.TestSuite) else [item]
    for test in names(tests):
        name = test._testMethodName.removeprefix("test_")
        if name in Variants and not getattr(getattr(Scenarios, test._testMethodName), "__unittest_skip__", False):
            Scenarios.wanted[name] = Variants[name]
    return tests


make_tests()

if __name__ == "__main__":
    unittest.main()
