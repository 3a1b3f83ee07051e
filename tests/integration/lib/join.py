"""faultd's log joined with the run file, connection by connection.

A connection is the same on both sides when the client's local port agrees and its life on one side lies within its life on
the other; a port may serve several connections one after another. Endings whose port is not known (0: they failed before they
were open) are joined by time alone.
"""
import collections

TICK_S = 0.25  # how far the two views of one moment may lie apart beside the lags of both: several servers and testers share the cores
CROSSED_S = 0.1  # how near each other two ends must be, beside the lags of both, to have crossed on the wire

# What faultd did, as longhaul must see it: (by, how) to (side, reason) or several of them.
SEEN_AS = {
    ("us", "close"): {("peer", "close frame")},
    ("us", "fin"): {("peer", "FIN without close frame")},
    ("us", "rst"): {("peer", "RST")},
    ("us", "silent"): {("network", "silent peer")},
    ("us", "refuse"): {("peer", "upgrade refused")},
    ("us", "redirect"): {("peer", "redirect not followed")},
    ("us", "bad-accept"): {("peer", "wrong accept key")},
    ("us", "bad-frame"): {("peer", "bad frame")},
    ("us", "bad-http"): {("peer", "bad HTTP")},
    ("us", "upgrade-never"): {("network", "upgrade timeout")},
    ("us", "upgrade-fin"): {("peer", "FIN without close frame")},
    ("us", "upgrade-half"): {("peer", "FIN without close frame")},
    ("us", "upgrade-rst"): {("peer", "RST")},
    ("us", "accept-rst"): {("peer", "RST")},
    ("us", "accept-fin"): {("peer", "FIN without close frame")},
    ("us", "never-read"): {("network", "upgrade timeout")},
    ("peer", "close"): {("us", "planned end"), ("us", "lifetime reached"), ("us", "shutting down"), ("us", "reply missing too long")},
}

GIVEN_UP = {("peer", "fin"), ("peer", "rst")}


def stood_s(run):
    """How long the worker's loops stood still in all: the worst lag of each interval, added up. What was to happen in that time did not."""
    return (run.query("select sum(us) us from (select max(loop_lag_max_us) us from workers group by k)")[0]["us"] or 0) / 1e6


def lag_s(run):
    """How late the worker's loop was at its worst, by its own measure: moments cannot be nearer to each other than that."""
    return (run.query("select max(loop_lag_max_us) us from workers")[0]["us"] or 0) / 1e6


def off_s(run, server):
    """How far moments of the run file and of faultd's log may lie apart by the lags of both; after server.stop()."""
    return lag_s(run) + server.lag_s


def read_endings(run):
    start_ns = run.query("select start_ns from run")[0]["start_ns"]
    rows = run.query("select e.*, r.stage, r.side, r.reason from endings e join reasons r using (reason_id) order by at_ns")
    for row in rows:
        row["begun_s"] = (start_ns + row["started_ns"]) / 1e9
        row["ended_s"] = (start_ns + row["at_ns"]) / 1e9
    return rows


def take(row, candidates, tick_s):
    """Takes the line whose connection began nearest to the ending's, while that lived; None when there is none."""
    begun, ended = row["begun_s"], row["ended_s"] + tick_s
    match = min(candidates, key=lambda line: abs(line["accepted_ns"] / 1e9 - begun), default=None)
    if match is None or not begun - tick_s <= match["accepted_ns"] / 1e9 <= ended:
        return None
    candidates.remove(match)
    return match


def pair(run, log, tick_s=TICK_S):
    """[(ending row, log line)], endings without a line, lines without an ending."""
    lines = collections.defaultdict(list)
    for line in log:
        lines[line["port"]].append(line)
    rows = sorted(read_endings(run), key=lambda row: row["begun_s"])
    pairs = [(row, take(row, lines[row["local_port"]], tick_s)) for row in rows if row["local_port"]]
    rest = [line for left in lines.values() for line in left]
    pairs += [(row, take(row, rest, tick_s)) for row in rows if not row["local_port"]]
    return [p for p in pairs if p[1]], [row for row, line in pairs if not line], rest


def check(test, run, server, seen_as=None, tick_s=TICK_S):
    """Every connection of faultd has its ending and the other way round; reason, code, text and time agree. Returns the pairs.

    tick_s: how far moments may lie apart beside the measured lag; more where thousands end in one moment and both cores are busy with that."""
    expected = {**SEEN_AS, **(seen_as or {})}
    lags_s = off_s(run, server)
    tick_s += lags_s
    pairs, alone, unmatched = pair(run, server.log(), tick_s)
    reached = [row for row in alone if row["stage"] not in ("resolve", "connect")]
    test.assertEqual((reached, unmatched), ([], []))
    test.assertGreater(len(pairs), 0)
    for row, line in pairs:
        check_pair(test, row, line, expected, tick_s, CROSSED_S + lags_s)
    return pairs


def given_up(row, line):
    """Whether longhaul closed the socket on the way and the server saw just that: a FIN, or an RST where its answer came after."""
    return row["side"] == "us" and row["open_ns"] == 0 and (line["by"], line["how"]) in GIVEN_UP


def check_pair(test, row, line, expected, tick_s, crossed_s):
    both = f"\nrun file: {row}\nfaultd: {line}"
    allowed = {(row["side"], row["reason"])} if given_up(row, line) else expected.get((line["by"], line["how"]))
    test.assertIsNotNone(allowed, f"nothing is known of {line['by']} {line['how']}{both}")
    # What we gave up on its way, the server was about to end; and two ends at once cross on the wire.
    crossed = row["side"] == "us" and line["by"] == "us" and abs(row["ended_s"] - line["caused_ns"] / 1e9) < crossed_s
    if (row["reason"] != "shutting down" or row["open_ns"] > 0) and not crossed:
        test.assertIn((row["side"], row["reason"]), allowed, both)
    if row["side"] != "us" or row["open_ns"] > 0:  # what we give up may be open for the server already
        test.assertEqual(row["open_ns"] > 0, "upgraded_ns" in line and line["how"] != "bad-accept", f"open on one side only{both}")
    # What a stalled loop came upon too late is the tester's: its text says what it was.
    if (line["by"], line["how"]) == ("us", "close") and row["side"] not in ("us", "tester"):
        test.assertEqual(row["code"], line["close_sent"], both)
        test.assertIn(line["close_received"], (line["close_sent"], 0), both)  # a close frame is answered with its own code
    if (line["by"], line["how"]) == ("us", "refuse") and row["side"] != "us":
        test.assertEqual(row["code"], line["status"], both)
    # A silent peer is found out at our time, everything the server does at its own.
    moment = line["caused_ns"] if row["side"] == "peer" else line["ended_ns"]
    test.assertAlmostEqual(row["ended_s"], moment / 1e9, delta=tick_s, msg=both)
    if row["open_ns"] > 0 and row["side"] != "us":  # what we end was open until we began to close it
        test.assertAlmostEqual(row["ended_s"] - row["open_ns"] / 1e9, line["upgraded_ns"] / 1e9, delta=tick_s, msg=both)
