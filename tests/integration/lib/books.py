"""The books of a run (DESIGN.md, "Endings"), added up here from the report and from the run file, whatever the report says."""
from .longhaul import endings

OPEN_STAGES = ("open", "closing")


def _equal(test, name, left, right):
    test.assertEqual(left, right, f"{name}: {left} is not {right}")


def check_part(test, name, part):
    """One group, or the totals."""
    clients, messages = part["clients"], part["messages"]
    tally = endings(part)
    ended = sum(tally.values())
    ended_open = sum(n for (stage, *_), n in tally.items() if stage in OPEN_STAGES)
    still = clients["open"] + clients["closing"]
    _equal(test, f"{name}: clients", clients["planned"],
           clients["never_started"] + clients["waiting"] + clients["connecting"] + still + clients["finished"])
    logins = sum(n for (stage, *_), n in tally.items() if stage == "login")
    ended -= logins
    _equal(test, f"{name}: attempts", part["attempts"], ended + clients["connecting"] + still)
    _equal(test, f"{name}: opened", part["opened"], ended_open + still)
    _equal(test, f"{name}: messages planned", messages["planned"],
           messages["sent"] + messages["skipped_not_open"] + messages["skipped_late"] + messages["pending"])
    _equal(test, f"{name}: messages sent", messages["sent"],
           messages["one_way"] + messages["replied"] + messages["lost"] + messages["in_flight"])
    _equal(test, f"{name}: response times", part["latency"]["response"]["count"], messages["replied"] + messages["skipped_charged"])
    # What the tester itself dropped never counts against the target.
    _equal(test, f"{name}: drops", part["drops"], sum(row["count"] for row in part["endings"] if row["drop"] and row["side"] != "tester"))
    _equal(test, f"{name}: tester drops", part["tester_drops"], sum(row["count"] for row in part["endings"] if row["drop"] and row["side"] == "tester"))
    for less, more in (("late", "replied"), ("lost_then_replied", "lost"), ("skipped_charged", "skipped_late")):
        test.assertLessEqual(messages[less], messages[more], f"{name}: {less} of {more}")


def check(test, run):
    """All groups, the totals, and the run file against the report."""
    report = run.report
    totals = report["totals"]
    for part in report["groups"]:
        check_part(test, part["name"], part)
    check_part(test, "totals", totals)
    for key in ("attempts", "opened", "ended", "drops", "reconnects", "connect_failures"):
        _equal(test, f"totals.{key}", totals[key], sum(part[key] for part in report["groups"]))
    for key in totals["messages"]:
        if not key.endswith("percent"):
            _equal(test, f"totals.messages.{key}", totals["messages"][key], sum(part["messages"][key] for part in report["groups"]))
    test.assertTrue(totals["books_balance"], totals["books"])
    check_file(test, run, totals)


def check_file(test, run, totals):
    sums = run.query("select sum(attempts) attempts, sum(opened) opened, sum(ended) ended, sum(drops) - sum(tester_drops) drops, sum(reconnects) reconnects, "
                     "sum(messages_sent) sent, sum(replied) replied, sum(lost) lost from intervals")[0]
    for key in ("attempts", "opened", "ended", "drops", "reconnects"):
        _equal(test, f"run file: {key}", sums[key], totals[key])
    for key in ("sent", "replied", "lost"):
        _equal(test, f"run file: {key}", sums[key], totals["messages"][key])
    tallied = run.query("select coalesce(sum(count), 0) n from tallies")[0]["n"]
    failed = run.query("select coalesce(sum(logins_failed + logins_dropped), 0) n from intervals")[0]["n"]
    _equal(test, "run file: tallies", tallied, totals["ended"] + failed)
    rows = run.query("select coalesce(sum(count), 0) n from endings")[0]["n"]
    left_out = run.query("select endings_left_out n from run")[0]["n"]
    _equal(test, "run file: ending rows", rows + left_out, totals["ended"] + failed)
