/* Watches what stands beside the connections: the server's processes and metrics, the host, and our own limits. Warnings go
 * to the log, to the timeline and to the view; the samples go to the run file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/analysis/analysis.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/base/units.h"
#include "longhaul/host/ladder.h"
#include "run/lookout.h"
#include "run/pressure.h"
#include "run/supervisor.h"

enum { NAMES_MAX = LH_PROCESS_COUNT + LH_METRICS_MAX, SETTLE_LOOK_MS = 1000, LAST_LOOK_MS = 6000 };

/* What the server held before the first client, and holds now. */
struct standing {
  const char *source, *name;
  double before, now;
  bool known; /* there is a `before` */
};

struct lh_guard {
  struct lh_supervisor *sv;
  struct lh_lookout *lookout;
  struct lh_pressure pressure;
  double limits[LH_PRESSURE_COUNT]; /* of the host and ours, read at the start; 0: not known */
  struct standing standings[NAMES_MAX];
  size_t standing_count;
  bool has_begun;                    /* the first look is in */
  uint64_t settle_until_ns, look_ns; /* LH_NEVER: not settling */
  bool is_last;                      /* the look under way is the last one */
  char warning[LH_PRESSURE_TEXT_MAX];
};

/* ---- warnings ---- */
static void warn_of(struct lh_guard *g, enum lh_pressure_id id, double value, double limit, double warn_at) {
  struct lh_pressure_reading reading = {id, value, limit, warn_at};
  char text[LH_PRESSURE_TEXT_MAX];
  if (!lh_pressure_take(&g->pressure, &reading, text)) return;
  lh_log(LH_LOG_WARNING, "%s", text);
  lh_journal_event(&g->sv->journal, lh_now_ns(), LH_EVENT_LIMIT, "%s", text);
  memcpy(g->warning, text, sizeof g->warning);
}

static double fact_number(const struct lh_facts *facts, const char *name, uint32_t n) {
  uint64_t value;
  return lh_facts_number(facts, name, n, &value) == 0 && value != LH_ANY ? (double)value : 0;
}

static int read_limits(struct lh_guard *g, struct lh_err *err) {
  struct lh_facts facts;
  if (lh_facts_read(&facts, "") < 0) return lh_err_set(err, ENOMEM, "no memory for the limits of this host");
  g->limits[LH_PRESSURE_WORKER_DESCRIPTORS] = fact_number(&facts, "nofile.hard", 0);
  g->limits[LH_PRESSURE_HOST_FILES] = fact_number(&facts, "fs.file-max", 0);
  g->limits[LH_PRESSURE_TCP_MEMORY] = fact_number(&facts, "net.ipv4.tcp_mem", 2);
  g->limits[LH_PRESSURE_TIME_WAIT_BUCKETS] = fact_number(&facts, "net.ipv4.tcp_max_tw_buckets", 0);
  g->limits[LH_PRESSURE_ORPHANS] = fact_number(&facts, "net.ipv4.tcp_max_orphans", 0);
  g->limits[LH_PRESSURE_CONNTRACK] = fact_number(&facts, "net.netfilter.nf_conntrack_max", 0);
  lh_facts_free(&facts);
  return 0;
}

static void warn_of_limit(struct lh_guard *g, enum lh_pressure_id id, double value) {
  warn_of(g, id, value, g->limits[id], g->sv->args->config->watch.warn_at);
}

static void judge_host(struct lh_guard *g) {
  const struct lh_watch_config *watch = &g->sv->args->config->watch;
  const struct lh_host_sample *s = &g->sv->journal.host;
  double total = (double)s->mem_total_bytes, cpu = g->sv->journal.host_cpu_percent / 100;
  warn_of_limit(g, LH_PRESSURE_HOST_FILES, (double)s->files_open);
  warn_of_limit(g, LH_PRESSURE_TCP_MEMORY, (double)s->tcp_mem_pages);
  warn_of_limit(g, LH_PRESSURE_TIME_WAIT_BUCKETS, (double)s->tcp_time_wait);
  warn_of_limit(g, LH_PRESSURE_ORPHANS, (double)s->tcp_orphans);
  warn_of_limit(g, LH_PRESSURE_CONNTRACK, (double)s->conntrack_entries);
  warn_of(g, LH_PRESSURE_HOST_MEMORY, total - (double)s->mem_available_bytes, total, watch->warn_at);
  warn_of(g, LH_PRESSURE_TIME_WAIT, (double)s->tcp_time_wait, (double)watch->time_wait_max, 1);
  if (cpu >= 0) warn_of(g, LH_PRESSURE_HOST_CPU, cpu, watch->cpu_max, 1);
}

static void judge_workers(struct lh_guard *g, const struct lh_interval *interval) {
  uint32_t most = 0;
  for (uint32_t w = 0; w < g->sv->workers; w++)
    if (interval->health[w].until_ns != 0 && interval->health[w].descriptors > most) most = interval->health[w].descriptors;
  warn_of_limit(g, LH_PRESSURE_WORKER_DESCRIPTORS, most);
}

static void judge_process(struct lh_guard *g, const struct lh_process_sample *s) {
  const struct lh_watch_config *watch = &g->sv->args->config->watch;
  warn_of(g, LH_PRESSURE_SERVER_LIMIT, (double)s->descriptors_nearest, (double)s->descriptors_limit, watch->warn_at);
  warn_of(g, LH_PRESSURE_SERVER_DESCRIPTORS, (double)s->values[LH_PROCESS_descriptors], (double)watch->descriptors_max, 1);
  warn_of(g, LH_PRESSURE_SERVER_MEMORY, (double)s->values[LH_PROCESS_rss_bytes], (double)watch->memory_max, 1);
  warn_of(g, LH_PRESSURE_SERVER_THREADS, (double)s->values[LH_PROCESS_threads], (double)watch->threads_max, 1);
}

