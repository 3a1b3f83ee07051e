#include "run/lookout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/base/log.h"
#include "run/exposition.h"
#include "run/scrape.h"

enum { SIGHTINGS_MAX = 2 * LH_PROCESS_COUNT + LH_METRICS_MAX };

struct lh_lookout {
  uv_loop_t *loop;
  const struct lh_config *config; /* borrowed */
  struct lh_lookout_events events;
  struct lh_scrape *scrape; /* NULL: no metrics */
  uv_work_t work;
  bool has_process;
  bool is_working, is_scraping;       /* what this look still waits for */
  bool process_failed, scrape_failed, several; /* told already */
  bool closed;
  uint64_t at_ns;
  /* written by the thread while is_working */
  struct lh_process_pick server, ourselves;
  struct lh_process_sample server_sample;
  int server_code;
  struct lh_sighting sightings[SIGHTINGS_MAX];
  size_t count;
};

static void note(struct lh_lookout *l, const char *source, const char *name, double value) {
  if (l->count < SIGHTINGS_MAX) l->sightings[l->count++] = (struct lh_sighting){source, name, value};
}

static void trouble(struct lh_lookout *l, bool *told, const char *sentence) {
  if (!*told) l->events.trouble(l->events.context, sentence);
  *told = true;
}

static void give_back(struct lh_lookout *l) {
  if (l->closed && !l->is_working) free(l);
}

static void end_look(struct lh_lookout *l) {
  if (l->closed || l->is_working || l->is_scraping) return;
  struct lh_look look = {l->at_ns, l->sightings, l->count, l->has_process && l->server_code == 0 ? &l->server_sample : NULL};
  l->events.seen(l->events.context, &look);
}

/* ---- processes, on a thread of libuv: a server may hold very many descriptors ---- */
static void read_processes(uv_work_t *work) {
  struct lh_lookout *l = work->data;
  l->server_code = lh_process_read(&l->server, &l->server_sample);
}

/* Where no process is, there are none to count, and nothing that could hold memory: no zeros for what was not seen. */
static void note_server(struct lh_lookout *l, const struct lh_process_sample *s) {
  bool nobody = s->values[LH_PROCESS_processes] == 0;
  for (int i = 0; i < LH_PROCESS_COUNT; i++)
    if (!(s->unread & 1u << i) && (i == LH_PROCESS_processes || !nobody))
      note(l, "process", lh_process_value_name((enum lh_process_value)i), (double)s->values[i]);
}

/* A few files of our own: no thread for that, whose stack an address-space limit may not have room for. */
static void note_ourselves(struct lh_lookout *l) {
  static const enum lh_process_value kept[] = {LH_PROCESS_descriptors, LH_PROCESS_rss_bytes, LH_PROCESS_cpu_us};
  struct lh_process_sample sample;
  if (lh_process_read(&l->ourselves, &sample) < 0) return;
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    note(l, "supervisor", lh_process_value_name(kept[i]), (double)sample.values[kept[i]]);
}

/* It may come yet, so the run goes on. */
static void say_nobody(struct lh_lookout *l) {
  const struct lh_watch_config *watch = &l->config->watch;
  char text[320];
  if (watch->name != NULL)
    snprintf(text, sizeof text, "no process is there that `watch` names: none is called \"%.200s\" (as in `ps -e -o comm`)", watch->name);
  else if (watch->pid != 0)
    snprintf(text, sizeof text, "no process is there that `watch` names: none has the process id %" PRIu32, watch->pid);
  else
    snprintf(text, sizeof text, "no process is there that `watch` names: control group %.200s holds none", watch->cgroup);
  trouble(l, &l->process_failed, text);
}

/* An editor's processes may have the name of the server too, and what they hold would count as its own. */
static void say_several(struct lh_lookout *l) {
  double processes = (double)l->server_sample.values[LH_PROCESS_processes];
  if (l->several || l->config->watch.name == NULL || processes < 2) return;
  l->several = true;
  lh_log(LH_LOG_INFO, "watching %.0f processes that are called \"%.200s\", as one server; `watch.pid` takes one of them",
         processes, l->config->watch.name);
}

static void judge_server(struct lh_lookout *l) {
  char text[160];
  if (l->server_code < 0) {
    snprintf(text, sizeof text, "the watched control group cannot be read: %s", strerror(-l->server_code));
    trouble(l, &l->process_failed, text);
    return;
  }
  note_server(l, &l->server_sample);
  say_several(l);
  if (l->server_sample.values[LH_PROCESS_processes] == 0)
    say_nobody(l);
  else if (l->server_sample.unread)
    trouble(l, &l->process_failed, "the descriptors of the watched process cannot be counted: that takes its user, or root");
  else
    l->process_failed = false;
}

static void on_processes(uv_work_t *work, int status) {
  struct lh_lookout *l = work->data;
  l->is_working = false;
  if (l->closed) {
    give_back(l);
    return;
  }
  if (status == 0) judge_server(l);
  end_look(l);
}

/* ---- metrics ---- */
static void on_page(void *context, const char *page, const struct lh_err *err) {
  struct lh_lookout *l = context;
  l->is_scraping = false;
  if (!page) {
    trouble(l, &l->scrape_failed, err->text);
  } else {
    const struct lh_strings *names = &l->config->watch.names;
    char text[256] = "";
    for (size_t i = 0; i < names->count; i++) {
      double value;
      if (lh_exposition_sum(page, names->items[i], &value))
        note(l, "metrics", names->items[i], value);
      else if (!text[0])
        snprintf(text, sizeof text, "%s has no metric %s", l->config->watch.metrics.url_masked, names->items[i]);
    }
    if (text[0])
      trouble(l, &l->scrape_failed, text);
    else
      l->scrape_failed = false;
  }
  end_look(l);
}

/* ---- the whole ---- */
int lh_lookout_new(struct lh_lookout **lookout, uv_loop_t *loop, const struct lh_config *config,
                   const struct lh_lookout_events *events, struct lh_err *err) {
  const struct lh_watch_config *watch = &config->watch;
  struct lh_lookout *l = calloc(1, sizeof *l);
  if (!l) return lh_err_set(err, ENOMEM, "no memory to watch the server");
  *l = (struct lh_lookout){.loop = loop, .config = config, .events = *events};
  l->server = (struct lh_process_pick){.pid = watch->pid, .name = watch->name, .cgroup = watch->cgroup};
  l->ourselves = (struct lh_process_pick){.pid = (uint32_t)getpid()};
  l->has_process = watch->pid || watch->name || watch->cgroup;
  int code = watch->metrics.host ? lh_scrape_new(&l->scrape, loop, config, on_page, l, err) : 0;
  if (code < 0) {
    free(l);
    return code;
  }
  *lookout = l;
  return 0;
}

bool lh_lookout_has_server(const struct lh_lookout *l) {
  return l->has_process || l->scrape;
}

bool lh_lookout_look(struct lh_lookout *l, uint64_t now_ns) {
  if (l->is_working || l->is_scraping) return false;
  l->at_ns = now_ns;
  l->count = 0;
  note_ourselves(l);
  l->work.data = l;
  l->is_working = l->has_process && uv_queue_work(l->loop, &l->work, read_processes, on_processes) == 0;
  l->is_scraping = l->scrape && lh_scrape_begin(l->scrape);
  end_look(l);
  return true;
}

void lh_lookout_close(struct lh_lookout *l) {
  if (!l || l->closed) return;
  l->closed = true;
  lh_scrape_close(l->scrape);
  give_back(l);
}
