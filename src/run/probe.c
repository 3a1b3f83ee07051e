#include "longhaul/run/probe.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/base/units.h"
#include "longhaul/config/load.h"
#include "longhaul/report/report.h"
#include "longhaul/run/fit.h"
#include "longhaul/run/run.h"
#include "longhaul/store/reader.h"
#include "run/backlog.h"
#include "run/footprint.h"
#include "run/listener.h"
#include "run/probe_plan.h"

enum { CONFIG_BYTES_MAX = 1 << 20, LISTENERS_SPARE = 1 };

static int load_config(const struct lh_load_args *load, struct lh_config **config, struct lh_err *err) {
  struct lh_diagnostics diagnostics = {0};
  int code = lh_config_load(load, config, &diagnostics);
  if (code < 0)
    lh_err_set(err, code, "the probe cannot be made from this plan: %s",
               diagnostics.count > 0 ? diagnostics.items[0] : "no memory");
  lh_diagnostics_free(&diagnostics);
  return code;
}

/* ---- what the ladder says of it ---- */
/* Towards targets their own limits count as well; what slows a plan down refuses nothing. */
static bool may_refuse(const struct lh_rung *rung, bool targets) {
  if (rung->burst || rung->clients == LH_ANY || rung->limit == LH_LIMIT_CPU) return false;
  if (rung->limit == LH_LIMIT_CONNTRACK) return true; /* soft while it may act or not: the probe is to tell */
  return lh_limit_is_theirs(rung->limit) ? targets : !rung->soft;
}

/* The accept queue's limit bounds the handshakes of a listener as well: the least binds. */
static void predict_queues(struct lh_probe *probe, const struct lh_ladder *ladder) {
  const struct lh_rung *queue = lh_ladder_find(ladder, LH_LIMIT_SOMAXCONN),
                       *handshakes = lh_ladder_find(ladder, LH_LIMIT_SYN_BACKLOG);
  uint64_t accepts = queue ? queue->clients : LH_ANY, under_way = handshakes ? handshakes->clients : LH_ANY;
  probe->queue_predicted = accepts != LH_ANY ? accepts : 0;
  probe->handshakes_predicted = under_way != LH_ANY && under_way < accepts ? under_way : 0;
}

static void fill_queues(struct lh_probe *probe, uint64_t descriptors) {
  probe->queue_held = lh_backlog_fill(LH_BACKLOG_ACCEPTS, probe->queue_predicted, descriptors);
  probe->handshakes_held = lh_backlog_fill(LH_BACKLOG_HANDSHAKES, probe->handshakes_predicted, descriptors);
  if (probe->queue_held == 0) probe->queue_predicted = 0;
  if (probe->handshakes_held == 0) probe->handshakes_predicted = 0;
}

/* `known`: servers of which a probe has measured what a connection takes; NULL: none. */
static void take_measures(struct lh_probe *probe, struct lh_needs *needs, const struct lh_needs *known) {
  for (size_t i = 0; known && i < known->server_count; i++) {
    const struct lh_needs_server *from = &known->servers[i];
    if (!from->measured) continue;
    if (isnan(probe->target_each) || from->each > probe->target_each) probe->target_each = from->each;
    struct lh_needs_server *to = lh_needs_server_at(needs, from->host, from->port);
    if (!to) continue;
    to->measured = true;
    to->each = from->each;
  }
}

static int predict(struct lh_probe *probe, const struct lh_config *config, const struct lh_needs *known, struct lh_err *err) {
  struct lh_facts facts = {0};
  struct lh_needs needs = {0};
  struct lh_ladder *ladder = NULL;
  struct lh_strings missed = {0};
  int code = lh_needs_make(&needs, config, 1, 1, err);
  probe->tls_clients = needs.plan.tls_clients;
  probe->both_ends = code == 0 && needs.local_sockets == needs.plan.sockets;
  needs.supervisor_threads = 0; /* the workers are started from this process, which has none */
  if (code == 0) code = lh_ladder_look(&facts, &needs, &missed, err); /* doctor has said what is missed */
  take_measures(probe, &needs, known);
  if (code == 0) code = lh_ladder_make(&ladder, &facts, &needs, err);
  if (code == 0) {
    probe->predicted = LH_ANY;
    probe->limit = -1;
    for (uint32_t i = 0; i < ladder->count && probe->limit < 0; i++) {
      const struct lh_rung *rung = &ladder->rungs[i];
      if (!may_refuse(rung, probe->targets)) continue;
      probe->predicted = rung->clients;
      probe->limit = (int)rung->limit;
    }
    predict_queues(probe, ladder);
  }
  lh_ladder_free(ladder);
  lh_needs_free(&needs);
  lh_facts_free(&facts);
  lh_strings_free(&missed);
  return code;
}

