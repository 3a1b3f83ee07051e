#include "report/thin.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "report/look.h"

/* Points of all lanes together: about 130 bytes each keep the page of 10 groups well under 3 MB. */
enum { POINTS_OF_ALL = 15000, POINTS_MOST = 4000, POINTS_LEAST = 120 };

struct thinner {
  size_t count; /* intervals */
  size_t n;     /* intervals of one point */
  bool failed;
};

static void append(struct thinner *t, json_t *array, json_t *value) {
  if (!value || json_array_append_new(array, value)) t->failed = true;
}

static void set(struct thinner *t, json_t *object, const char *key, json_t *value) {
  if (!value || json_object_set_new(object, key, value)) t->failed = true;
}

static bool is_one_of(const char *key, const char *const *keys, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(key, keys[i]) == 0) return true;
  return false;
}

/* What an interval added. */
static bool is_sum(const char *key) {
  static const char *const sums[] = {"drops",    "attempts",   "failures",       "opened",         "reconnects",
                                     "planned",  "sent",       "replied",        "lost",           "late",
                                     "incoming", "bytes_sent", "bytes_received", "tcp_retransmits",
                                     "incoming_skipped", "incoming_silences"};
  return is_one_of(key, sums, sizeof sums / sizeof *sums);
}

/* What held at its end, and whose lows matter as much as its highs. */
static bool is_level(const char *key) {
  static const char *const levels[] = {
      "wanted", "open", "connecting", "waiting", "availability_percent", "mem_available_bytes", "tcp_in_use"};
  return is_one_of(key, levels, sizeof levels / sizeof *levels);
}

static json_t *summed(struct thinner *t, const json_t *from) {
  json_t *out = json_array();
  for (size_t i = 0; i < t->count; i += t->n) {
    json_int_t sum = 0;
    bool known = false;
    for (size_t j = i; j < i + t->n && j < t->count; j++) {
      const json_t *value = json_array_get(from, j);
      known |= json_is_number(value);
      sum += json_integer_value(value);
    }
    append(t, out, known ? json_integer(sum) : json_null());
  }
  return out;
}

/* Of the intervals [from, until): the first of the lowest and of the highest value; false when all are null. */
static bool extremes(const json_t *values, size_t from, size_t until, size_t *low, size_t *high) {
  bool found = false;
  for (size_t i = from; i < until; i++) {
    const json_t *value = json_array_get(values, i);
    if (!json_is_number(value)) continue;
    double n = json_number_value(value);
    if (!found || n < json_number_value(json_array_get(values, *low))) *low = i;
    if (!found || n > json_number_value(json_array_get(values, *high))) *high = i;
    found = true;
  }
  return found;
}

static json_t *paired(struct thinner *t, const json_t *from) {
  json_t *out = json_array();
  for (size_t i = 0; i < t->count; i += 2 * t->n) {
    size_t until = i + 2 * t->n < t->count ? i + 2 * t->n : t->count;
    size_t points = until - i > t->n ? 2 : 1, low = 0, high = 0;
    bool found = extremes(from, i, until, &low, &high);
    size_t first = low < high ? low : high, second = low < high ? high : low;
    if (points == 1) first = high; /* the end of the run left one point: the worse of the two */
    append(t, out, found ? json_incref(json_array_get(from, first)) : json_null());
    if (points == 2) append(t, out, found ? json_incref(json_array_get(from, second)) : json_null());
  }
  return out;
}

static json_t *highest(struct thinner *t, const json_t *from) {
  json_t *out = json_array();
  for (size_t i = 0; i < t->count; i += t->n) {
    size_t until = i + t->n < t->count ? i + t->n : t->count, low = 0, high = 0;
    append(t, out, extremes(from, i, until, &low, &high) ? json_incref(json_array_get(from, high)) : json_null());
  }
  return out;
}

static json_t *every(struct thinner *t, const json_t *from) {
  json_t *out = json_array();
  for (size_t i = 0; i < t->count; i += t->n) append(t, out, json_incref(json_array_get(from, i)));
  return out;
}

