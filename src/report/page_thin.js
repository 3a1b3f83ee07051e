'use strict';
// From long arrays to what a chart of so many pixels can show, without hiding a spike. Pure.
const thin = (() => {
  // First index whose t is above x.
  function after(t, x) {
    let low = 0,
      high = t.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (t[mid] <= x) low = mid + 1;
      else high = mid;
    }
    return low;
  }
  // The points of a range, and one to either side, so that lines reach the edges.
  function span(t, from, until) {
    return [Math.max(0, after(t, from) - 2), Math.min(t.length, after(t, until) + 1)];
  }

  // Indices to draw: all of them, or for each of `buckets` the places of the lowest and highest value of every array. All
  // arrays share the indices, so that one hover tells all values of a moment.
  function indices(arrays, first, last, buckets) {
    const count = last - first;
    if (count <= buckets * 2 * arrays.length) return Array.from({ length: count }, (_, i) => first + i);
    const kept = [];
    for (let b = 0; b < buckets; b++) {
      const from = first + Math.floor((b * count) / buckets),
        until = first + Math.floor(((b + 1) * count) / buckets);
      const chosen = new Set();
      for (const values of arrays) {
        let low = -1,
          high = -1,
          hole = -1;
        for (let i = from; i < until; i++) {
          if (values[i] === null) hole = i;
          else {
            if (low < 0 || values[i] < values[low]) low = i;
            if (high < 0 || values[i] > values[high]) high = i;
          }
        }
        for (const i of [low, high, low < 0 ? hole : -1]) if (i >= 0) chosen.add(i);
      }
      kept.push(...[...chosen].sort((a, b2) => a - b2));
    }
    return kept;
  }

  // Sums over bins of equal numbers of points, at most `most` bins: {from, until} are indices.
  function bins(first, last, most) {
    const each = Math.max(1, Math.ceil((last - first) / most));
    const out = [];
    for (let i = first - (first % each); i < last; i += each)
      out.push({ from: Math.max(i, first), until: Math.min(i + each, last) });
    return out;
  }
  function sum(values, bin) {
    let total = 0;
    for (let i = bin.from; i < bin.until; i++) total += values[i] || 0;
    return total;
  }
  function extremes(values, bin) {
    let low = null,
      high = null;
    for (let i = bin.from; i < bin.until; i++) {
      if (values[i] === null) continue;
      if (low === null || values[i] < low) low = values[i];
      if (high === null || values[i] > high) high = values[i];
    }
    return [low, high];
  }

  // What is typical of a bin, beside its extremes: the median of what was measured.
  function middle(values, bin) {
    const known = [];
    for (let i = bin.from; i < bin.until; i++) if (values[i] !== null) known.push(values[i]);
    known.sort((a, b) => a - b);
    const half = known.length >> 1;
    return known.length === 0 ? null : known.length % 2 ? known[half] : (known[half - 1] + known[half]) / 2;
  }
  // A zero next to zeros is no news: a curve that is mostly zero is drawn where it is not, and falls to the axis beside it.
  const unless0 = (values) => values.map((value, i) => (value === 0 && !values[i - 1] && !values[i + 1] ? null : value));

  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
  // Round moments of UTC within a range of seconds since the start; `origin` is the start in seconds since 1970.
  function ticks(from, until, most, origin) {
    const step = steps.find((s) => (until - from) / s <= most) || Math.ceil((until - from) / most / 604800) * 604800;
    const out = [];
    for (let at = Math.ceil((origin + from) / step) * step; at <= origin + until; at += step) out.push(at - origin);
    return { step, at: out };
  }
  // Ticks that people count in: 1, 2, 5 of each power of ten on a logarithmic axis, powers of two for bytes.
  function decades(low, high) {
    const out = [],
      digits = high / low > 3e4 ? [1] : high / low > 300 ? [1, 3] : [1, 2, 5];
    for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10)
      for (const digit of digits) if (digit * power >= low && digit * power <= high) out.push(digit * power);
    return out;
  }
  // The limits of a logarithmic axis, widened to the next 1, 2 or 5.
  const widened = (low, high) => {
    const step = (value, round) => {
      const power = 10 ** Math.floor(Math.log10(value));
      return round(
        [1, 2, 5, 10].map((digit) => digit * power),
        value,
      );
    };
    return [
      step(low, (list, v) => list.filter((x) => x <= v * 1.0001).pop()),
      step(high, (list, v) => list.find((x) => x >= v * 0.9999)),
    ];
  };
  function binary(high) {
    let step = 1;
    while (high / step > 4) step *= 2;
    const out = [];
    for (let value = 0; value <= high; value += step) out.push(value);
    return out;
  }
  return { after, span, indices, bins, sum, extremes, middle, unless0, ticks, decades, widened, binary };
})();