/* ---- what the run file says of it ---- */
struct sums {
  uint64_t start_ns;
  uint64_t slab_first, slab_most;
  uint64_t pages_first, pages_most; /* of TCP buffers */
  uint64_t rss[2], open[2]; /* at the first interval with clients, and where most were open */
  uint64_t rss_now;
  uint32_t k_now;
  uint64_t most, most_k;
};

static int see_worker(void *context, uint32_t k, uint32_t worker, const struct lh_worker_health *health) {
  struct sums *s = context;
  (void)worker;
  s->rss_now = k == s->k_now ? s->rss_now + health->rss_bytes : health->rss_bytes;
  s->k_now = k;
  if (k == 0) s->rss[0] = s->rss_now;
  if (k == s->most_k) s->rss[1] = s->rss_now;
  return 0;
}

static int see_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  struct sums *s = context;
  (void)group;
  uint64_t open = snapshot->gauges[LH_GAUGE_open];
  if (k != s->k_now) s->open[1] = 0;
  s->k_now = k;
  s->open[1] += open;
  if (k == 0) s->open[0] += open;
  if (s->open[1] > s->most) {
    s->most = s->open[1];
    s->most_k = k;
  }
  return 0;
}

static int see_host(void *context, uint32_t k, uint32_t shard, const struct lh_host_sample *sample) {
  struct sums *s = context;
  (void)shard;
  if (k == s->most_k && sample->slab_bytes > s->slab_most) s->slab_most = sample->slab_bytes;
  if (k == s->most_k && sample->tcp_mem_pages > s->pages_most) s->pages_most = sample->tcp_mem_pages;
  return 0;
}

/* Interval by interval first, then the workers at the one with most clients. */
static int read_sums(const char *path, struct sums *s, struct lh_err *err) {
  struct lh_reader *reader;
  int code = lh_reader_open(&reader, path, err);
  if (code < 0) return code;
  struct lh_reader_visits first = {.context = s, .interval = see_interval};
  struct lh_reader_visits second = {.context = s, .worker = see_worker, .host = see_host};
  code = lh_reader_visit(reader, 0, UINT32_MAX, &first, err);
  s->k_now = UINT32_MAX;
  if (code == 0) code = lh_reader_visit(reader, 0, UINT32_MAX, &second, err);
  lh_reader_close(reader);
  return code;
}

static void weigh(struct lh_probe *probe, const struct sums *s) {
  enum { CLIENTS_LEAST = 500 };
  probe->user_bytes = probe->kernel_bytes = probe->buffer_bytes = NAN;
  uint64_t grown = s->most > s->open[0] ? s->most - s->open[0] : 0;
  if (grown >= CLIENTS_LEAST && s->rss[1] > s->rss[0]) probe->user_bytes = (double)(s->rss[1] - s->rss[0]) / (double)grown;
  if (s->most < CLIENTS_LEAST) return;
  double ends = (double)s->most * (probe->both_ends ? 2 : 1);
  if (s->slab_most > s->slab_first) probe->kernel_bytes = (double)(s->slab_most - s->slab_first) / ends;
  if (s->pages_most >= s->pages_first)
    probe->buffer_bytes = (double)((s->pages_most - s->pages_first) * (uint64_t)sysconf(_SC_PAGESIZE)) / ends;
}

/* Workers that could not be started leave no ending, but an event. */
static void find_unstarted(struct lh_probe *probe, const json_t *model) {
  const json_t *event;
  size_t i;
  json_array_foreach(json_object_get(model, "events"), i, event) {
    const char *kind = json_string_value(json_object_get(event, "kind")),
               *text = json_string_value(json_object_get(event, "text"));
    if (!kind || !text || strcmp(kind, lh_event_name(LH_EVENT_WORKER_LOST)) != 0) continue;
    snprintf(probe->refusal, sizeof probe->refusal, "%.*s", (int)strcspn(text, ";"), text);
    return;
  }
}

static bool is_way_up(const char *stage) {
  return strcmp(stage, "connect") == 0 || strcmp(stage, "tls") == 0 || strcmp(stage, "upgrade") == 0;
}

