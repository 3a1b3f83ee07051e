#include "longhaul/conn/logins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn/engine_private.h"
#include "longhaul/base/rng.h"

/* ---- whose ---- */

static bool is_shared(const struct group *g) {
  return g->config->login.per == LH_LOGIN_PER_GROUP;
}
static bool is_together(const struct group *g) {
  return g->config->login.phase == LH_PHASE_TOGETHER;
}
static bool leads(const struct lh_engine *e, const struct group *g) {
  return !is_shared(g) || e->args.leads_logins;
}
static bool rides(const struct group *g) {
  return g->config->login.shares_connection;
}
static struct login *login_of(const struct group *g, uint32_t slot) {
  return g->logins ? &g->logins[is_shared(g) ? 0 : slot - g->first_slot] : NULL;
}
static bool is_needed(const struct login *login) {
  return !login->texts || login->refused;
}
static bool is_under_way(const struct login *login) {
  return login->begun_ns != LH_NEVER;
}

uint32_t lh_engine_login_group(const struct lh_engine *engine, uint32_t key) {
  return key < engine->client_count ? engine->clients[key].group : key - engine->client_count;
}

uint32_t lh_engine_login_client(const struct lh_engine *engine, uint32_t key) {
  return key < engine->client_count ? lh_engine_client_of(engine, key) : 0;
}

const struct lh_texts *lh_engine_login(const struct lh_engine *engine, uint32_t slot) {
  const struct login *login = login_of(&engine->groups[engine->clients[slot].group], slot);
  return login ? login->texts : NULL;
}

const struct lh_texts *lh_login_at(const struct lh_engine *e, uint32_t slot, uint64_t at_ns) {
  const struct login *login = login_of(&e->groups[e->clients[slot].group], slot);
  if (!login) return NULL;
  return login->before && at_ns < login->done_ns ? login->before : login->texts;
}

void lh_login_scrub(const struct lh_engine *e, uint32_t slot, char *text) {
  const struct login *login = login_of(&e->groups[e->clients[slot].group], slot);
  lh_jars_scrub(e, slot, text);
  if (!login) return;
  lh_scrub(text, login->texts);
  lh_scrub(text, login->before);
}

/* A login with its key, as most of this file needs it. */
struct visit {
  struct group *g;
  struct login *login;
  uint32_t key;
};

static struct visit visit_of_slot(struct lh_engine *e, uint32_t slot) {
  struct group *g = lh_group_of(e, &e->clients[slot]);
  return (struct visit){g, login_of(g, slot), g->logins && is_shared(g) ? e->client_count + g->number : slot};
}

static struct visit visit_of_key(struct lh_engine *e, uint32_t key) {
  struct group *g = &e->groups[lh_engine_login_group(e, key)];
  return (struct visit){g, key < e->client_count ? login_of(g, key) : g->logins, key};
}

/* ---- making ---- */

static void arm_group(struct lh_engine *e, const struct group *g) {
  if (g->logins[0].due_ns != LH_NEVER) lh_wheel_set(e->wheel, lh_timer_of_login(e, g->number), g->logins[0].due_ns);
}

int lh_logins_new(struct lh_engine *e, struct group *g, struct lh_err *err) {
  if (!g->config->login.enabled) return 0;
  if (!e->args.logins)
    return lh_err_set(err, ENOTSUP, "group '%s': logins cannot be made by this worker", g->config->name);
  if (rides(g) && !g->io->login)
    return lh_err_set(err, ENOTSUP, "group '%s': logins cannot go over connections of kind %s", g->config->name,
                      lh_kind_name(g->config->kind));
  const uint32_t count = is_shared(g) ? 1 : g->client_count;
  g->logins = calloc(count ? count : 1, sizeof *g->logins);
  if (!g->logins) return lh_err_set(err, ENOMEM, "no memory for the logins of group '%s'", g->config->name);
  e->login_bytes += count * sizeof *g->logins;
  const uint64_t first_ns = is_together(g) ? e->args.start_ns : 0;
  for (uint32_t i = 0; i < count; i++) g->logins[i] = (struct login){.begun_ns = LH_NEVER, .due_ns = first_ns};
  if (!is_together(g)) return 0;
  if (is_shared(g) && leads(e, g)) arm_group(e, g);
  for (uint32_t i = 0; !is_shared(g) && i < count; i++) lh_client_arm_by(e, g->first_slot + i, first_ns);
  return 0;
}