const char *lh_guard_warning(const struct lh_supervisor *sv) {
  return sv->guard != NULL ? sv->guard->warning : "";
}

/* ---- the server ---- */
static struct standing *standing_of(struct lh_guard *g, const struct lh_sighting *s) {
  for (size_t i = 0; i < g->standing_count; i++)
    if (strcmp(g->standings[i].name, s->name) == 0 && strcmp(g->standings[i].source, s->source) == 0) return &g->standings[i];
  if (g->standing_count == NAMES_MAX) return NULL;
  g->standings[g->standing_count] = (struct standing){.source = s->source, .name = s->name};
  return &g->standings[g->standing_count++];
}

static void keep_standings(struct lh_guard *g, const struct lh_look *look) {
  for (size_t i = 0; i < look->count; i++) {
    if (strcmp(look->items[i].source, "supervisor") == 0) continue;
    struct standing *s = standing_of(g, &look->items[i]);
    if (s == NULL) continue;
    s->now = look->items[i].value;
    if (!g->has_begun) s->before = s->now;
    if (!g->has_begun) s->known = true;
  }
  g->has_begun = true;
}

static bool all_back(const struct lh_guard *g) {
  for (size_t i = 0; i < g->standing_count; i++)
    if (g->standings[i].known &&
        !lh_watched_is_back(g->standings[i].source, g->standings[i].name, g->standings[i].before, g->standings[i].now))
      return false;
  return g->standing_count > 0;
}

static void on_seen(void *context, const struct lh_look *look) {
  struct lh_guard *g = context;
  keep_standings(g, look);
  lh_journal_look(&g->sv->journal, look);
  if (look->process != NULL) judge_process(g, look->process);
  bool is_settling = g->look_ns != LH_NEVER && look->at_ns >= g->sv->gone_ns;
  if (!is_settling || !(g->is_last || all_back(g))) return;
  g->look_ns = LH_NEVER;
  lh_supervisor_settle(g->sv);
}

static void on_trouble(void *context, const char *sentence) {
  struct lh_guard *g = context;
  lh_log(LH_LOG_WARNING, "%s", sentence);
  lh_journal_event(&g->sv->journal, lh_now_ns(), LH_EVENT_WARNING, "%s", sentence);
}

int lh_guard_open(struct lh_supervisor *sv, struct lh_err *err) {
  struct lh_guard *g = calloc(1, sizeof *g);
  if (g == NULL) return lh_err_set(err, ENOMEM, "no memory to watch the host");
  *g = (struct lh_guard){.sv = sv, .settle_until_ns = LH_NEVER, .look_ns = LH_NEVER};
  sv->guard = g;
  struct lh_lookout_events events = {.context = g, .seen = on_seen, .trouble = on_trouble};
  int code = read_limits(g, err);
  if (code == 0) code = lh_lookout_new(&g->lookout, &sv->loop, sv->args->config, &events, err);
  if (code == 0) lh_lookout_look(g->lookout, lh_now_ns());
  return code;
}

void lh_guard_interval(struct lh_supervisor *sv, const struct lh_interval *interval) {
  struct lh_guard *g = sv->guard;
  judge_host(g);
  judge_workers(g, interval);
  if (sv->phase < LH_RUN_SETTLING) lh_lookout_look(g->lookout, lh_now_ns());
}

/* ---- after the last client ---- */
bool lh_guard_settle(struct lh_supervisor *sv, uint64_t now_ns) {
  struct lh_guard *g = sv->guard;
  uint64_t settle_ns = sv->args->config->watch.settle_ns;
  char text[32];
  if (!lh_lookout_has_server(g->lookout) || settle_ns == 0 || sv->failed.code != 0) return false;
  lh_log(LH_LOG_INFO, "every client has left; watching the server for up to %s more, which Ctrl-C ends",
         lh_format_duration(settle_ns, text, sizeof text));
  g->settle_until_ns = now_ns + settle_ns;
  g->look_ns = now_ns;
  return true;
}

uint64_t lh_guard_due_ns(const struct lh_supervisor *sv) {
  return sv->guard->look_ns;
}

void lh_guard_stop_settling(struct lh_supervisor *sv) {
  sv->guard->look_ns = LH_NEVER;
}

void lh_guard_tick(struct lh_supervisor *sv, uint64_t now_ns) {
  struct lh_guard *g = sv->guard;
  if (now_ns < g->look_ns) return;
  bool was_last = g->is_last; /* and it did not come back */
  g->is_last = now_ns >= g->settle_until_ns;
  g->look_ns = now_ns + SETTLE_LOOK_MS * LH_NS_PER_MS;
  if (g->look_ns > g->settle_until_ns && !g->is_last) g->look_ns = g->settle_until_ns;
  if (g->is_last) g->look_ns = now_ns + LAST_LOOK_MS * LH_NS_PER_MS;
  if (was_last || (!lh_lookout_look(g->lookout, now_ns) && g->is_last)) g->look_ns = LH_NEVER;
}

/* ---- the end ---- */
void lh_guard_close(struct lh_supervisor *sv) {
  if (sv->guard == NULL) return;
  lh_lookout_close(sv->guard->lookout);
  sv->guard->lookout = NULL;
}

void lh_guard_free(struct lh_supervisor *sv) {
  free(sv->guard);
  sv->guard = NULL;
}