/* Codes of the kernel's are an errno; those of peers are a status or the like. */
static bool has_errno(const char *side, const char *reason) {
  if (strcmp(reason, lh_reason_name(LH_REASON_PROXY_REFUSED)) == 0) return false;
  return strcmp(side, "host") == 0 || strcmp(side, "network") == 0 || strcmp(reason, lh_reason_name(LH_REASON_RST)) == 0;
}

static void say_refusal(struct lh_probe *probe, const json_t *ending) {
  const char *side = json_string_value(json_object_get(ending, "side")),
             *reason = json_string_value(json_object_get(ending, "reason"));
  int code = (int)json_integer_value(json_object_get(ending, "code"));
  int len = snprintf(probe->refusal, sizeof probe->refusal, "%s: %s: %s", json_string_value(json_object_get(ending, "stage")),
                     side, reason);
  if (has_errno(side, reason))
    probe->error = code;
  else if (code != 0 && len > 0 && (size_t)len < sizeof probe->refusal)
    snprintf(probe->refusal + len, sizeof probe->refusal - (size_t)len, ", %d", code);
}

/* The first refusal that is this host's or ours; else the first of any side; else the stage in which some still waited when the
 * probe ended: a server without descriptors answers none whose connection the kernel has taken for it. */
static void find_refusal(struct lh_probe *probe, const json_t *model) {
  const json_t *ending, *found = NULL;
  const char *waiting = NULL;
  size_t i;
  json_array_foreach(json_object_get(json_object_get(model, "totals"), "endings"), i, ending) {
    const char *side = json_string_value(json_object_get(ending, "side")),
               *stage = json_string_value(json_object_get(ending, "stage"));
    if (stage && is_way_up(stage)) waiting = stage;
    if (!side || strcmp(side, "us") == 0) continue;
    bool host = strcmp(side, "host") == 0 || strcmp(side, "tester") == 0;
    if (!found || host) found = ending;
    if (host) break;
  }
  if (!found) {
    find_unstarted(probe, model);
    if (probe->refusal[0] == '\0' && waiting) snprintf(probe->refusal, sizeof probe->refusal, "%s: no answer", waiting);
    return;
  }
  say_refusal(probe, found);
}

static int read_run(struct lh_probe *probe, const char *path, struct sums *sums, struct lh_err *err) {
  struct lh_report_args args = {.path = path, .until_ns = LH_NEVER};
  json_t *model = NULL;
  int code = read_sums(path, sums, err);
  if (code == 0) code = lh_report_model(&args, &model, err);
  if (code < 0) return code;
  probe->opened = sums->most;
  probe->seconds = (double)(sums->most_k + 1);
  find_refusal(probe, model);
  weigh(probe, sums);
  json_decref(model);
  return 0;
}

/* ---- the whole ---- */
static void remove_store(const char *folder) {
  DIR *list = opendir(folder);
  for (const struct dirent *e; list && (e = readdir(list));)
    if (e->d_name[0] != '.') unlinkat(dirfd(list), e->d_name, 0);
  if (list) closedir(list);
  rmdir(folder);
}

static int run_it(struct lh_probe *probe, const struct lh_probe_args *args, const struct lh_config *config,
                  const struct lh_strings *settings, struct lh_err *err) {
  struct lh_run_args run = {.config = config,
                            .settings = settings ? (const char *const *)settings->items : NULL,
                            .setting_count = settings ? (uint32_t)settings->count : 0,
                            .shard = 1,
                            .shards = 1,
                            .program = args->program,
                            .command_line = "longhaul doctor --probe",
                            .ends_settled = true,
                            .quiet = true,
                            .color = LH_COLOR_NEVER};
  struct lh_run_result result;
  struct lh_host_sample before;
  struct sums sums = {.k_now = UINT32_MAX};
  if (lh_host_sample_read(&before, NULL) == 0) {
    sums.slab_first = before.slab_bytes;
    sums.pages_first = before.tcp_mem_pages;
  }
  int code = lh_run(&run, &result, err);
  if (result.interrupted) code = lh_err_set(err, EINTR, "the probe was interrupted: what was opened until then proves nothing");
  /* A run that a limit ends has said how far it came. */
  if (result.path && !result.interrupted) {
    struct lh_err failed = *err;
    int read = read_run(probe, result.path, &sums, err);
    if (read == 0 && code < 0) snprintf(probe->refusal, sizeof probe->refusal, "%.150s", failed.text);
    code = read;
  }
  free(result.path);
  return code;
}

