"""What every test file here begins with."""
import unittest

from lib import books, join, longhaul, paths, process  # noqa: F401
from lib.faultd import Faultd  # noqa: F401
from lib.longhaul import config, endings, run  # noqa: F401


class Case(unittest.TestCase):
    longMessage = True

    def checked(self, conf, server, *arguments, code=0, deadline=60, tick_s=join.TICK_S, seen_as=None, **options):
        """A run whose books balance and that agrees with faultd's log, connection by connection."""
        done = run(conf, *arguments, deadline=deadline, **options)
        self.ended_with(done, code)
        server.stop()
        books.check(self, done)
        join.check(self, done, server, seen_as, tick_s)
        return done

    def ended_with(self, done, code):
        """The exit code, where a host too busy to judge (4) may stand for a verdict: that is then true, and not what is tested."""
        if code in (0, 1) and done.code == 4 and done.report["tester"]["intervals_late"] > 0:
            return
        self.assertEqual(done.code, code, done.stderr)
