/* The endings table: one row for each way in which connections ended. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/build.h"
#include "report/model_endings.h"

static const struct {
  enum lh_reason reason;
  int code;
  const char *name;
} code_names[] = {
    {LH_REASON_CLOSE_FRAME, 1000, "normal closure"},
    {LH_REASON_CLOSE_FRAME, 1001, "going away"},
    {LH_REASON_CLOSE_FRAME, 1002, "protocol error"},
    {LH_REASON_CLOSE_FRAME, 1003, "unsupported data"},
    {LH_REASON_CLOSE_FRAME, 1005, "no code given"},
    {LH_REASON_CLOSE_FRAME, 1007, "invalid payload"},
    {LH_REASON_CLOSE_FRAME, 1008, "policy violation"},
    {LH_REASON_CLOSE_FRAME, 1009, "message too big"},
    {LH_REASON_CLOSE_FRAME, 1010, "extension missing"},
    {LH_REASON_CLOSE_FRAME, 1011, "internal error"},
    {LH_REASON_CLOSE_FRAME, 1012, "service restart"},
    {LH_REASON_CLOSE_FRAME, 1013, "try again later"},
    {LH_REASON_CLOSE_FRAME, 1014, "bad gateway"},
    {LH_REASON_CLOSE_FRAME, 3000, "unauthorized"},
    {LH_REASON_CLOSE_FRAME, 3003, "forbidden"},
    {LH_REASON_CLOSE_FRAME, 3008, "timeout"},
    {LH_REASON_UPGRADE_REFUSED, 400, "bad request"},
    {LH_REASON_UPGRADE_REFUSED, 401, "unauthorized"},
    {LH_REASON_UPGRADE_REFUSED, 403, "forbidden"},
    {LH_REASON_UPGRADE_REFUSED, 404, "not found"},
    {LH_REASON_UPGRADE_REFUSED, 408, "request timeout"},
    {LH_REASON_UPGRADE_REFUSED, 426, "upgrade required"},
    {LH_REASON_UPGRADE_REFUSED, 429, "too many requests"},
    {LH_REASON_UPGRADE_REFUSED, 500, "internal server error"},
    {LH_REASON_UPGRADE_REFUSED, 502, "bad gateway"},
    {LH_REASON_UPGRADE_REFUSED, 503, "service unavailable"},
    {LH_REASON_UPGRADE_REFUSED, 504, "gateway timeout"},
    {LH_REASON_RST, ECONNRESET, "connection reset"},
    {LH_REASON_RST, EPIPE, "broken pipe"},
    {LH_REASON_REFUSED, ECONNREFUSED, "connection refused"},
    {LH_REASON_UNREACHABLE, ENETUNREACH, "network unreachable"},
    {LH_REASON_UNREACHABLE, EHOSTUNREACH, "no route to host"},
    {LH_REASON_NO_DESCRIPTOR, EMFILE, "limit of the process"},
    {LH_REASON_NO_DESCRIPTOR, ENFILE, "limit of the host"},
    {LH_REASON_NO_LOCAL_PORT, EADDRNOTAVAIL, "address not available"},
};

static const char *code_name(enum lh_reason reason, int code) {
  for (size_t i = 0; i < sizeof code_names / sizeof *code_names; i++)
    if (code_names[i].reason == reason && code_names[i].code == code) return code_names[i].name;
  return NULL;
}

/* Most first; the rest only makes the order certain. */
static int by_count(const void *left, const void *right) {
  const struct lh_tally *a = *(const struct lh_tally *const *)left, *b = *(const struct lh_tally *const *)right;
  if (a->count != b->count) return a->count > b->count ? -1 : 1;
  if (a->stage != b->stage) return (int)a->stage - (int)b->stage;
  if (a->reason != b->reason) return (int)a->reason - (int)b->reason;
  if (a->code != b->code) return a->code > b->code ? 1 : -1;
  return strcmp(a->text, b->text);
}

static json_t *ending(struct lh_build *b, const struct lh_tally *tally) {
  uint64_t start_ns = b->g->run->start_ns;
  uint64_t first_ns = tally->first_ns > start_ns ? tally->first_ns - start_ns : 0;
  uint64_t last_ns = tally->last_ns > start_ns ? tally->last_ns - start_ns : 0;
  json_t *out = json_object();
  lh_put(b, out, "stage", lh_json_text(lh_stage_name(tally->stage)));
  lh_put(b, out, "side", lh_json_text(lh_side_name(lh_reason_side(tally->reason))));
  lh_put(b, out, "reason", lh_json_text(lh_reason_name(tally->reason)));
  lh_put(b, out, "code", tally->code ? json_integer(tally->code) : json_null());
  lh_put(b, out, "code_name", lh_json_text(code_name(tally->reason, tally->code)));
  lh_put(b, out, "text", lh_json_text(tally->text));
  lh_put(b, out, "drop", json_boolean(lh_ending_is_drop(tally->stage, tally->reason)));
  lh_put(b, out, "count", lh_json_count(tally->count));
  lh_put(b, out, "first", lh_json_utc(b, first_ns));
  lh_put(b, out, "last", lh_json_utc(b, last_ns));
  lh_put(b, out, "first_s", lh_json_seconds(first_ns));
  lh_put(b, out, "last_s", lh_json_seconds(last_ns));
  return out;
}

json_t *lh_build_endings(struct lh_build *b, const struct lh_snapshot *total) {
  json_t *out = json_array();
  const struct lh_tally **sorted = calloc(total->tally_count + 1u, sizeof *sorted);
  if (!sorted) b->failed = true;
  for (uint32_t i = 0; sorted && i < total->tally_count; i++) sorted[i] = &total->tallies[i];
  if (sorted) qsort(sorted, total->tally_count, sizeof *sorted, by_count);
  for (uint32_t i = 0; sorted && i < total->tally_count; i++) lh_push(b, out, ending(b, sorted[i]));
  free(sorted);
  return out;
}
