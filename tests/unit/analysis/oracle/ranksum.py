#!/usr/bin/python3
"""Writes ranksum_cases.h: pairs of samples and what SciPy says of them, for ranksum_test.c.

Run: /usr/bin/python3 tests/unit/analysis/oracle/ranksum.py > tests/unit/analysis/oracle/ranksum_cases.h
With --alarms it prints instead how often either test finds a difference where there is none.
Needs Debian's python3-scipy. The results stored were made with SciPy 1.10.1 and NumPy 1.24.2.

U comes from scipy.stats.mannwhitneyu, and with samples too short for a memory its p as well. The widening follows here from
ranks by SciPy and a correlation by NumPy; the variance is recovered from SciPy's own p.
"""
import math
import sys

import numpy
import scipy.stats

from trend import noise


def widening(y):
    n = len(y)
    ranks = scipy.stats.rankdata(y)
    centred = ranks - ranks.mean()
    if not centred.any():
        return 1.0
    r = (centred[:-1] @ centred[1:]) / (centred @ centred)
    r = min(0.99, r + (1 + 3 * r) / n) if r > 0 else 0
    return (1 + r) / (1 - r)


def results(a, b):
    n, m = len(a), len(b)
    test = scipy.stats.mannwhitneyu(b, a, alternative="two-sided", method="asymptotic", use_continuity=True)
    u, delta = test.statistic, 2 * test.statistic / (n * m) - 1
    factor = (widening(a) / n + widening(b) / m) / (1 / n + 1 / m)
    if len(set(a) | set(b)) == 1:  # SciPy divides by 0 here; nothing can differ
        return u, 0.0, 1.0, delta, factor
    z = math.copysign(scipy.stats.norm.isf(test.pvalue / 2), u - n * m / 2) / math.sqrt(factor) if test.pvalue < 1 else 0.0
    return u, z, 2 * scipy.stats.norm.sf(abs(z)), delta, factor


CASES = [
    ("worked example", [1, 2, 2, 3], [2, 4, 5]),
    ("no overlap", list(range(1, 11)), list(range(20, 32))),
    ("all equal", [5] * 12, [5] * 9),
    ("the same values", list(range(30)), list(range(30))),
    ("one value a side", [3], [4]),
    ("noise", noise(100, 1, 200000, 15000), noise(80, 2, 200000, 15000)),
    ("a small shift", noise(150, 3, 200000, 15000), noise(150, 4, 205000, 15000)),
    ("many ties", [v // 40 for v in noise(120, 5, 900, 60)], [v // 40 for v in noise(90, 6, 930, 60)]),
    ("mostly nothing", [0] * 95 + [3, 1, 7, 1, 2], [0] * 80 + [1, 1, 2, 5, 9, 4, 1, 1, 30, 2] + [0] * 10),
    ("autocorrelated", noise(120, 7, 50000, 1000, memory=0.8), noise(140, 8, 50000, 1000, memory=0.8)),
    ("autocorrelated, lower", noise(120, 9, 50000, 1000, memory=0.6), noise(60, 10, 47000, 1000, memory=0.3)),
    ("uneven sizes", noise(400, 11, 30000, 2000), noise(9, 12, 26000, 2000)),
]


def alarms():
    for size in (11, 25, 120):
        for memory in (0, 0.3, 0.5, 0.8):
            plain = wide = 0
            rounds = 1500
            random = numpy.random.default_rng(1)
            for _ in range(rounds):
                a, b = (scipy.signal.lfilter([1], [1, -memory], random.normal(size=size + 100))[100:] for _ in range(2))
                plain += scipy.stats.mannwhitneyu(b, a, method="asymptotic").pvalue < 0.01
                wide += results(list(a), list(b))[2] < 0.01
            print(f"{size} values, memory {memory}: plain {100 * plain / rounds:.1f} %, this {100 * wide / rounds:.1f} %")


def write():
    print("/* Made by ranksum.py beside this file; do not edit. */")
    for number, (name, *pair) in enumerate(CASES):
        for side, values in zip("ab", pair):
            print(f"static const double {side}_{number}[] = {{ /* {name} */")
            for i in range(0, len(values), 16):
                print("    " + ", ".join(str(v) for v in values[i:i + 16]) + ",")
            print("};")
    print("static const struct ranksum_case {\n  const char *name;\n  const double *a;\n  size_t a_count;\n  const double *b;\n"
          "  size_t b_count;\n  struct lh_ranksum expected;\n} ranksum_cases[] = {")
    for number, (name, a, b) in enumerate(CASES):
        u, z, p, delta, factor = results(a, b)
        print(f"    {{\"{name}\", a_{number}, {len(a)}, b_{number}, {len(b)},\n     {{.u = {u:.12g}, .z = {z:.12g}, .p = {p:.12g}, "
              f".delta = {delta:.12g}, .widening = {factor:.12g}}}}},")
    print("};")
    p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.03]
    order, adjusted, least = sorted(range(len(p)), key=lambda i: p[i]), [0.0] * len(p), 0.0
    for place, i in enumerate(order):
        least = adjusted[i] = max(least, min(1, p[i] * (len(p) - place)))
    print(f"static const double holm_before[] = {{{', '.join(map(str, p))}}};")
    print(f"static const double holm_after[] = {{{', '.join(f'{v:.12g}' for v in adjusted)}}};")


if __name__ == "__main__":
    import scipy.signal
    alarms() if "--alarms" in sys.argv else write()