/* It would be cut off, and look as if something had refused. */
static int refuse_too_many(const struct lh_probe_plan *plan, struct lh_err *err) {
  char wanted[32], can[32];
  uint64_t most = lh_probe_plan_most(plan->config);
  if (plan->wanted <= most) return 0;
  return lh_err_set(
      err, EINVAL,
      "a probe lasts a minute at most and opens %u connections a second%s: %s of the %s that are asked for. Give --most "
      "%" PRIu64 " or less",
      lh_probe_plan_rate(plan->config), lh_probe_plan_has_tls(plan->config) ? ", with TLS" : "",
      lh_format_count(most, can, sizeof can), lh_format_count(plan->wanted, wanted, sizeof wanted), most);
}

static void judge(struct lh_probe *probe) {
  uint64_t expected = probe->predicted < probe->wanted ? probe->predicted : probe->wanted;
  double off = fabs((double)probe->opened - (double)expected);
  probe->matches = off <= fmax(3, 0.02 * (double)expected);
}

/* How many to try: the plan, or as many as the ladder allows and some more, so that what refuses is met. */
static uint64_t choose_wanted(const struct lh_probe *probe, const struct lh_probe_args *args) {
  uint64_t wanted = args->config ? lh_probe_plan_clients(args->config) : args->most;
  if (!args->config && probe->predicted < wanted) wanted = probe->predicted + probe->predicted / 20 + 20;
  return wanted < args->most ? wanted : args->most;
}

/* The config for so many, and what the ladder says of it. */
static int plan_for_listener(struct lh_probe *probe, const struct lh_probe_plan *plan, const struct lh_listener *listener,
                             struct lh_config **config, struct lh_err *err) {
  struct lh_buf text = LH_BUF_INIT(CONFIG_BYTES_MAX);
  lh_config_free(*config);
  *config = NULL;
  int code = lh_probe_plan_write(plan, listener, &text);
  if (code < 0)
    lh_err_set(err, ENOMEM, "no memory for the probe's config");
  else
    code = load_config(&(struct lh_load_args){.path = "(probe)", .text = text.data}, config, err);
  lh_buf_free(&text);
  return code < 0 ? code : predict(probe, *config, NULL, err);
}

static int probe_listener(struct lh_probe *probe, const struct lh_probe_args *args, const char *store, struct lh_err *err) {
  struct lh_config *config = NULL;
  struct lh_listener listener;
  long raised = lh_host_raise_descriptors(NULL);
  uint64_t descriptors = raised > 0 ? (uint64_t)raised : 0, most = lh_probe_plan_most(args->config);
  struct lh_probe_plan plan = {.config = args->config, .wanted = choose_wanted(probe, args), .store = store};
  if (plan.wanted > most) plan.wanted = most; /* until the ladder has said how many are to be tried */
  uint64_t each = descriptors > 64 ? descriptors - 32 : 32;
  int code = lh_listener_start(&listener,
                               &(struct lh_listener_args){.program = args->program,
                                                          .folder = store,
                                                          .processes = plan.wanted / each + 1 + LISTENERS_SPARE,
                                                          .speaks_tls = lh_probe_plan_has_tls(args->config)},
                               err);
  if (code == 0) code = plan_for_listener(probe, &plan, &listener, &config, err);
  if (code == 0) plan.wanted = choose_wanted(probe, args);
  if (code == 0) code = refuse_too_many(&plan, err);
  if (code == 0) code = plan_for_listener(probe, &plan, &listener, &config, err);
  probe->wanted = plan.wanted;
  if (code == 0) fill_queues(probe, descriptors);
  if (code == 0) code = run_it(probe, args, config, NULL, err);
  lh_listener_stop(&listener);
  lh_config_free(config);
  return code;
}

/* The config's own plan for so many. */
static int plan_for_targets(const struct lh_probe_plan *plan, const struct lh_probe_args *args, struct lh_strings *settings,
                            struct lh_config **config, struct lh_err *err) {
  int code = 0;
  for (uint32_t i = 0; i < args->setting_count && code == 0; i++) code = lh_strings_addf(settings, "%s", args->settings[i]);
  if (code == 0) code = lh_probe_plan_settings(plan, settings);
  if (code == -ENOMEM) return lh_err_set(err, ENOMEM, "no memory for the probe's settings");
  struct lh_load_args load = {.path = args->config->path,
                              .text = args->config->text,
                              .settings = (const char *const *)settings->items,
                              .setting_count = settings->count};
  return load_config(&load, config, err);
}

