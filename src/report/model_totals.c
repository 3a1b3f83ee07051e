/* Totals: the same fields for each group and for the whole run. */
#include <math.h>

#include "report/build.h"
#include "report/model_endings.h"

static uint64_t counter(const struct lh_lane *lane, enum lh_counter_id id) {
  return lane->total.counters[id];
}

static void put_counter(struct lh_build *b, json_t *out, const struct lh_lane *lane, enum lh_counter_id id) {
  lh_put(b, out, lh_counter_name(id), lh_json_count(counter(lane, id)));
}

/* Clients of the plan (`planned` and `wanted`), gauges as of the end, and the most that were wanted and open at the end of
 * any interval: after a complete run nothing is open and nothing wanted any more. */
static json_t *clients(struct lh_build *b, const struct lh_lane *lane) {
  static const enum lh_gauge_id shown[] = {LH_GAUGE_open,    LH_GAUGE_connecting, LH_GAUGE_waiting,
                                           LH_GAUGE_closing, LH_GAUGE_finished,   LH_GAUGE_never_started};
  json_t *out = json_object();
  uint64_t wanted_most = 0, open_most = 0;
  for (uint32_t i = 0; i < b->g->count; i++) {
    if (lane->gauges[i][LH_GAUGE_wanted] > wanted_most) wanted_most = lane->gauges[i][LH_GAUGE_wanted];
    if (lane->gauges[i][LH_GAUGE_open] > open_most) open_most = lane->gauges[i][LH_GAUGE_open];
  }
  lh_put(b, out, "planned", lh_json_count(lane->total.gauges[LH_GAUGE_clients]));
  lh_put(b, out, "wanted", lh_json_count(lane->total.gauges[LH_GAUGE_clients]));
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
    lh_put(b, out, lh_gauge_name(shown[i]), lh_json_count(lane->total.gauges[shown[i]]));
  lh_put(b, out, "wanted_at_end", lh_json_count(lane->total.gauges[LH_GAUGE_wanted]));
  lh_put(b, out, "wanted_most", lh_json_count(wanted_most));
  lh_put(b, out, "open_most", lh_json_count(open_most));
  return out;
}

static double percent(uint64_t part, uint64_t whole) {
  return whole ? 100.0 * (double)part / (double)whole : NAN;
}

static json_t *messages(struct lh_build *b, const struct lh_lane *lane) {
  static const enum lh_counter_id shown[] = {
      LH_COUNTER_skipped_not_open,  LH_COUNTER_skipped_late, LH_COUNTER_one_way,   LH_COUNTER_replied,      LH_COUNTER_lost,
      LH_COUNTER_lost_then_replied, LH_COUNTER_late,         LH_COUNTER_duplicate, LH_COUNTER_out_of_order, LH_COUNTER_corrupt,
      LH_COUNTER_incoming,          LH_COUNTER_truncated,    LH_COUNTER_choked,    LH_COUNTER_failed,       LH_COUNTER_wrong_status,
      LH_COUNTER_wrong_content,     LH_COUNTER_wrong_value,  LH_COUNTER_too_large, LH_COUNTER_stale_keepalive,
      LH_COUNTER_skipped_charged};
  json_t *out = json_object();
  lh_put(b, out, "planned", lh_json_count(counter(lane, LH_COUNTER_messages_planned)));
  lh_put(b, out, "sent", lh_json_count(counter(lane, LH_COUNTER_messages_sent)));
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) put_counter(b, out, lane, shown[i]);
  lh_put(b, out, "in_flight", lh_json_count(lane->total.gauges[LH_GAUGE_in_flight]));
  lh_put(b, out, "pending", lh_json_count(lane->total.gauges[LH_GAUGE_pending]));
  uint64_t expected = counter(lane, LH_COUNTER_replied) + counter(lane, LH_COUNTER_lost);
  lh_put(b, out, "lost_percent", lh_json_real(percent(counter(lane, LH_COUNTER_lost), expected), 6));
  return out;
}

/* Of a few connections at a time; the round trips are the histogram rtt. */
static json_t *network(struct lh_build *b, const struct lh_lane *lane) {
  json_t *out = json_object();
  uint64_t segments = counter(lane, LH_COUNTER_tcp_segments), again = counter(lane, LH_COUNTER_retransmits), unacked_most = 0;
  for (uint32_t i = 0; i < b->g->count; i++)
    if (lane->gauges[i][LH_GAUGE_unacked] > unacked_most) unacked_most = lane->gauges[i][LH_GAUGE_unacked];
  put_counter(b, out, lane, LH_COUNTER_tcp_readings);
  put_counter(b, out, lane, LH_COUNTER_tcp_segments);
  put_counter(b, out, lane, LH_COUNTER_retransmits);
  lh_put(b, out, "retransmit_percent", lh_json_real(percent(again, segments), 4));
  lh_put(b, out, "unacked_most", lh_json_count(unacked_most));
  return out;
}

