#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/units.h"
#include "store/merge.h"

void lh_merge_note(struct lh_merge *m, const char *format, ...) {
  if (m->notes->count == LH_MERGE_NOTES_MAX) return;
  char *text = m->notes->items[m->notes->count++];
  va_list args;
  va_start(args, format);
  vsnprintf(text, LH_MERGE_NOTE_BYTES, format, args);
  va_end(args);
  if (m->notes->count == LH_MERGE_NOTES_MAX) snprintf(text, LH_MERGE_NOTE_BYTES, "there is more to say than is kept here");
}

static int by_shard(const void *a, const void *b) {
  const struct lh_run_row *x = &(*(struct lh_reader *const *)a)->run, *y = &(*(struct lh_reader *const *)b)->run;
  return (x->shard > y->shard) - (x->shard < y->shard);
}

/* ---- one plan ---- */

/* The next line that says something of the plan: where files go and how many processes there are may differ by host; how long it
 * is, by part, and the seed and interval that a part got set stand in its own row. */
static const char *next_line(const char *text, bool parts, size_t *len) {
  for (;; text += *len + (text[*len] == '\n')) {
    *len = strcspn(text, "\n");
    size_t indent = strspn(text, " ");
    bool of_part = parts && indent == 2 &&
                   (strncmp(text + 2, "duration:", 9) == 0 || strncmp(text + 2, "interval:", 9) == 0 || strncmp(text + 2, "seed:", 5) == 0);
    bool of_host = indent == 2 && (strncmp(text + 2, "store:", 6) == 0 || strncmp(text + 2, "workers:", 8) == 0);
    if ((!of_host && !of_part) || *text == '\0') return text;
  }
}

static int check_config(const struct lh_reader *a, const struct lh_reader *b, bool parts, struct lh_err *err) {
  const char *x = a->run.config_masked, *y = b->run.config_masked;
  for (;;) {
    size_t x_len, y_len;
    x = next_line(x, parts, &x_len);
    y = next_line(y, parts, &y_len);
    if (x_len != y_len || memcmp(x, y, x_len) != 0)
      return lh_err_set(err, EINVAL, "%s and %s are of different configs: \"%.*s\" in the one stands where \"%.*s\" stands in the other",
                        a->path, b->path, (int)(x_len < 80 ? x_len : 80), x, (int)(y_len < 80 ? y_len : 80), y);
    if (*x == '\0') return 0;
    x += x_len + (x[x_len] == '\n');
    y += y_len + (y[y_len] == '\n');
  }
}

/* What must be the same in every file of one run. */
static int check_plan(const struct lh_reader *a, const struct lh_reader *b, bool parts, struct lh_err *err) {
  const struct lh_run_row *x = &a->run, *y = &b->run;
  if (y->seed != x->seed)
    return lh_err_set(err, EINVAL, "%s has the seed %" PRIu64 ", %s %" PRIu64 ": shards of one run share it. Set run.seed in the config",
                      a->path, x->seed, b->path, y->seed);
  int failed = check_config(a, b, parts, err);
  if (failed) return failed;
  if (y->interval_ns != x->interval_ns || y->group_count != x->group_count)
    return lh_err_set(err, EINVAL, "%s and %s have other intervals or groups", a->path, b->path);
  return 0;
}

static int check_pair(const struct lh_reader *a, const struct lh_reader *b, struct lh_err *err) {
  const struct lh_run_row *x = &a->run, *y = &b->run;
  if (y->shards != x->shards)
    return lh_err_set(err, EINVAL, "%s is shard %u of %u, %s shard %u of %u: they are not of one run", a->path, x->shard, x->shards,
                      b->path, y->shard, y->shards);
  if (y->shard == x->shard) return lh_err_set(err, EINVAL, "%s and %s are both shard %u of %u", a->path, b->path, x->shard, x->shards);
  int failed = check_plan(a, b, false, err);
  if (failed) return failed;
  int64_t from = x->start_wall_us > y->start_wall_us ? x->start_wall_us : y->start_wall_us;
  int64_t until = x->end_wall_us < y->end_wall_us ? x->end_wall_us : y->end_wall_us;
  if (from > until) return lh_err_set(err, EINVAL, "%s and %s did not run at the same time: they are not of one run", a->path, b->path);
  return 0;
}

/* ---- what must be said ---- */

static void note_missing(struct lh_merge *m) {
  uint32_t shards = m->readers[0]->run.shards;
  char list[128] = "";
  size_t at = 0, len = 0, missing = 0;
  for (uint32_t shard = 1; shard <= shards; shard++) {
    if (at < m->count && m->readers[at]->run.shard == shard) {
      at++;
      continue;
    }
    int wrote = snprintf(list + len, sizeof list - len, "%s%u", missing++ ? ", " : "", shard);
    if (wrote > 0 && (size_t)wrote < sizeof list - len) len += (size_t)wrote;
  }
  if (missing)
    lh_merge_note(m, "%zu of %u shards are missing, so are their clients and connections: %s", missing, shards, list);
}

