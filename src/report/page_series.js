'use strict';
// The arrays of one lane (a group, or the whole run) as the charts take them.
const lanes = (() => {
  // An array that holds one value throughout is stored as that value.
  const spread = (value, count) => (Array.isArray(value) ? value : new Array(count).fill(value === undefined ? null : value));

  const reasonName = (row) =>
    `${row.reason}${row.code === null ? '' : ` ${row.code}`}${row.stage === 'open' || row.stage === '' ? '' : ` (${row.stage})`}`;

  // Endings by reason as dense arrays, summed over groups for the whole run; the commonest stay apart, the rest is one.
  function endings(groups, count, onlyDrops) {
    const rows = new Map();
    for (const group of groups) {
      for (const row of group.endings) {
        if (onlyDrops ? !row.drop || row.stage !== 'open' : row.side === 'us') continue;
        const name = reasonName(row);
        if (!rows.has(name)) rows.set(name, { label: name, total: 0, values: new Array(count).fill(0) });
        const into = rows.get(name);
        for (const [i, n] of row.at) {
          into.values[i] += n;
          into.total += n;
        }
      }
    }
    const sorted = [...rows.values()].sort((a, b) => b.total - a.total || (a.label < b.label ? -1 : 1));
    const kept = sorted.slice(0, 7),
      rest = sorted.slice(7);
    if (rest.length)
      kept.push({
        label: `${rest.length} other reasons`,
        values: rest.reduce((sum, row) => sum.map((v, i) => v + row.values[i]), new Array(count).fill(0)),
      });
    return kept.map((row, i) => ({ ...row, color: `--c${i + 1}` }));
  }

  function make(model, group) {
    const series = model.series,
      count = series.t_s.length;
    const from = group === null ? series.run : series.groups.find((item) => item.name === group);
    const groups = group === null ? series.groups : [from];
    const lane = {
      group,
      t: series.t_s,
      ends: series.t_s.map((t, i) => (i + 1 < count ? series.t_s[i + 1] : series.end_s)),
      count,
      step: series.interval_s * (series.thinned || 1),
    };
    for (const [key, value] of Object.entries(from)) if (key !== 'name' && key !== 'endings') lane[key] = spread(value, count);
    for (const part of ['tester', 'host', 'server']) {
      lane[part] = {};
      for (const [key, value] of Object.entries(series[part] || {}))
        if (key !== 'late_intervals') lane[part][key] = spread(value, count);
    }
    // The hosts of a merged run's shards: past the colours of a chart they come again, dashed.
    lane.shards = (series.shards || []).map((one, i) => {
      const host = {};
      for (const [key, value] of Object.entries(one.host)) host[key] = spread(value, count);
      return { shard: one.shard, color: `--c${(i % 7) + 2}`, dash: i >= 7, host };
    });
    // The last interval may be a few milliseconds long: a rate over so little would tower over the night.
    const length = (i) => (lane.ends[i] - lane.t[i] < lane.step / 2 ? lane.step : lane.ends[i] - lane.t[i]);
    lane.perSecond = (key) => lane[key].map((value, i) => (value === null ? null : value / length(i)));
    lane.endings = (onlyDrops) => endings(groups, count, onlyDrops);
    lane.totals = group === null ? model.totals : model.groups.find((item) => item.name === group);
    lane.path = group === null ? 'totals' : `groups.${model.groups.findIndex((item) => item.name === group)}`;
    return lane;
  }

  // Spans next to each other that were marked late, as [from, until] in seconds.
  function late(model) {
    const out = [];
    for (const span of model.tester.late_spans) {
      const last = out[out.length - 1];
      if (last && last[1] === span.from_s) last[1] = span.until_s;
      else out.push([span.from_s, span.until_s]);
    }
    return out;
  }
  return { make, late, reasonName };
})();
