// The other side of hdr_files.c, with npm's hdr-histogram-js. For tests/integration/test_hdr_js.py.
//
//   node hdr_js.js read     reads hdr_files' lines of JSON from stdin; prints what the library reads in their payloads
//   node hdr_js.js write    prints one line of JSON for each histogram of the library's own: its payload in hex, its facts
"use strict";
const hdr = require("hdr-histogram-js");
const {JsHistogram} = require("hdr-histogram-js/dist/JsHistogram");
require("hdr-histogram-js/dist/JsHistogram.encoding"); // adds decode to the class

const PERCENTILES = [0, 0.1, 1, 5, 10, 25, 50, 66.6, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100];

function facts(histogram) {
  const percentiles = {};
  for (const p of PERCENTILES) percentiles[p] = histogram.getValueAtPercentile(p);
  return {count: histogram.totalCount, mean: histogram.mean, percentiles};
}

// The counts as the library writes them: its payload without the header, whose offset and ratio it fills differently.
function counts(histogram) {
  const {inflateSync} = require("zlib");
  const compressed = Buffer.from(hdr.encodeIntoCompressedBase64(histogram), "base64");
  return inflateSync(compressed.subarray(8)).subarray(40).toString("hex");
}

function read() {
  for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n")) {
    const {plain, compressed} = JSON.parse(line);
    const unpacked = hdr.decodeFromCompressedBase64(Buffer.from(compressed, "hex").toString("base64"), 64);
    const direct = JsHistogram.decode(Buffer.from(plain, "hex"), 64);
    console.log(JSON.stringify({plain: facts(direct), compressed: facts(unpacked), counts: counts(unpacked)}));
  }
}

// A generator of its own, so that the values do not come from us.
let state = 12345;
function random(below) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor(state / 4294967296 * below);
}

function write() {
  for (let n = 0; n < 40; n++) {
    const histogram = hdr.build({bitBucketSize: 64, autoResize: false, lowestDiscernibleValue: 1,
                                 highestTrackableValue: 3600000000, numberOfSignificantValueDigits: 3});
    for (let i = 0; i < n * n * 3; i++) {
      const value = random(2 ** (1 + random(31)));
      histogram.recordValueWithCount(value, n % 4 ? 1 : 1 + random(2 ** 30));
    }
    const payload = Buffer.from(hdr.encodeIntoCompressedBase64(histogram), "base64").toString("hex");
    console.log(JSON.stringify({payload, ...facts(histogram)}));
  }
}

process.argv[2] === "read" ? read() : write();
