#!/usr/bin/python3
"""Writes trend_cases.h: series and what SciPy says of them, for trend_test.c.

Run: /usr/bin/python3 tests/unit/analysis/oracle/trend.py > tests/unit/analysis/oracle/trend_cases.h
Needs Debian's python3-scipy. The results stored were made with SciPy 1.10.1 and NumPy 1.24.2.

S and its variance come from scipy.stats.kendalltau (tau-b and its p, from which both follow), slope and level from
scipy.stats.theilslopes, and so does the confidence interval where autocorrelation plays no part. The widening follows
here from ranks by SciPy and a correlation by NumPy.
"""
import math
import numpy
import scipy.stats


class Lcg:
    """Small, and the same everywhere."""
    def __init__(self, seed):
        self.state = seed

    def unit(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) / 2**53

    def normal(self):
        return math.sqrt(-2 * math.log(1 - self.unit())) * math.cos(2 * math.pi * self.unit())


def noise(n, seed, level, spread, slope=0.0, memory=0.0):
    rng, rest, out = Lcg(seed), 0.0, []
    for i in range(n):
        rest = memory * rest + rng.normal()
        out.append(max(0, round(level + slope * i + spread * rest)))
    return out


def spikes(y, every, size):
    return [v + size if i % every == every - 1 else v for i, v in enumerate(y)]


CASES = [
    ("worked example", [3, 1, 4, 1, 5, 9, 2, 6]),
    ("rising line", list(range(10, 310, 10))),
    ("falling line", list(range(3000, 0, -100))),
    ("all equal", [5] * 30),
    ("two values", [1, 2] * 20),
    ("noise", noise(100, 1, 200000, 15000)),
    ("noise with a slope", noise(100, 2, 200000, 15000, slope=300)),
    ("many ties", [v // 40 for v in noise(120, 3, 900, 60, slope=2)]),
    ("slope under spikes", spikes(noise(90, 4, 1000, 30, slope=3), 9, 50000)),
    ("autocorrelated, no slope", noise(150, 5, 50000, 1000, memory=0.8)),
    ("autocorrelated, with a slope", noise(150, 6, 50000, 1000, slope=60, memory=0.6)),
    ("alternating", [1000 + (50 if i % 2 else -50) + i % 7 for i in range(60)]),
    ("as long as can be", noise(400, 7, 30000, 2000, slope=4)),
    ("three points", [1, 3, 2]),
]


def widening(y, slope):
    n = len(y)
    ranks = scipy.stats.rankdata(numpy.array(y) - slope * numpy.arange(n))
    centred = ranks - ranks.mean()
    if n < 10 or not centred.any():
        return 1.0
    acf = numpy.correlate(centred, centred, "full")[n - 1:] / (centred @ centred)
    r = min(0.99, (1 + n * acf[1]) / (n - 4))
    return (1 + r) / (1 - r) if r > 0 else 1.0


def results(y):
    n, x = len(y), numpy.arange(len(y))
    pairs = n * (n - 1) // 2
    tied = sum(math.comb(c, 2) for c in numpy.unique(y, return_counts=True)[1])
    test = scipy.stats.kendalltau(x, y, method="asymptotic")
    if tied == pairs:
        s, variance = 0.0, 0.0
    else:
        s = round(test.statistic * math.sqrt(pairs * (pairs - tied)))
        z = scipy.stats.norm.isf(test.pvalue / 2)
        variance = (s / z) ** 2 if s and math.isfinite(z) and z > 0.01 else None
    if variance is None:  # S = 0 tells nothing of its variance; the textbook formula
        ties = numpy.unique(y, return_counts=True)[1].astype(float)
        variance = (n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    slope, _, low, high = scipy.stats.theilslopes(y, x, 0.95)
    level = float(numpy.median(numpy.array(y) - slope * x))
    factor = widening(y, slope)
    if factor > 1:  # as theilslopes, with the wider deviation
        slopes = numpy.sort([(y[j] - y[i]) / (j - i) for i in range(n) for j in range(i + 1, n)])
        reach = scipy.stats.norm.ppf(0.975) * math.sqrt(variance * factor) / 2
        low = slopes[max(round(pairs / 2 - reach) - 1, 0)]
        high = slopes[min(round(pairs / 2 + reach), pairs - 1)]
    z = (s - numpy.sign(s)) / math.sqrt(variance * factor) if variance else 0.0
    return s, z, 2 * scipy.stats.norm.sf(abs(z)), slope, low, high, level, factor


def write():
    print("/* Made by trend.py beside this file; do not edit. */")
    for number, (name, y) in enumerate(CASES):
        print(f"static const double y_{number}[] = {{ /* {name} */")
        for i in range(0, len(y), 16):
            print("    " + ", ".join(str(v) for v in y[i:i + 16]) + ",")
        print("};")
    print("static const struct trend_case {\n  const char *name;\n  const double *y;\n  size_t count;\n  struct lh_trend expected;\n} trend_cases[] = {")
    for number, (name, y) in enumerate(CASES):
        s, z, p, slope, low, high, level, factor = results(y)
        print(f"    {{\"{name}\", y_{number}, {len(y)},\n     {{.s = {s:.0f}, .z = {z:.12g}, .p = {p:.12g}, .slope = {slope:.12g}, "
              f".slope_low = {low:.12g}, .slope_high = {high:.12g},\n      .level = {level:.12g}, .widening = {factor:.12g}}}}},")
    print("};")


if __name__ == "__main__":
    write()