static void put_books(struct lh_build *b, json_t *out, const struct lh_lane *lane) {
  struct lh_err err = {0};
  bool all = b->g->whole && !b->g->torn, balance = all && lh_snapshot_check(&lane->total, &err) == 0;
  lh_put(b, out, "books_balance", all ? json_boolean(balance) : json_null());
  lh_put(b, out, "books",
         lh_json_text(!all         ? "not checked: the books hold over a whole run, and this is a part of one"
                      : balance    ? "every client, connection and message is accounted for"
                                   : err.text));
}

json_t *lh_build_totals(struct lh_build *b, const struct lh_lane *lane) {
  json_t *out = json_object();
  uint64_t open_us = counter(lane, LH_COUNTER_open_us), drops = lh_target_drops(lane->total.counters);
  double hours = lh_client_hours(open_us);
  lh_put(b, out, "clients", clients(b, lane));
  put_counter(b, out, lane, LH_COUNTER_attempts);
  put_counter(b, out, lane, LH_COUNTER_connect_failures);
  put_counter(b, out, lane, LH_COUNTER_opened);
  put_counter(b, out, lane, LH_COUNTER_ended);
  lh_put(b, out, "drops", lh_json_count(drops));
  put_counter(b, out, lane, LH_COUNTER_tester_drops);
  put_counter(b, out, lane, LH_COUNTER_reconnects);
  put_counter(b, out, lane, LH_COUNTER_gave_up);
  put_counter(b, out, lane, LH_COUNTER_rate_waits);
  lh_put(b, out, "availability_percent",
         lh_json_real(lh_availability_percent(open_us, counter(lane, LH_COUNTER_wanted_us)), 6));
  lh_put(b, out, "client_hours", lh_json_real(hours, 3));
  lh_put(b, out, "drops_per_client_hour", lh_json_real(hours > 0 ? (double)drops / hours : NAN, 6));
  lh_put(b, out, "messages", messages(b, lane));
  lh_put(b, out, "incoming", lh_build_incoming(b, lane));
  lh_put(b, out, "logins", lh_build_logins(b, lane));
  json_t *bytes = json_object(), *pings = json_object();
  lh_put(b, bytes, "sent", lh_json_count(counter(lane, LH_COUNTER_bytes_sent)));
  lh_put(b, bytes, "received", lh_json_count(counter(lane, LH_COUNTER_bytes_received)));
  lh_put(b, out, "bytes", bytes);
  lh_put(b, pings, "sent", lh_json_count(counter(lane, LH_COUNTER_pings_sent)));
  lh_put(b, pings, "answered", lh_json_count(counter(lane, LH_COUNTER_pongs)));
  lh_put(b, pings, "from_peer", lh_json_count(counter(lane, LH_COUNTER_peer_pings)));
  lh_put(b, out, "pings", pings);
  lh_put(b, out, "network", network(b, lane));
  lh_put(b, out, "endings", lh_build_endings(b, &lane->total));
  lh_put(b, out, "endings_folded", lh_json_count(lane->total.tallies_folded));
  lh_put(b, out, "latency", lh_build_latency(b, &lane->total));
  put_books(b, out, lane);
  return out;
}

json_t *lh_build_groups(struct lh_build *b) {
  json_t *out = json_array();
  for (uint32_t i = 0; i < b->g->group_count; i++) {
    const struct lh_lane *lane = &b->g->lanes[i];
    json_t *group = json_object();
    lh_put(b, group, "name", lh_json_text(lane->row->name));
    lh_put(b, group, "kind", lh_json_text(lane->row->kind));
    lh_put(b, group, "target", lh_json_text(lane->row->target));
    lh_put(b, group, "url", lh_json_text(lane->row->url));
    lh_put(b, group, "tls", json_boolean(lane->row->tls));
    lh_put(b, group, "tls_verify", json_boolean(lane->row->tls_verify));
    json_t *totals = lh_build_totals(b, lane);
    if (json_object_update(group, totals)) b->failed = true;
    json_decref(totals);
    lh_push(b, out, group);
  }
  return out;
}