void lh_logins_free(struct group *g) {
  const uint32_t count = g->logins ? is_shared(g) ? 1 : g->client_count : 0;
  for (uint32_t i = 0; i < count; i++) {
    free(g->logins[i].texts);
    free(g->logins[i].before);
  }
  free(g->logins);
}

/* ---- one attempt ---- */

static void failed(struct lh_engine *e, struct visit v, const struct lh_ending *seen);
static const struct lh_ending no_memory = {.reason = LH_REASON_NO_MEMORY, .code = ENOMEM};

static void note_begun(struct lh_engine *e, struct visit v) {
  assert(!is_under_way(v.login));
  v.login->begun_ns = e->now_ns;
  v.login->due_ns = lh_later(e->now_ns, v.g->config->login.within_ns);
  v.g->logging_in++;
  e->logging_in += !rides(v.g); /* the client's connection is counted already */
  lh_count(v.g, LH_COUNTER_logins, 1);
}

/* Over the client's open connection, once that is free. */
static void ride(struct lh_engine *e, struct visit v) {
  switch (v.g->io->login(v.g->io->context, v.key)) {
  case LH_SEND_DONE: note_begun(e, v); return;
  case LH_SEND_CHOKED: e->clients[v.key].choked = true; return;
  case LH_SEND_FAILED: note_begun(e, v); failed(e, v, &no_memory); return;
  }
}

static void begin(struct lh_engine *e, struct visit v) {
  if (rides(v.g)) {
    ride(e, v);
    return;
  }
  note_begun(e, v);
  if (v.key >= e->client_count) arm_group(e, v.g);
  v.login->ticket = e->args.logins->begin(e->args.logins->context, v.key, e->now_ns);
  if (v.login->ticket == LH_NO_TICKET) failed(e, v, &no_memory);
}

static void end_attempt(struct lh_engine *e, struct visit v) {
  v.login->begun_ns = LH_NEVER;
  v.g->logging_in--;
  e->logging_in -= !rides(v.g);
  lh_queue_wake(e);
}

static void book(struct lh_engine *e, struct visit v, enum lh_counter_id as, const struct lh_ending *seen) {
  struct lh_ending ending = {.at_ns = e->now_ns,
                             .started_ns = v.login->begun_ns,
                             .client = lh_engine_login_client(e, v.key),
                             .nth = v.key < e->client_count ? e->clients[v.key].nth : 0,
                             .group = (uint16_t)v.g->number,
                             .stage = LH_STAGE_LOGIN,
                             .reason = seen->reason,
                             .code = seen->code};
  memcpy(ending.text, seen->text, sizeof ending.text);
  ending.text[sizeof ending.text - 1] = '\0';
  lh_scrub_all(ending.text, e->config->secrets);
  lh_scrub_rows(ending.text, e, v.g, ending.client, 0);
  lh_count(v.g, as, 1);
  lh_snapshot_tally(&v.g->snapshot, &ending);
  if (e->args.ending_sink) e->args.ending_sink(e->args.ending_context, &ending);
}

/* We end it: nobody wants it any more. */
static void drop(struct lh_engine *e, struct visit v) {
  const struct lh_ending ending = {.reason = e->stopping ? LH_REASON_SHUTDOWN : LH_REASON_PLANNED_END};
  if (!rides(v.g)) e->args.logins->abort(e->args.logins->context, v.login->ticket);
  book(e, v, LH_COUNTER_logins_dropped, &ending);
  end_attempt(e, v);
  v.login->due_ns = e->now_ns;
}

/* ---- those who wait for it ---- */

static bool waits(const struct client *c) {
  return c->state == LH_CLIENT_WAITING && c->due_ns == LH_NEVER && !c->queued;
}

static void wake(struct lh_engine *e, struct group *g, uint32_t slot) {
  struct client *c = &e->clients[slot];
  const struct login *login = login_of(g, slot);
  if (login->over && waits(c)) {
    lh_count(g, LH_COUNTER_gave_up, 1);
    lh_client_enter(e, slot, LH_CLIENT_FINISHED);
  } else if (waits(c)) {
    c->due_ns = is_needed(login) && !is_shared(g) ? login->due_ns : e->now_ns;
  } else if (c->state == LH_CLIENT_OPEN && g->config->kind == LH_KIND_HTTP && !is_needed(login)) {
    lh_schedule_send_held(e, slot);
  }
  lh_client_arm(e, slot);
}

