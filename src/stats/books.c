#include <errno.h>
#include <inttypes.h>

#include "longhaul/stats/snapshot.h"

enum { TERMS_MAX = 6 };

/* A number of the books: a counter, or a gauge as of the end. */
struct term {
  bool is_gauge;
  int id;
};

/* left = the sum of right, or left <= right[0] for a subset. */
struct equation {
  struct term left;
  struct term right[TERMS_MAX];
  int count;
};

#define C(name)                                                                                                                \
  { false, LH_COUNTER_##name }
#define G(name)                                                                                                                \
  { true, LH_GAUGE_##name }

static const struct equation sums[] = {
    {G(clients), {G(never_started), G(waiting), G(connecting), G(open), G(closing), G(finished)}, 6},
    {C(attempts), {C(ended), G(connecting), G(open), G(closing)}, 4},
    {C(opened), {C(ended_open), G(open), G(closing)}, 3},
    {C(messages_planned), {C(messages_sent), C(skipped_not_open), C(skipped_late), G(pending)}, 4},
    {C(logins), {C(logins_succeeded), C(logins_failed), C(logins_dropped), G(logins_under_way)}, 4},
    {C(messages_sent), {C(one_way), C(replied), C(lost), G(in_flight)}, 4},
};

static const struct equation subsets[] = {
    {C(opened), {C(attempts)}, 1},      {C(ended), {C(attempts)}, 1},     {C(ended_open), {C(ended)}, 1},
    {C(drops), {C(ended_open)}, 1},     {C(tester_drops), {C(drops)}, 1}, {C(connect_failures), {C(ended)}, 1},
    {C(reconnects), {C(opened)}, 1},    {C(late), {C(replied)}, 1},       {C(lost_then_replied), {C(lost)}, 1},
    {C(out_of_order), {C(replied)}, 1}, {C(pongs), {C(pings_sent)}, 1},
    {C(failed), {C(replied)}, 1},       {C(wrong_status), {C(failed)}, 1},  {C(wrong_content), {C(failed)}, 1},
    {C(wrong_value), {C(failed)}, 1},   {C(too_large), {C(failed)}, 1},     {C(stale_keepalive), {C(messages_sent)}, 1},
    {G(queued), {G(waiting)}, 1},
    {C(incoming_numbered), {C(incoming)}, 1},
    {C(incoming_unreadable), {C(incoming)}, 1},
    {C(incoming_gaps), {C(incoming_skipped)}, 1},
    {C(incoming_out_of_order), {C(incoming_skipped)}, 1},
    {C(incoming_duplicate), {C(incoming_numbered)}, 1},
    {C(incoming_undecided), {C(incoming_numbered)}, 1},
    {C(incoming_caught_up), {C(incoming_missed_away)}, 1},
    {C(incoming_restarts), {C(incoming_numbered)}, 1},
    {C(incoming_untimed), {C(incoming)}, 1},
    {C(skipped_charged), {C(skipped_late)}, 1},
};

static const char *term_name(struct term term) {
  return term.is_gauge ? lh_gauge_name((enum lh_gauge_id)term.id) : lh_counter_name((enum lh_counter_id)term.id);
}

static uint64_t term_value(const struct lh_snapshot *s, struct term term) {
  return term.is_gauge ? s->gauges[term.id] : s->counters[term.id];
}

static int check_sum(const struct lh_snapshot *s, const struct equation *eq, struct lh_err *err) {
  uint64_t left = term_value(s, eq->left), right = 0;
  for (int i = 0; i < eq->count; i++) right += term_value(s, eq->right[i]);
  if (left == right) return 0;
  struct lh_buf terms = LH_BUF_INIT(LH_ERR_TEXT_MAX);
  for (int i = 0; i < eq->count; i++)
    lh_buf_addf(&terms, "%s%s %" PRIu64, i ? " + " : "", term_name(eq->right[i]), term_value(s, eq->right[i]));
  int failed = lh_err_set(err, -EPROTO, "the books do not balance: %s is %" PRIu64 ", but %s is %" PRIu64, term_name(eq->left),
                          left, terms.data ? terms.data : "the other side", right);
  lh_buf_free(&terms);
  return failed;
}

static int check_subset(const struct lh_snapshot *s, const struct equation *eq, struct lh_err *err) {
  uint64_t part = term_value(s, eq->left), whole = term_value(s, eq->right[0]);
  if (part <= whole) return 0;
  return lh_err_set(err, -EPROTO, "the books do not balance: %s is %" PRIu64 ", but %s, of which it is a subset, is %" PRIu64,
                    term_name(eq->left), part, term_name(eq->right[0]), whole);
}

static int check_tallies(const struct lh_snapshot *s, struct lh_err *err) {
  const uint64_t *c = s->counters;
  uint64_t ended = c[LH_COUNTER_ended] + c[LH_COUNTER_logins_failed] + c[LH_COUNTER_logins_dropped], tallied = 0;
  for (uint32_t i = 0; i < s->tally_count; i++) tallied += s->tallies[i].count;
  for (int stage = 0; stage < LH_STAGE_COUNT; stage++)
    for (int reason = 0; reason < LH_REASON_COUNT; reason++) tallied += s->rest[stage][reason].count;
  if (tallied == 0 || tallied == ended) return 0;
  return lh_err_set(err, -EPROTO, "the books do not balance: ended connections and logins without success are %" PRIu64 ", but the tallies add up to %" PRIu64, ended,
                    tallied);
}

int lh_snapshot_check(const struct lh_snapshot *total, struct lh_err *err) {
  int failed = 0;
  for (size_t i = 0; !failed && i < sizeof sums / sizeof *sums; i++) failed = check_sum(total, &sums[i], err);
  for (size_t i = 0; !failed && i < sizeof subsets / sizeof *subsets; i++) failed = check_subset(total, &subsets[i], err);
  return failed ? failed : check_tallies(total, err);
}
