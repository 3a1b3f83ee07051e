// Reads a histogram log with npm's hdr-histogram-js; prints, by tag, the lines, and count, percentiles and max of all of them.
const hdr = require("hdr-histogram-js");

const text = require("fs").readFileSync(0, "utf8");
const reader = new hdr.HistogramLogReader(text, 64, false);
const tags = {};
for (let h = reader.nextIntervalHistogram(); h; h = reader.nextIntervalHistogram()) {
  const tag = (tags[h.tag] ??= {lines: 0, first_ms: h.startTimeStampMsec, sum: hdr.build({bitBucketSize: 64, numberOfSignificantValueDigits: 3, highestTrackableValue: 3600000000})});
  tag.lines++;
  tag.last_ms = h.endTimeStampMsec;
  tag.sum.add(h);
}
const answer = {};
for (const [name, {lines, first_ms, last_ms, sum}] of Object.entries(tags))
  answer[name] = {lines, first_ms, last_ms, count: sum.totalCount, p50: sum.getValueAtPercentile(50), p99: sum.getValueAtPercentile(99), max: sum.maxValue};
process.stdout.write(JSON.stringify(answer));
