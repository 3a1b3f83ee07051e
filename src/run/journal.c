#include "run/journal.h"

#include <stdarg.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"

static bool writable(const struct lh_journal *j) {
  return j->store != NULL && j->failed.code == 0;
}

static void keep(struct lh_journal *j, int code, const struct lh_err *err) {
  if (code < 0 && j->failed.code == 0) j->failed = *err;
}

int lh_journal_open(struct lh_journal *j, const char *folder, const struct lh_run_facts *facts, struct lh_err *err) {
  uint32_t unread;
  *j = (struct lh_journal){.config = facts->config, .host_cpu_percent = -1};
  lh_host_sample_read(&j->host, &unread);
  j->seconds = calloc(facts->config->group_count, sizeof *j->seconds);
  if (j->seconds == NULL) return lh_err_set(err, ENOMEM, "no memory for the run file's seconds");
  return lh_store_create(&j->store, folder, facts, err);
}

void lh_journal_close(struct lh_journal *j) {
  lh_store_close(j->store);
  j->store = NULL;
  free(j->seconds);
  j->seconds = NULL;
}

void lh_journal_event(struct lh_journal *j, uint64_t at_ns, enum lh_event_kind kind, const char *format, ...) {
  if (!writable(j)) return;
  char text[2 * LH_ERR_TEXT_MAX]; /* a sentence of ours with another in it, or a mark, whole */
  struct lh_err err = {0};
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  keep(j, lh_store_event(j->store, at_ns, kind, LH_NO_GROUP, text, NULL, &err), &err);
}

void lh_journal_look(struct lh_journal *j, const struct lh_look *look) {
  struct lh_err err = {0};
  for (size_t i = 0; i < look->count && writable(j); i++) {
    const struct lh_sighting *s = &look->items[i];
    struct lh_watched_row row = {.at_ns = look->at_ns, .source = s->source, .name = s->name, .value = s->value};
    keep(j, lh_store_watched(j->store, &row, &err), &err);
  }
}

void lh_journal_resumed(struct lh_journal *j, uint64_t at_ns, const char *sentence, const char *details) {
  struct lh_err err = {0};
  if (writable(j)) keep(j, lh_store_event(j->store, at_ns, LH_EVENT_RESUMED, LH_NO_GROUP, sentence, details, &err), &err);
}

int lh_journal_ending(void *journal, const struct lh_ending *ending, uint64_t count) {
  struct lh_journal *j = journal;
  struct lh_err err = {0};
  if (writable(j)) keep(j, lh_store_ending(j->store, ending, count, &err), &err);
  return 0;
}

/* A book that does not balance is a defect of ours: it must stand in the run file, since its numbers are not to be trusted. */
static void check_books(struct lh_journal *j, const struct lh_collect *collect, uint64_t at_ns) {
  if (j->books_told) return;
  for (uint32_t g = 0; g < j->config->group_count; g++) {
    struct lh_err err = {0};
    if (lh_snapshot_check(lh_collect_total(collect, g), &err) == 0) continue;
    lh_log(LH_LOG_ERROR, "the books of group %s do not balance: %s", j->config->groups[g].name, err.text);
    lh_journal_event(j, at_ns, LH_EVENT_WARNING, "the books of group %s do not balance: %s", j->config->groups[g].name,
                     err.text);
    j->books_told = true;
    return;
  }
}

/* Counting costs too much for every second: in between, the last counts stand. */
static void count_states(struct lh_journal *j, struct lh_host_sample *now, uint64_t now_ns) {
  const struct lh_host_sample *was = &j->host;
  if (j->states_ns != 0 && now_ns - j->states_ns < LH_STATES_EVERY_MS * LH_NS_PER_MS) {
    now->tcp_syn_sent = was->tcp_syn_sent;
    now->tcp_syn_received = was->tcp_syn_received;
    now->tcp_fin_wait = was->tcp_fin_wait;
    now->tcp_close_wait = was->tcp_close_wait;
    now->tcp_closing = was->tcp_closing;
    now->tcp_established -= now->tcp_close_wait < now->tcp_established ? now->tcp_close_wait : now->tcp_established;
  } else if (lh_host_states_read(now) == 0) {
    j->states_ns = now_ns;
  }
}

static void sample_host(struct lh_journal *j, uint32_t k) {
  struct lh_host_sample now;
  struct lh_err err = {0};
  uint32_t unread;
  if (lh_host_sample_read(&now, &unread) < 0) return;
  count_states(j, &now, lh_now_ns());
  uint64_t total = now.cpu_total_us - j->host.cpu_total_us;
  if (now.cpu_total_us > j->host.cpu_total_us)
    j->host_cpu_percent = (double)(now.cpu_busy_us - j->host.cpu_busy_us) / (double)total * 100;
  j->host = now;
  keep(j, lh_store_host(j->store, k, &now, &err), &err);
}

static void keep_seconds(struct lh_journal *j, const struct lh_interval *v) {
  uint32_t groups = (uint32_t)j->config->group_count;
  for (size_t i = 0; i < (size_t)groups * lh_ticks_each(j->config->run.interval_ns) && writable(j); i++) {
    struct lh_second *before = &j->seconds[i % groups];
    struct lh_err err = {0};
    if (lh_second_is_quiet(&v->seconds[i], before)) continue;
    *before = v->seconds[i];
    keep(j, lh_store_second(j->store, (uint32_t)(i % groups), before, &err), &err);
  }
}

/* Somebody moved or deleted the run file: it is there again, and its timeline says so. */
static void restore(struct lh_journal *j, uint64_t at_ns) {
  struct lh_err err = {0};
  int code = lh_store_restore(j->store, &err);
  keep(j, code, &err);
  if (code <= 0) return;
  lh_log(LH_LOG_WARNING, "%s was moved or deleted; it is written anew, with all it held", lh_store_path(j->store));
  lh_journal_event(j, at_ns, LH_EVENT_WARNING, "the run file was moved or deleted while the run wrote it, and was written anew, with all it held");
}

static void commit(struct lh_journal *j, uint64_t at_ns) {
  struct lh_err err = {0};
  if (writable(j) && j->counted) keep(j, lh_store_counted(j->store, j->counted, j->counted_cells, &err), &err);
  if (writable(j)) keep(j, lh_store_commit(j->store, &err), &err);
  if (writable(j)) restore(j, at_ns);
}

void lh_journal_interval(struct lh_journal *j, const struct lh_collect *collect, const struct lh_interval *v,
                         uint32_t workers) {
  struct lh_err err = {0};
  check_books(j, collect, v->end_ns);
  for (uint32_t g = 0; g < j->config->group_count && writable(j); g++)
    keep(j, lh_store_interval(j->store, v->k, g, &v->groups[g], &err), &err);
  keep_seconds(j, v);
  for (uint32_t w = 0; w < workers && writable(j); w++)
    if (v->health[w].until_ns != 0) keep(j, lh_store_worker(j->store, v->k, w, &v->health[w], &err), &err);
  if (writable(j)) sample_host(j, v->k);
  commit(j, v->end_ns);
}

void lh_journal_finish(struct lh_journal *j, enum lh_run_end how, uint64_t end_ns, int64_t end_wall_us) {
  struct lh_err err = {0};
  if (j->store == NULL) return;
  commit(j, end_ns);
  /* Also after a failed write: space may be there again, and a file marked as failed says more than an unfinished one. */
  int code = lh_store_finish(j->store, how, end_ns, end_wall_us, &err);
  keep(j, code, &err);
}