/* [interval, count] pairs, in order: those of one point become one. */
static json_t *sparse(struct thinner *t, const json_t *from) {
  json_t *out = json_array(), *pair;
  size_t i;
  json_int_t last = -1;
  json_array_foreach((json_t *)(uintptr_t)from, i, pair) {
    json_int_t at = json_integer_value(json_array_get(pair, 0)) / (json_int_t)t->n;
    json_int_t count = json_integer_value(json_array_get(pair, 1));
    json_t *into = at == last ? json_array_get(out, json_array_size(out) - 1) : NULL;
    if (!into)
      append(t, out, json_pack("[I, I]", at, count));
    else if (json_array_set_new(into, 1, json_integer(json_integer_value(json_array_get(into, 1)) + count)))
      t->failed = true;
    last = at;
  }
  return out;
}

static json_t *collapsed(json_t *array) {
  json_t *first = json_array_get(array, 0), *value;
  size_t i;
  if (!first) return array;
  json_array_foreach(array, i, value) if (!json_equal(first, value)) return array;
  json_incref(first);
  json_decref(array);
  return first;
}

static json_t *endings(struct thinner *t, const json_t *rows) {
  json_t *out = json_array(), *row;
  size_t i;
  json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
    json_t *copy = json_copy(row);
    if (copy) set(t, copy, "at", sparse(t, json_object_get(row, "at")));
    append(t, out, copy);
  }
  return out;
}

static json_t *lane(struct thinner *t, const json_t *from) {
  json_t *out = json_object(), *value;
  const char *key;
  json_object_foreach((json_t *)(uintptr_t)from, key, value) {
    if (strcmp(key, "endings") == 0)
      set(t, out, key, endings(t, value));
    else if (!json_is_array(value) || strcmp(key, "late_intervals") == 0)
      set(t, out, key, json_incref(value));
    else if (t->n == 1)
      set(t, out, key, collapsed(every(t, value)));
    else
      set(t, out, key, collapsed(is_sum(key) ? summed(t, value) : is_level(key) ? paired(t, value) : highest(t, value)));
  }
  return out;
}

/* Hosts of shards: each with its number, and lanes. */
static json_t *shards(struct thinner *t, const json_t *from) {
  json_t *out = json_array(), *shard, *value;
  const char *key;
  size_t i;
  json_array_foreach((json_t *)(uintptr_t)from, i, shard) {
    json_t *one = json_object();
    json_object_foreach(shard, key, value) set(t, one, key, json_is_object(value) ? lane(t, value) : json_incref(value));
    append(t, out, one);
  }
  return out;
}

json_t *lh_thin_series(const json_t *series) {
  const json_t *groups = lh_look(series, "groups");
  struct thinner t = {.count = json_array_size(lh_look(series, "t_s")), .n = 1};
  size_t most = POINTS_OF_ALL / (json_array_size(groups) + 1), i;
  if (most > POINTS_MOST) most = POINTS_MOST;
  if (most < POINTS_LEAST) most = POINTS_LEAST;
  if (t.count > most) t.n = (t.count + most - 1) / most;
  json_t *out = json_object(), *lanes = json_array(), *group;
  set(&t, out, "interval_s", json_incref((json_t *)(uintptr_t)lh_look(series, "interval_s")));
  set(&t, out, "end_s", json_incref((json_t *)(uintptr_t)lh_look(series, "end_s")));
  if (t.n > 1) set(&t, out, "thinned", json_integer((json_int_t)t.n));
  set(&t, out, "t_s", every(&t, lh_look(series, "t_s")));
  set(&t, out, "run", lane(&t, lh_look(series, "run")));
  json_array_foreach((json_t *)(uintptr_t)groups, i, group) append(&t, lanes, lane(&t, group));
  set(&t, out, "groups", lanes);
  set(&t, out, "tester", lane(&t, lh_look(series, "tester")));
  set(&t, out, "host", lane(&t, lh_look(series, "host")));
  if (lh_look(series, "server")) set(&t, out, "server", lane(&t, lh_look(series, "server")));
  if (lh_look(series, "shards")) set(&t, out, "shards", shards(&t, lh_look(series, "shards")));
  if (!t.failed) return out;
  json_decref(out);
  return NULL;
}