/* Of a group's login that failed nobody need hear; the group's timer tries again. */
static void wake_all(struct lh_engine *e, struct visit v) {
  if (v.key < e->client_count) {
    wake(e, v.g, v.key);
    return;
  }
  if (v.login->over || !is_needed(v.login))
    for (uint32_t i = 0; i < v.g->client_count; i++) wake(e, v.g, v.g->first_slot + i);
  arm_group(e, v.g);
}

/* ---- how it ended ---- */

/* spread: up to a tenth sooner, so that those who logged in together do not stay together. together: on a grid. */
static uint64_t refresh_ns(const struct lh_engine *e, struct visit v) {
  const uint64_t every = v.g->config->login.refresh_ns, since = e->now_ns - e->args.start_ns;
  if (!every || !leads(e, v.g)) return LH_NEVER;
  if (is_together(v.g)) return lh_later(e->args.start_ns, (since / every + 1) * every);
  uint64_t who = (uint64_t)v.g->number << 32 | lh_engine_login_client(e, v.key);
  uint64_t word = lh_rng_at(e->config->run.seed, LH_RNG_LOGIN, who, v.login->serial);
  return lh_later(e->now_ns, every - lh_rng_below(word, every / 10 + 1));
}

static void keep(struct lh_engine *e, struct visit v, struct lh_texts *texts) {
  e->login_bytes += lh_texts_bytes(texts) - lh_texts_bytes(v.login->before);
  free(v.login->before);
  v.login->before = v.login->texts;
  v.login->texts = texts;
  v.login->refused = false;
  v.login->unproved = true;
  v.login->done_ns = e->now_ns;
  v.login->due_ns = refresh_ns(e, v);
  const uint32_t first = v.key < e->client_count ? v.key : v.g->first_slot;
  const uint32_t count = v.key < e->client_count ? 1 : v.g->client_count;
  for (uint32_t i = 0; i < count; i++) lh_jars_take_login(e, first + i, texts);
}

static uint64_t backoff_ns(const struct lh_engine *e, struct visit v) {
  return lh_plan_backoff_ns(&v.g->config->login.retry, e->config->run.seed, v.g->number, lh_engine_login_client(e, v.key),
                            v.login->serial, v.login->attempt);
}

/* Once more, after its backoff, or not at all. */
static void retry(struct lh_engine *e, struct visit v, uint64_t least_ns) {
  const uint32_t limit = v.g->config->login.retry.limit;
  v.login->attempt++;
  v.login->over = limit && v.login->attempt > limit && is_needed(v.login);
  uint64_t wait_ns = backoff_ns(e, v);
  v.login->due_ns = v.login->over ? LH_NEVER : lh_later(e->now_ns, wait_ns > least_ns ? wait_ns : least_ns);
}

static void failed(struct lh_engine *e, struct visit v, const struct lh_ending *seen) {
  book(e, v, LH_COUNTER_logins_failed, seen);
  end_attempt(e, v);
  retry(e, v, v.g->config->reconnect.retry_after ? seen->retry_after_ns : 0);
  wake_all(e, v);
}

/* Its answer may still come: nothing else can be asked on that connection. */
static void end_ride(struct lh_engine *e, uint32_t slot) {
  const struct client *c = &e->clients[slot];
  if (c->state == LH_CLIENT_CONNECTING) lh_client_abort(e, slot, LH_REASON_PLANNED_END, "its login failed");
  if (c->state == LH_CLIENT_OPEN) lh_client_close(e, slot, LH_REASON_REPLY_MISSING);
}

static void time_out(struct lh_engine *e, struct visit v) {
  const struct lh_ending ending = {.reason = LH_REASON_LOGIN_TIMEOUT};
  if (!rides(v.g)) e->args.logins->abort(e->args.logins->context, v.login->ticket);
  failed(e, v, &ending);
  if (rides(v.g)) end_ride(e, v.key);
}

static void advance(struct lh_engine *e, uint64_t now_ns) {
  if (now_ns > e->now_ns) e->now_ns = now_ns;
}