/* What is open there closes a moment after the run's end, and would be taken for others'. */
static void await_close(const struct lh_needs *needs, const uint64_t *before) {
  enum { TRIES = 40, WAIT_US = 25000, NEAR = 4 };
  for (int tries = 0; tries < TRIES; tries++) {
    bool closed = true;
    for (size_t i = 0; i < needs->server_count && i < LH_FOOTPRINTS_MAX; i++)
      closed = closed && lh_needs_server_open(&needs->servers[i], "") <= before[i] + NEAR;
    if (closed) return;
    usleep(WAIT_US);
  }
}

static int try_some(const struct lh_probe_args *args, const struct lh_config *config, const struct lh_strings *settings,
                    const struct lh_needs *needs, struct lh_err *err) {
  struct lh_probe some = {0};
  struct lh_footprint footprint;
  int code = lh_footprint_begin(&footprint, needs, err);
  if (code < 0) return code;
  code = run_it(&some, args, config, settings, err);
  lh_footprint_end(&footprint, code == 0 && some.opened >= lh_probe_plan_clients(config), args->needs);
  if (code == 0) await_close(needs, footprint.before);
  return code;
}

/* Whether some server may be too small if a connection takes more there than the one that is assumed. */
static bool may_matter(const struct lh_needs *needs) {
  enum { EACH_MOST = 4 };
  for (size_t i = 0; i < needs->server_count; i++)
    if (needs->servers[i].processes > 0 && needs->servers[i].room < EACH_MOST * needs->servers[i].clients) return true;
  return false;
}

/* Few enough that no server refuses them, and so many that one descriptor more or less does not count. */
static int measure_targets(const struct lh_probe_args *args, uint64_t wanted, const char *store, struct lh_err *err) {
  enum { TRIED_FIRST = 50 };
  struct lh_probe_plan plan = {.config = args->config, .wanted = wanted < TRIED_FIRST ? wanted : TRIED_FIRST, .store = store};
  struct lh_strings settings = {0};
  struct lh_config *config = NULL;
  struct lh_needs needs = {0};
  int code = plan_for_targets(&plan, args, &settings, &config, err);
  if (code == 0) code = lh_needs_make(&needs, config, 1, 1, err);
  if (code == 0 && lh_needs_find_servers(&needs, "", NULL) == 0) code = try_some(args, config, &settings, &needs, err);
  lh_needs_free(&needs);
  lh_config_free(config);
  lh_strings_free(&settings);
  return code;
}

static int probe_targets(struct lh_probe *probe, const struct lh_probe_args *args, const char *store, struct lh_err *err) {
  struct lh_strings settings = {0};
  struct lh_config *config = NULL;
  struct lh_probe_plan plan = {.config = args->config, .wanted = choose_wanted(probe, args), .store = store};
  probe->wanted = plan.wanted;
  lh_host_raise_descriptors(NULL);
  int code = refuse_too_many(&plan, err);
  if (code == 0 && args->needs && may_matter(args->needs)) code = measure_targets(args, plan.wanted, store, err);
  if (code == 0) code = plan_for_targets(&plan, args, &settings, &config, err);
  if (code == 0) code = predict(probe, config, args->needs, err);
  probe->queue_predicted = probe->handshakes_predicted = 0; /* the listener is not ours */
  if (code == 0) code = run_it(probe, args, config, &settings, err);
  lh_config_free(config);
  lh_strings_free(&settings);
  return code;
}

int lh_probe_make(struct lh_probe *probe, const struct lh_probe_args *args, struct lh_err *err) {
  char store[] = "/tmp/longhaul-probe-XXXXXX";
  *probe = (struct lh_probe){.targets = args->targets,
                             .limit = -1,
                             .predicted = LH_ANY,
                             .target_each = NAN,
                             .user_bytes = NAN,
                             .kernel_bytes = NAN,
                             .buffer_bytes = NAN};
  if (!mkdtemp(store))
    return lh_err_set(err, errno, "the probe cannot make a folder for its run file (%s): %s", store, strerror(errno));
  lh_log_set_level(LH_LOG_ERROR);
  int code = args->targets ? probe_targets(probe, args, store, err) : probe_listener(probe, args, store, err);
  lh_log_set_level(LH_LOG_INFO);
  remove_store(store);
  if (code == 0) judge(probe);
  return code;
}
