#include "live/picture.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "live/patch.h"
#include "longhaul/base/clock.h"
#include "longhaul/report/report.h"

struct change {
  uint32_t to; /* the revision it leads to; 0: none */
  struct lh_shared *message;
};

struct lh_picture {
  uv_loop_t *loop;
  uv_work_t work;
  char *path;
  lh_picture_built *built;
  void *context;
  uint32_t revision, intervals, asked; /* intervals that the newest holds; that the one being built was asked for */
  uint64_t next_ns;
  bool building;
  struct lh_shared *whole;
  struct change changes[LH_PICTURE_CHANGES]; /* by revision modulo their number */
  /* While building these belong to the thread. */
  json_t *model;
  bool same; /* nothing has changed since the picture before */
  struct lh_buf whole_text, change_text;
  uint64_t cost_ns;
  struct lh_err err;
};

/* ---- shared text ---- */

struct lh_shared *lh_shared_new(char *text, size_t len) {
  struct lh_shared *shared = text ? malloc(sizeof *shared) : NULL;
  if (!shared) {
    free(text);
    return NULL;
  }
  *shared = (struct lh_shared){.users = 1, .len = len, .text = text};
  return shared;
}

struct lh_shared *lh_shared_keep(struct lh_shared *shared) {
  shared->users++;
  return shared;
}

void lh_shared_drop(struct lh_shared *shared) {
  if (!shared || --shared->users) return;
  free(shared->text);
  free(shared);
}

static struct lh_shared *take_text(struct lh_buf *buf) {
  struct lh_shared *shared = lh_shared_new(buf->data, buf->len);
  buf->data = NULL;
  buf->len = buf->room = 0;
  return shared;
}

/* ---- building, on a thread of its own ---- */

enum { MESSAGE_MOST = 256 << 20 };

static int put_message(struct lh_buf *out, const char *type, uint32_t revision, const char *key, const json_t *value) {
  lh_buf_reset(out);
  int failed = lh_buf_addf(out, "{\"type\":\"%s\",\"revision\":%u,\"%s\":", type, revision, key);
  if (!failed) failed = lh_report_write_compact(value, out);
  return failed ? failed : lh_buf_addstr(out, "}");
}

static int build(struct lh_picture *p) {
  struct lh_report_args args = {.path = p->path, .until_ns = LH_NEVER, .in_progress = true};
  json_t *model = NULL, *page = NULL, *patch = NULL;
  int failed = lh_report_model(&args, &model, &p->err);
  if (failed) return failed;
  page = lh_report_page_model(model);
  json_decref(model);
  if (page && p->model) patch = lh_patch_make(p->model, page);
  failed = page && (patch || !p->model) ? 0 : -ENOMEM;
  p->same = json_is_null(patch);
  if (p->same) {
    json_decref(page);
    return 0;
  }
  if (!failed) failed = put_message(&p->whole_text, "whole", p->revision + 1, "model", page);
  if (!failed && patch) failed = put_message(&p->change_text, "change", p->revision + 1, "patch", patch);
  json_decref(patch);
  if (failed) {
    json_decref(page);
    return lh_err_set(&p->err, failed, "no memory for the dashboard's picture of the run");
  }
  json_decref(p->model);
  p->model = page;
  return 0;
}

static uint64_t thread_cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * LH_NS_PER_S + (uint64_t)t.tv_nsec;
}

static void on_thread(uv_work_t *work) {
  struct lh_picture *p = work->data;
  uint64_t begun_ns = thread_cpu_ns();
  p->err = (struct lh_err){0};
  p->err.code = build(p);
  malloc_trim(0); /* building a night takes 100 MiB for a moment: the host under test has them back */
  p->cost_ns = thread_cpu_ns() - begun_ns;
}

/* ---- on the loop ---- */

/* A change longer than the whole helps nobody. */
static void keep_texts(struct lh_picture *p) {
  struct change *change = &p->changes[p->revision % LH_PICTURE_CHANGES];
  lh_shared_drop(change->message);
  lh_shared_drop(p->whole);
  bool worth = p->change_text.len > 0 && p->change_text.len < p->whole_text.len;
  *change = (struct change){0};
  if (worth) change->message = take_text(&p->change_text);
  if (change->message) change->to = p->revision;
  lh_buf_reset(&p->change_text);
  p->whole = take_text(&p->whole_text);
}

static void on_built(uv_work_t *work, int status) {
  struct lh_picture *p = work->data;
  p->building = false;
  p->next_ns = lh_now_ns() + p->cost_ns * LH_PICTURE_SHARE;
  if (status < 0 && !p->err.code) lh_err_set(&p->err, status, "the dashboard's picture was not built: %s", uv_strerror(status));
  if (!p->err.code) p->intervals = p->asked;
  if (!p->err.code && !p->same) {
    p->revision++;
    keep_texts(p);
  }
  p->built(p->context, &p->err);
}

bool lh_picture_update(struct lh_picture *p, uint32_t intervals, bool at_once) {
  bool due = intervals > p->intervals && lh_now_ns() >= p->next_ns;
  if (p->building || !(due || at_once)) return p->building;
  p->asked = intervals;
  p->building = uv_queue_work(p->loop, &p->work, on_thread, on_built) == 0;
  return p->building;
}

bool lh_picture_building(const struct lh_picture *p) {
  return p->building;
}

struct lh_picture *lh_picture_new(uv_loop_t *loop, const char *path, lh_picture_built *built, void *context) {
  struct lh_picture *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->loop = loop;
  p->work.data = p;
  p->built = built;
  p->context = context;
  p->whole_text.limit = p->change_text.limit = MESSAGE_MOST;
  p->path = strdup(path);
  if (p->path) return p;
  free(p);
  return NULL;
}

void lh_picture_free(struct lh_picture *p) {
  if (!p) return;
  for (size_t i = 0; i < LH_PICTURE_CHANGES; i++) lh_shared_drop(p->changes[i].message);
  lh_shared_drop(p->whole);
  lh_buf_free(&p->whole_text);
  lh_buf_free(&p->change_text);
  json_decref(p->model);
  free(p->path);
  free(p);
}

uint32_t lh_picture_revision(const struct lh_picture *p) {
  return p->revision;
}

struct lh_shared *lh_picture_message(const struct lh_picture *p, uint32_t *revision) {
  if (*revision == p->revision || !p->whole) return NULL;
  const struct change *next = &p->changes[(*revision + 1) % LH_PICTURE_CHANGES];
  if (*revision > 0 && next->to == *revision + 1) {
    ++*revision;
    return lh_shared_keep(next->message);
  }
  *revision = p->revision;
  return lh_shared_keep(p->whole);
}