static void note_ends(struct lh_merge *m) {
  static const char *const words[] = {[LH_RUN_INTERRUPTED] = "was interrupted",
                                      [LH_RUN_ABORTED] = "was aborted, as an objective asked",
                                      [LH_RUN_FAILED] = "failed",
                                      [LH_RUN_UNFINISHED] = "has no end: it crashed, was killed, or still goes on"};
  for (size_t i = 0; i < m->count; i++)
    if (m->readers[i]->run.how != LH_RUN_COMPLETE) lh_merge_note(m, "shard %u %s", m->readers[i]->run.shard, words[m->readers[i]->run.how]);
}

static void note_times(struct lh_merge *m) {
  int64_t first = INT64_MAX, last = INT64_MIN;
  for (size_t i = 0; i < m->count; i++) {
    int64_t start = m->readers[i]->run.start_wall_us;
    if (start < first) first = start;
    if (start > last) last = start;
  }
  char text[32];
  if (last - first >= 1000000)
    lh_merge_note(m, "the shards began up to %s apart, by their hosts' clocks: times are since each one's own start",
                  lh_format_duration_brief((uint64_t)(last - first) * 1000, text, sizeof text));
  for (size_t i = 1; i < m->count; i++)
    if (strcmp(m->readers[i]->run.version, m->readers[0]->run.version) != 0)
      lh_merge_note(m, "shard %u was made by longhaul %s, shard %u by %s", m->readers[0]->run.shard, m->readers[0]->run.version,
                    m->readers[i]->run.shard, m->readers[i]->run.version);
}

/* ---- parts of a run that was resumed ---- */

static int by_start(const void *a, const void *b) {
  const struct lh_run_row *x = &(*(struct lh_reader *const *)a)->run, *y = &(*(struct lh_reader *const *)b)->run;
  return (x->start_wall_us > y->start_wall_us) - (x->start_wall_us < y->start_wall_us);
}

/* {"of": ID} of the event that a resumed run begins with. */
static int on_event(void *context, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text, const char *details) {
  (void)at_ns, (void)group, (void)text;
  return kind == LH_EVENT_RESUMED && details && strstr(details, context) ? 1 : 0;
}

static int check_part(const struct lh_reader *a, struct lh_reader *b, struct lh_err *err) {
  struct lh_reader_visits visits = {.context = (void *)(uintptr_t)a->run.id, .event = on_event};
  int found = lh_reader_visit(b, 0, UINT32_MAX, &visits, err);
  if (found < 0) return found;
  if (found == 0 && a->run.shards > 1)
    return lh_err_set(err, EINVAL, "%s and %s are both shard %u of %u, and the second was not resumed from the first", a->path, b->path,
                      a->run.shard, a->run.shards);
  if (found == 0)
    return lh_err_set(err, EINVAL, "%s and %s are neither shards of one run, nor was the second resumed from the first", a->path, b->path);
  return check_plan(a, b, true, err);
}

static void note_parts(struct lh_merge *m) {
  for (size_t i = 1; i < m->count; i++) {
    const struct lh_run_row *before = &m->readers[i - 1]->run, *after = &m->readers[i]->run;
    int64_t away_us = after->start_wall_us - before->end_wall_us;
    char text[32];
    lh_merge_note(m, "nobody watched for %s between part %zu and part %zu: left out of every objective",
                  lh_format_duration_brief(away_us > 0 ? (uint64_t)away_us * 1000 : 0, text, sizeof text), i, i + 1);
    if (before->how == LH_RUN_UNFINISHED)
      lh_merge_note(m, "part %zu crashed: what it held open then is settled as worker lost, and counts against no target", i);
  }
}

static int check_parts(struct lh_merge *m, struct lh_err *err) {
  m->parts = true;
  qsort(m->readers, m->count, sizeof *m->readers, by_start);
  for (size_t i = 1; i < m->count; i++) {
    int failed = check_part(m->readers[i - 1], m->readers[i], err);
    if (failed) return failed;
  }
  note_parts(m);
  return 0;
}

/* Files of one shard, or of whole runs, can be parts alone. */
static bool may_be_parts(const struct lh_merge *m) {
  for (size_t i = 1; i < m->count; i++)
    if (m->readers[i]->run.shard != m->readers[0]->run.shard || m->readers[i]->run.shards != m->readers[0]->run.shards ||
        strcmp(m->readers[i]->run.id, m->readers[0]->run.id) == 0)
      return false;
  return true;
}

int lh_merge_check(struct lh_merge *m, struct lh_err *err) {
  if (may_be_parts(m)) return check_parts(m, err);
  for (size_t i = 0; i < m->count; i++)
    if (m->readers[i]->run.shards < 2)
      return lh_err_set(err, EINVAL, "%s is no shard: it holds its whole run", m->readers[i]->path);
  qsort(m->readers, m->count, sizeof *m->readers, by_shard);
  for (size_t i = 1; i < m->count; i++) {
    int failed = check_pair(m->readers[i - 1], m->readers[i], err);
    if (failed) return failed;
  }
  note_missing(m);
  note_ends(m);
  note_times(m);
  return 0;
}
