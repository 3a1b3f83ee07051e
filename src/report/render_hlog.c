/* The histogram log that HdrHistogram's tools read (format 1.3): a line for each interval, group and histogram, tagged
 * GROUP.HISTOGRAM. Values are microseconds; Interval_Max is in milliseconds, as those tools print it.
 *
 * A model holds no histograms, they are too many: they are read from the run file that it names. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/store/reader.h"
#include "report/look.h"
#include "report/render.h"

struct log {
  struct lh_buf *out;
  const struct lh_reader *reader;
  const json_t *events; /* marks and the rest of the timeline stand between the lines as comments */
  size_t next_event;
  struct lh_buf payload;
};

static int put_base64(const char *bytes, size_t len, struct lh_buf *out) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  int failed = 0;
  for (size_t i = 0; i < len && !failed; i += 3) {
    const unsigned char *at = (const unsigned char *)bytes + i;
    size_t left = len - i;
    unsigned word = (unsigned)at[0] << 16 | (left > 1 ? (unsigned)at[1] << 8 : 0) | (left > 2 ? at[2] : 0u);
    char four[4] = {digits[word >> 18], digits[word >> 12 & 63], left > 1 ? digits[word >> 6 & 63] : '=',
                    left > 2 ? digits[word & 63] : '='};
    failed = lh_buf_add(out, four, sizeof four);
  }
  return failed;
}

/* A comment is one line, whatever a peer sent. */
static int put_comment(const json_t *event, struct lh_buf *out) {
  int failed = lh_buf_addf(out, "#[%s at %.3f s: ", lh_look_text(event, "kind"), lh_look_number(event, "t_s"));
  for (const char *at = lh_look_text(event, "text"); *at && !failed; at++)
    failed = lh_buf_add(out, (unsigned char)*at < 0x20 || *at == 0x7f ? " " : at, 1);
  return failed ? failed : lh_buf_addstr(out, "]\n");
}

static int put_events_until(struct log *log, double until_s) {
  int failed = 0;
  for (; log->next_event < json_array_size(log->events) && !failed; log->next_event++) {
    const json_t *event = json_array_get(log->events, log->next_event);
    if (lh_look_number(event, "t_s") >= until_s) break;
    failed = put_comment(event, log->out);
  }
  return failed;
}

static double length_of(const struct log *log, uint32_t k) {
  const struct lh_run_row *run = lh_reader_run(log->reader);
  uint64_t lasted_ns = run->end_ns > run->start_ns ? run->end_ns - run->start_ns : 0;
  uint64_t from_ns = k * run->interval_ns, until_ns = from_ns + run->interval_ns;
  if (k + 1 == run->interval_count && lasted_ns > from_ns) until_ns = lasted_ns;
  return (double)(until_ns - from_ns) / 1e9;
}

static int put_line(struct log *log, uint32_t k, const char *group, int hist, const struct lh_hdr *h) {
  lh_buf_reset(&log->payload);
  int failed = lh_hdr_encode_compressed(h, &log->payload);
  double start_s = (double)(k * lh_reader_run(log->reader)->interval_ns) / 1e9;
  if (!failed)
    failed = lh_buf_addf(log->out, "Tag=%s.%s,%.3f,%.3f,%.3f,", group, lh_hist_name((enum lh_hist_id)hist), start_s,
                         length_of(log, k), (double)h->max_us / 1e3);
  if (!failed) failed = put_base64(log->payload.data, log->payload.len, log->out);
  return failed ? failed : lh_buf_addstr(log->out, "\n");
}

static int on_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *s) {
  struct log *log = context;
  const struct lh_group_row *row = lh_reader_group(log->reader, group);
  if (!row) return 0;
  int failed = put_events_until(log, (double)(k * lh_reader_run(log->reader)->interval_ns) / 1e9);
  for (int h = 0; h < LH_HIST_COUNT && !failed; h++)
    if (s->hists[h].count) failed = put_line(log, k, row->name, h, &s->hists[h]);
  return failed;
}

static int put_head(const json_t *model, int64_t start_wall_us, struct lh_buf *out) {
  double start_s = (double)(start_wall_us / 1000) / 1e3;
  int failed = lh_buf_addf(out,
                           "#[Logged with longhaul %s]\n#[Histogram log format version 1.3]\n"
                           "#[StartTime: %.3f (seconds since epoch), %s]\n#[BaseTime: %.3f (seconds since epoch)]\n",
                           lh_look_text(model, "run.version"), start_s, lh_look_text(model, "run.started"), start_s);
  if (!failed)
    failed = lh_buf_addstr(out, "#[Values are microseconds up to an hour, Interval_Max is in milliseconds and has those above too]\n");
  return failed ? failed : lh_buf_addstr(out, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n");
}

int lh_render_hlog(const json_t *model, struct lh_buf *out, struct lh_err *err) {
  struct lh_reader *reader = NULL;
  int failed = lh_reader_open(&reader, lh_look_text(model, "run.file"), err);
  if (failed) return failed;
  const struct lh_run_row *run = lh_reader_run(reader);
  struct log log = {.out = out, .reader = reader, .events = lh_look(model, "events"), .payload = LH_BUF_INIT(1 << 20)};
  struct lh_reader_visits visits = {.context = &log, .interval = on_interval};
  uint32_t from_k = (uint32_t)llround(lh_look_number(model, "run.from_s") * 1e9 / (double)run->interval_ns);
  uint32_t count = (uint32_t)json_array_size(lh_look(model, "series.t_s"));
  struct lh_err why = {0};
  failed = put_head(model, run->start_wall_us, out);
  if (!failed) failed = lh_reader_visit(reader, from_k, from_k + count, &visits, &why);
  if (!failed) failed = put_events_until(&log, 1e300);
  lh_buf_free(&log.payload);
  lh_reader_close(reader);
  if (failed && why.text[0]) return lh_err_set(err, failed, "%s", why.text);
  return failed;
}