void lh_engine_on_login(struct lh_engine *engine, uint32_t key, struct lh_texts *texts, uint64_t now_ns) {
  struct visit v = visit_of_key(engine, key);
  if (rides(v.g) && !is_under_way(v.login)) { /* it came too late, and its connection is being closed */
    free(texts);
    return;
  }
  assert(is_under_way(v.login));
  advance(engine, now_ns);
  lh_count(v.g, LH_COUNTER_logins_succeeded, 1);
  lh_record_ns(v.g, LH_HIST_login, engine->now_ns - v.login->begun_ns);
  end_attempt(engine, v);
  v.login->serial++;
  keep(engine, v, texts);
  if (key >= engine->client_count && engine->args.logins->share)
    engine->args.logins->share(engine->args.logins->context, v.g->number, v.login->serial, texts);
  wake_all(engine, v);
}

bool lh_engine_begin_login(struct lh_engine *engine, uint32_t slot, uint64_t now_ns) {
  struct visit v = visit_of_slot(engine, slot);
  advance(engine, now_ns);
  if (!v.login || !rides(v.g) || v.login->over || engine->stopping) return false;
  if (!is_needed(v.login) && v.login->due_ns > engine->now_ns) return false;
  lh_engine_on_stage(engine, slot, LH_STAGE_UPGRADE, now_ns);
  engine->clients[slot].due_ns = LH_NEVER; /* the login has a deadline of its own */
  note_begun(engine, v);
  lh_client_arm(engine, slot);
  return true;
}

void lh_engine_on_login_failed(struct lh_engine *engine, uint32_t key, const struct lh_ending *seen, uint64_t now_ns) {
  struct visit v = visit_of_key(engine, key);
  advance(engine, now_ns);
  if (rides(v.g) && !is_under_way(v.login)) return; /* it came too late, and its connection is being closed */
  assert(is_under_way(v.login));
  failed(engine, v, seen);
}

/* ---- when it is made ---- */

static void ask_leader(struct lh_engine *e, struct visit v) {
  uint64_t wait_ns = v.g->config->login.within_ns + (v.login->attempt ? backoff_ns(e, v) : 0);
  v.login->attempt++;
  v.login->due_ns = lh_later(e->now_ns, wait_ns);
  arm_group(e, v.g);
  e->args.logins->want(e->args.logins->context, v.g->number, v.login->serial);
}

bool lh_login_lets_queue(struct lh_engine *e, uint32_t slot) {
  struct visit v = visit_of_slot(e, slot);
  struct client *c = &e->clients[slot];
  if (!v.login || !is_needed(v.login) || e->stopping) return true; /* at the end only what was sent before goes out again */
  if (v.login->over) {
    lh_count(v.g, LH_COUNTER_gave_up, 1);
    lh_client_enter(e, slot, LH_CLIENT_FINISHED);
    return false;
  }
  if (is_under_way(v.login)) return false;
  bool is_due = v.login->due_ns <= e->now_ns;
  if (is_shared(v.g)) {
    if (is_due && leads(e, v.g))
      begin(e, v);
    else if (is_due)
      ask_leader(e, v);
    return false;
  }
  if (!is_due) c->due_ns = v.login->due_ns;
  if (is_due && is_together(v.g)) begin(e, v);
  return is_due && !is_together(v.g);
}

bool lh_login_takes_turn(struct lh_engine *e, uint32_t slot) {
  struct visit v = visit_of_slot(e, slot);
  if (!v.login || !is_needed(v.login) || e->stopping || rides(v.g)) return false;
  if (!is_shared(v.g) && !is_under_way(v.login)) begin(e, v);
  return true;
}

bool lh_login_holds(const struct lh_engine *e, uint32_t slot) {
  const struct group *g = &e->groups[e->clients[slot].group];
  const struct login *login = login_of(g, slot);
  if (!login || g->config->kind != LH_KIND_HTTP) return false;
  return is_needed(login) || (rides(g) && !e->stopping && (is_under_way(login) || login->due_ns <= e->now_ns));
}

uint64_t lh_login_next_ns(const struct lh_engine *e, const struct group *g, const struct client *c, uint32_t slot) {
  if (!g->logins || is_shared(g)) return LH_NEVER;
  const struct login *login = login_of(g, slot);
  if (is_under_way(login)) return login->due_ns;
  if (rides(g) && (c->state != LH_CLIENT_OPEN || c->choked || c->flight_first != LH_NONE)) return LH_NEVER;
  if (e->stopping || login->over || c->state == LH_CLIENT_FINISHED) return LH_NEVER;
  if (c->state == LH_CLIENT_IDLE) return is_together(g) ? login->due_ns : LH_NEVER;
  /* A client that waits to connect asks for what it needs when its turn comes. */
  return is_needed(login) && c->state == LH_CLIENT_WAITING ? LH_NEVER : login->due_ns;
}

