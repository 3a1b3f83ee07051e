"""The judges judged: the books and the join must notice when something was changed."""
import copy
import unittest

from common import Case, Faultd, books, config, join, run


class Forged:
    """A run or a server with one thing changed."""

    def __init__(self, real, **changed):
        self._real = real
        self.__dict__.update(changed)

    def __getattr__(self, name):
        return getattr(self._real, name)


class Judges(Case):
    @classmethod
    def setUpClass(cls):
        with Faultd("first 10 after 500ms rst") as server:
            cls.done = run(config(server.url(), connections=20, duration="2s", reconnect={"first": "50ms"}))
        cls.server = server
        cls.report = cls.done.report

    def assert_noticed(self, judge):
        with self.assertRaises(AssertionError):
            judge()

    def test_the_truth_passes(self):
        books.check(self, self.done)
        join.check(self, self.done, self.server)

    def test_every_forged_number_is_noticed(self):
        paths = [("attempts",), ("opened",), ("drops",), ("reconnects",), ("clients", "finished"), ("clients", "open"), ("clients", "waiting"),
                 ("messages", "planned"), ("messages", "sent"), ("messages", "replied"), ("messages", "lost"), ("messages", "skipped_not_open")]
        for part in ("totals", "group"):
            for path in paths:
                with self.subTest((part, path)):
                    report = copy.deepcopy(self.report)
                    place = report["totals"] if part == "totals" else report["groups"][0]
                    for key in path[:-1]:
                        place = place[key]
                    place[path[-1]] += 1
                    self.assert_noticed(lambda: books.check(self, Forged(self.done, report=report)))

    def test_a_forged_ending_is_noticed(self):
        report = copy.deepcopy(self.report)
        report["groups"][0]["endings"][0]["count"] -= 1
        self.assert_noticed(lambda: books.check(self, Forged(self.done, report=report)))

    def test_a_forged_log_is_noticed(self):
        def change(**values):
            log = self.server.log()
            log[3].update(values)
            return log

        log = self.server.log()
        rst = next(i for i, line in enumerate(log) if line["how"] == "rst")
        late = copy.deepcopy(log)
        late[rst]["caused_ns"] += int(1e9 * (2 * join.TICK_S + join.off_s(self.done, self.server)))
        for name, forged in {"a line too few": log[1:], "a line too many": log + [log[0]], "another reason": change(by="us", how="fin"),
                             "another port": change(port=1), "another time": late}.items():
            with self.subTest(name):
                self.assert_noticed(lambda: join.check(self, self.done, Forged(self.server, log=lambda: forged)))


if __name__ == "__main__":
    unittest.main()
