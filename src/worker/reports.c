#include "reports.h"

#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"

enum {
  ROWS_AT_ONCE = 1000,            /* endings that are sent without waiting for more */
  ROW_BYTES_MAX = 16 << 20        /* of endings held back by a full pipe; about 200,000 */
};
static const uint64_t row_wait_ns = 100 * LH_NS_PER_MS;
static const uint64_t retry_ns = 50 * LH_NS_PER_MS; /* until a full pipe is tried again */

void lh_reports_begin(struct lh_reports *r, uint64_t now_ns) {
  r->rows.limit = ROW_BYTES_MAX;
  r->rows_due_ns = LH_NEVER;
  uint64_t passed = now_ns > r->start_ns ? (now_ns - r->start_ns) / r->every_ns : 0;
  r->report_due_ns = r->start_ns + (passed + 1) * r->every_ns;
  lh_vitals_begin(&r->vitals, now_ns > r->start_ns ? now_ns : r->start_ns);
}

void lh_reports_ending(void *context, const struct lh_ending *ending) {
  struct lh_reports *r = context;
  if (lh_ending_encode(ending, &r->rows)) {
    r->rows_left_out++;
    return;
  }
  if (r->row_count++ == 0) r->rows_due_ns = ending->at_ns + row_wait_ns;
  if (r->row_count >= ROWS_AT_ONCE) r->rows_due_ns = ending->at_ns;
}

uint64_t lh_reports_next_ns(const struct lh_reports *r) {
  return r->report_due_ns < r->rows_due_ns ? r->report_due_ns : r->rows_due_ns;
}

static int add_rows(struct lh_reports *r, struct lh_buf *out) {
  if (!r->row_count) return 0;
  size_t begin = lh_frame_begin(out, LH_FRAME_ENDINGS);
  int failed = lh_buf_addu32(out, r->row_count);
  if (!failed) failed = lh_buf_add(out, r->rows.data, r->rows.len);
  return failed ? failed : lh_frame_end(out, begin, NULL);
}

static void rows_sent(struct lh_reports *r) {
  /* A storm's memory is given back; a trickle's is kept. */
  if (r->row_count > ROWS_AT_ONCE)
    lh_buf_free(&r->rows);
  else
    lh_buf_reset(&r->rows);
  r->row_count = 0;
  r->rows_due_ns = LH_NEVER;
  if (!r->rows_left_out) return;
  lh_log(LH_LOG_WARNING, "%llu endings were counted but left out of the list: the supervisor did not keep up",
         (unsigned long long)r->rows_left_out);
  r->rows_left_out = 0;
}

static int add_report(struct lh_reports *r, uint64_t now_ns, struct lh_worker_health *health, struct lh_buf *out) {
  size_t begin = lh_frame_begin(out, LH_FRAME_REPORT);
  *health = (struct lh_worker_health){.clients = lh_engine_client_count(r->engine), .engine_bytes = lh_engine_bytes(r->engine)};
  const struct lh_engine_faults faults = lh_engine_faults(r->engine);
  health->in_flight_full = faults.in_flight_full - r->faults.in_flight_full;
  health->no_memory = faults.no_memory - r->faults.no_memory;
  lh_vitals_read(&r->vitals, now_ns, lh_ws_descriptors(r->ws) + lh_raw_descriptors(r->raw) + lh_desk_descriptors(r->desk),
                 health);
  int failed = lh_health_encode(health, out);
  if (!failed) failed = lh_buf_addu32(out, r->group_count);
  for (uint32_t g = 0; !failed && g < r->group_count; g++) {
    struct lh_snapshot *snapshot = lh_engine_snapshot(r->engine, g, now_ns);
    lh_panel_read(r->panels, g, snapshot);
    failed = lh_snapshot_encode(snapshot, out);
  }
  return failed ? failed : lh_frame_end(out, begin, NULL);
}

/* The tester never lies about itself. */
static void tell_faults(struct lh_reports *r) {
  struct lh_engine_faults now = lh_engine_faults(r->engine);
  if (now.in_flight_full != r->faults.in_flight_full)
    lh_log(LH_LOG_ERROR, "%llu messages were held back: more than %d await their replies in this worker",
           (unsigned long long)(now.in_flight_full - r->faults.in_flight_full), LH_IN_FLIGHT_MAX);
  if (now.no_memory != r->faults.no_memory)
    lh_log(LH_LOG_ERROR, "%llu messages were held back or cut short: no memory in this worker",
           (unsigned long long)(now.no_memory - r->faults.no_memory));
  r->faults = now;
}

static void report_sent(struct lh_reports *r, const struct lh_worker_health *health) {
  tell_faults(r);
  for (uint32_t g = 0; g < r->group_count; g++) lh_snapshot_next(lh_engine_snapshot(r->engine, g, health->until_ns));
  lh_vitals_next(&r->vitals, health);
}

/* Endings go first, so that those of a slice are there when its report comes. */
static void send_all(struct lh_reports *r, uint64_t now_ns, bool with_report) {
  struct lh_buf out = LH_BUF_INIT(2 * (size_t)LH_FRAME_BYTES_MAX);
  struct lh_worker_health health;
  int failed = add_rows(r, &out);
  if (!failed && with_report) failed = add_report(r, now_ns, &health, &out);
  if (failed) { /* the slice grows until there is memory */
    lh_log(LH_LOG_ERROR, "a report could not be made (%s); its slice is joined to the next one", strerror(-failed));
  } else {
    lh_link_send(r->link, &out);
    rows_sent(r);
    if (with_report) report_sent(r, &health);
  }
  lh_buf_free(&out);
}

void lh_reports_turn(struct lh_reports *r, uint64_t now_ns) {
  bool report = now_ns >= r->report_due_ns, rows = now_ns >= r->rows_due_ns;
  if (!report && !rows) return;
  if (report) r->report_due_ns += ((now_ns - r->report_due_ns) / r->every_ns + 1) * r->every_ns;
  if (lh_link_idle(r->link))
    send_all(r, now_ns, report);
  else if (rows)
    r->rows_due_ns = now_ns + retry_ns;
}

void lh_reports_last(struct lh_reports *r, uint64_t now_ns) {
  lh_link_flush(r->link);
  send_all(r, now_ns, true);
  lh_link_flush(r->link);
}