void lh_login_tend(struct lh_engine *e, uint32_t slot) {
  struct visit v = visit_of_slot(e, slot);
  if (is_under_way(v.login))
    time_out(e, v);
  else
    begin(e, v);
}

void lh_login_fire(struct lh_engine *e, uint32_t group) {
  struct group *g = &e->groups[group];
  struct visit v = {g, g->logins, e->client_count + group};
  if (e->stopping || !g->logins || v.login->over) return;
  if (v.login->due_ns > e->now_ns) {
    arm_group(e, g);
  } else if (is_under_way(v.login)) {
    time_out(e, v);
  } else if (leads(e, g)) {
    begin(e, v);
  } else if (is_needed(v.login)) {
    ask_leader(e, v);
  }
}

/* ---- what it is worth ---- */

void lh_login_refused(struct lh_engine *e, uint32_t slot, uint64_t since_ns) {
  struct visit v = visit_of_slot(e, slot);
  if (!v.login || !v.g->config->login.on_401 || is_needed(v.login) || since_ns < v.login->done_ns || e->stopping) return;
  v.login->refused = true;
  if (!is_under_way(v.login)) { /* else the refresh that is under way is what it needs */
    v.login->due_ns = e->now_ns;
    if (v.login->unproved && leads(e, v.g)) retry(e, v, 0);
    if (!leads(e, v.g)) ask_leader(e, v);
  }
  if (v.key >= e->client_count)
    arm_group(e, v.g);
  else
    lh_client_arm(e, slot);
}

void lh_login_proved(struct lh_engine *e, uint32_t slot) {
  struct login *login = login_of(lh_group_of(e, &e->clients[slot]), slot);
  if (!login || !login->unproved) return;
  login->unproved = false;
  login->attempt = 0;
}

/* ---- between workers ---- */

void lh_engine_on_login_shared(struct lh_engine *engine, uint32_t group, uint32_t serial, struct lh_texts *texts, uint64_t now_ns) {
  struct visit v = visit_of_key(engine, engine->client_count + group);
  advance(engine, now_ns);
  if (!v.login || !is_shared(v.g) || is_under_way(v.login) || serial <= v.login->serial) {
    free(texts);
    return;
  }
  v.login->serial = serial;
  keep(engine, v, texts);
  wake_all(engine, v);
}

void lh_engine_on_login_wanted(struct lh_engine *engine, uint32_t group, uint32_t serial, uint64_t now_ns) {
  struct visit v = visit_of_key(engine, engine->client_count + group);
  advance(engine, now_ns);
  bool is_old = !v.login || !is_shared(v.g) || !leads(engine, v.g) || serial != v.login->serial;
  if (is_old || engine->stopping || is_under_way(v.login) || v.login->over) return;
  if (!is_needed(v.login)) {
    v.login->refused = true;
    v.login->due_ns = engine->now_ns;
    if (v.login->unproved) retry(engine, v, 0);
  }
  arm_group(engine, v.g);
}

/* ---- the end ---- */

void lh_login_leave(struct lh_engine *e, uint32_t slot) {
  struct visit v = visit_of_slot(e, slot);
  if (v.login && v.key == slot && is_under_way(v.login)) drop(e, v);
}

void lh_login_cut(struct lh_engine *e, uint32_t slot, const struct lh_ending *ending) {
  struct visit v = visit_of_slot(e, slot);
  if (!v.login || !rides(v.g) || !is_under_way(v.login)) return;
  if (lh_reason_side(ending->reason) == LH_SIDE_US) {
    drop(e, v);
    return;
  }
  const struct lh_ending seen = {.reason = ending->reason, .code = ending->code};
  book(e, v, LH_COUNTER_logins_failed, &seen);
  end_attempt(e, v);
  retry(e, v, 0);
  if (ending->reason == LH_REASON_STALE_KEEPALIVE) v.login->due_ns = e->now_ns; /* nobody has refused it */
}

void lh_logins_stop(struct lh_engine *e) {
  for (uint32_t g = 0; g < e->group_count; g++) {
    struct visit v = {&e->groups[g], e->groups[g].logins, e->client_count + g};
    if (v.login && is_shared(v.g) && is_under_way(v.login)) drop(e, v);
  }
}
