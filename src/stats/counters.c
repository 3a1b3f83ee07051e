#include "longhaul/stats/counters.h"

#include <assert.h>

struct word {
  const char *name, *help;
};

#define X(name, help) {#name, help},
static const struct word counters[] = {LH_COUNTER_LIST(X)};
static const struct word gauges[] = {LH_GAUGE_LIST(X)};
static const struct word hists[] = {LH_HIST_LIST(X)};
#undef X

const char *lh_counter_name(enum lh_counter_id id) {
  assert(id < LH_COUNTER_COUNT);
  return counters[id].name;
}

const char *lh_counter_help(enum lh_counter_id id) {
  assert(id < LH_COUNTER_COUNT);
  return counters[id].help;
}

const char *lh_gauge_name(enum lh_gauge_id id) {
  assert(id < LH_GAUGE_COUNT);
  return gauges[id].name;
}

const char *lh_gauge_help(enum lh_gauge_id id) {
  assert(id < LH_GAUGE_COUNT);
  return gauges[id].help;
}

const char *lh_hist_name(enum lh_hist_id id) {
  assert(id < LH_HIST_COUNT);
  return hists[id].name;
}

const char *lh_hist_help(enum lh_hist_id id) {
  assert(id < LH_HIST_COUNT);
  return hists[id].help;
}
