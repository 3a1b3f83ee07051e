#include "longhaul/conn/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "conn/engine_private.h"

/* ---- making ---- */

static int check_args(const struct lh_engine_args *args, struct lh_err *err) {
  if (args->workers == 0 || args->slice.stride == 0)
    return lh_err_set(err, EINVAL, "an engine needs at least one worker and a slice with a stride of at least 1");
  if (args->config->group_count == 0) return lh_err_set(err, EINVAL, "the config has no groups: nothing is to be connected");
  return 0;
}

static uint32_t null_group_count(const struct lh_config *config) {
  uint32_t count = 0;
  for (size_t g = 0; g < config->group_count; g++) count += config->groups[g].kind == LH_KIND_NULL;
  return count;
}

static int count_clients(struct lh_engine *e, struct lh_err *err) {
  uint64_t count = 0;
  for (uint32_t g = 0; g < e->group_count; g++) count += lh_slice_count(e->args.slice, e->config->groups[g].connections);
  if (count > INT32_MAX)
    return lh_err_set(err, E2BIG, "one worker cannot hold %llu clients: give the run more workers", (unsigned long long)count);
  e->client_count = (uint32_t)count;
  return 0;
}

static void init_client(struct lh_engine *e, struct group *g, uint32_t slot) {
  struct client *c = &e->clients[slot];
  uint64_t release_ns = lh_later(e->args.start_ns, lh_plan_release_ns(g->config, lh_client_number(e, g, slot)));
  *c = (struct client){
      .due_ns = LH_NEVER,
      .armed_ns = LH_NEVER,
      .turn_ns = release_ns,
      .turn_wants = true,
      .origin_ns = LH_NEVER,
      .mark_ns = LH_NEVER,
      .outage_ns = LH_NEVER,
      .ping_due_ns = LH_NEVER,
      .ping_sent_ns = LH_NEVER,
      .lost_ns = LH_NEVER,
      .replied_seq = UINT32_MAX,
      .flight_first = LH_NONE,
      .flight_last = LH_NONE,
      .queue_next = LH_NONE,
      .group = (uint16_t)g->number,
      .state = LH_CLIENT_IDLE,
      .stage = LH_STAGE_COUNT,
      .asked = LH_NOT_ASKED,
  };
  const uint64_t *sent = lh_ledger_of(e, g, slot);
  for (uint32_t m = 0; m < g->message_count; m++) {
    lh_states_of(g, slot)[m].due_ns = LH_NEVER;
    if (sent) lh_states_of(g, slot)[m].sent = sent[m] & LH_SENT_MAX;
  }
  lh_client_arm_by(e, slot, release_ns);
}

static int init_group(struct lh_engine *e, uint32_t number, uint32_t first_slot, struct lh_err *err) {
  struct group *g = &e->groups[number];
  const struct lh_group *config = &e->config->groups[number];
  g->config = config;
  g->number = number;
  g->first_slot = first_slot;
  g->client_count = lh_slice_count(e->args.slice, config->connections);
  g->integrated_ns = e->now_ns;
  g->has_pauses = lh_plan_has_pauses(e->config, number);
  g->io = config->kind == LH_KIND_NULL ? lh_null_io(e->null) : e->args.io[config->kind];
  if (!g->io || !g->io->connect || !g->io->abort)
    return lh_err_set(err, ENOTSUP, "group '%s': connections of kind %s cannot be made by this worker", config->name,
                      lh_kind_name(config->kind));
  int rc = lh_messages_compile(e, g, err);
  if (rc < 0 || (rc = lh_pushes_new(g, err)) < 0) return rc;
  const uint64_t cell = e->args.ledger ? lh_plan_ledger_cell(e->config, number, 0) : LH_NEVER;
  g->ledger = cell == LH_NEVER ? NULL : e->args.ledger + cell;
  size_t states = (size_t)g->client_count * g->message_count;
  g->states = calloc(states ? states : 1, sizeof *g->states);
  if (g->has_anchors) g->anchors = malloc((states ? states : 1) * sizeof *g->anchors);
  if (!g->states || (g->has_anchors && !g->anchors))
    return lh_err_set(err, ENOMEM, "no memory for the schedules of group '%s'", config->name);
  for (size_t i = 0; g->anchors && i < states; i++) g->anchors[i] = LH_NEVER;
  if ((rc = lh_jars_new(g, err)) < 0) return rc;
  g->in_state[LH_CLIENT_IDLE] = g->client_count;
  for (uint32_t i = 0; i < g->client_count; i++) init_client(e, g, first_slot + i);
  return lh_logins_new(e, g, err);
}

static int init_engine(struct lh_engine *e, struct lh_err *err) {
  int rc = count_clients(e, err);
  if (rc < 0) return rc;
  e->clients = calloc(e->client_count ? e->client_count : 1, sizeof *e->clients);
  if (!e->clients) return lh_err_set(err, ENOMEM, "no memory for %u clients", e->client_count);
  rc = lh_wheel_new(&e->wheel, lh_first_null_timer(e) + null_group_count(e->config), e->now_ns, err);
  if (rc < 0) return rc;
  if ((rc = lh_gates_new(e, err)) < 0) return rc;
  if ((rc = lh_null_new(e, lh_first_null_timer(e), err)) < 0) return rc;
  for (uint32_t g = 0, slot = 0; g < e->group_count; slot += e->groups[g++].client_count)
    if ((rc = init_group(e, g, slot, err)) < 0) return rc;
  if ((rc = lh_actions_new(e, err)) < 0) return rc;
  e->scratch = malloc(e->scratch_size ? e->scratch_size : 1);
  return e->scratch ? 0 : lh_err_set(err, ENOMEM, "no memory for messages of %zu bytes", e->scratch_size);
}

int lh_engine_new(struct lh_engine **engine, const struct lh_engine_args *args, struct lh_err *err) {
  int rc = check_args(args, err);
  if (rc < 0) return rc;
  const uint32_t workers = args->workers, connecting_max = lh_plan_connecting_max(args->config);
  struct lh_engine *e = calloc(1, sizeof *e);
  struct group *groups = calloc(args->config->group_count, sizeof *groups);
  if (!e || !groups) {
    free(e);
    free(groups);
    return lh_err_set(err, ENOMEM, "no memory for %zu groups", args->config->group_count);
  }
  *e = (struct lh_engine){
      .config = args->config,
      .args = *args,
      .groups = groups,
      .group_count = (uint32_t)args->config->group_count,
      .now_ns = args->start_ns,
      .first_turn_ns = LH_NEVER,
      .flights = {.free = LH_NONE},
      .tag = lh_token_tag(args->run_id),
      .rate = lh_rate_make(lh_plan_connect_rate(args->config) / workers),
      .connecting_max = connecting_max / workers + (connecting_max % workers != 0),
  };
  if (e->connecting_max == 0) e->connecting_max = UINT32_MAX;
  for (uint32_t g = 0; g < e->group_count; g++) lh_snapshot_init(&groups[g].snapshot);
  rc = init_engine(e, err);
  if (rc < 0)
    lh_engine_free(e);
  else
    *engine = e;
  return rc;
}

void lh_engine_free(struct lh_engine *engine) {
  if (!engine) return;
  for (uint32_t i = 0; engine->clients && i < engine->client_count; i++) free(engine->clients[i].gather);
  for (uint32_t g = 0; g < engine->group_count; g++) {
    lh_messages_free(&engine->groups[g]);
    lh_pushes_free(&engine->groups[g]);
    lh_jars_free(&engine->groups[g]);
    free(engine->groups[g].states);
    lh_logins_free(&engine->groups[g]);
    free(engine->groups[g].anchors);
    lh_snapshot_free(&engine->groups[g].snapshot);
  }
  lh_null_free(engine->null);
  lh_gates_free(engine);
  lh_wheel_free(engine->wheel);
  free(engine->flights.items);
  free(engine->actions);
  free(engine->scratch);
  free(engine->clients);
  free(engine->groups);
  free(engine);
}

/* ---- turns ---- */

/* No client sends more often; over the longest run a token has room for as many. */
static const uint64_t seq_ns = 20 * LH_NS_PER_US;

static void advance(struct lh_engine *e, uint64_t now_ns) {
  if (now_ns > e->now_ns) e->now_ns = now_ns;
}

/* Nobody knows how far a lost worker had come with its messages. Its replacement goes on at a number that the time passed
 * puts out of reach, so that no ${seq}, token or ${uuid} is used twice. */
static void skip_used_numbers(struct lh_engine *e) {
  e->first_seq = (e->now_ns - e->args.start_ns) / seq_ns;
  for (uint32_t slot = 0; slot < e->client_count; slot++) {
    e->clients[slot].seq = e->first_seq;
    e->clients[slot].replied_seq = (uint32_t)(e->first_seq - 1);
  }
}

static void begin(struct lh_engine *e) {
  e->first_turn_ns = e->now_ns;
  if (e->args.replacement) skip_used_numbers(e);
}

uint64_t lh_engine_turn(struct lh_engine *engine, uint64_t now_ns) {
  advance(engine, now_ns);
  if (engine->first_turn_ns == LH_NEVER) begin(engine);
  engine->in_turn = true;
  for (int budget = LH_ENGINE_TURN_MAX; budget > 0; budget--) {
    uint32_t timer = lh_wheel_pop(engine->wheel, engine->now_ns);
    if (timer == UINT32_MAX) break;
    if (timer < engine->client_count)
      lh_client_fire(engine, timer);
    else if (timer == lh_timer_of_queue(engine))
      lh_queue_pump(engine);
    else if (timer == lh_timer_of_actions(engine))
      lh_actions_fire(engine);
    else if (timer < lh_first_null_timer(engine))
      lh_login_fire(engine, timer - lh_timer_of_login(engine, 0));
    else
      lh_null_fire(engine, timer);
  }
  engine->in_turn = false;
  return lh_engine_next_ns(engine);
}

uint64_t lh_engine_next_ns(const struct lh_engine *engine) {
  return lh_wheel_next_ns(engine->wheel);
}

/* ---- events ---- */

static struct client *event_of(struct lh_engine *e, uint32_t slot, uint64_t now_ns) {
  assert(slot < e->client_count);
  advance(e, now_ns);
  return &e->clients[slot];
}

static bool is_up(const struct client *c) {
  return c->state == LH_CLIENT_OPEN || c->state == LH_CLIENT_CLOSING;
}

static void record_phase(struct lh_engine *e, const struct client *c, enum lh_stage next) {
  static const enum lh_hist_id hists[] = {
      [LH_STAGE_RESOLVE] = LH_HIST_resolve,
      [LH_STAGE_CONNECT] = LH_HIST_tcp,
      [LH_STAGE_TLS] = LH_HIST_tls,
      [LH_STAGE_UPGRADE] = LH_HIST_upgrade,
  };
  if (c->stage == LH_STAGE_UPGRADE && lh_group_of(e, c)->config->kind == LH_KIND_HTTP) return; /* it was a login */
  bool resolved_before = c->stage == LH_STAGE_RESOLVE && next > LH_STAGE_CONNECT;
  enum lh_hist_id hist = c->tunnelling ? LH_HIST_tunnel : resolved_before ? LH_HIST_tcp : hists[c->stage];
  lh_record_ns(lh_group_of(e, c), hist, e->now_ns - c->mark_ns);
}

void lh_engine_on_tunnel(struct lh_engine *engine, uint32_t slot, uint64_t now_ns) {
  struct client *c = event_of(engine, slot, now_ns);
  assert(c->state == LH_CLIENT_CONNECTING && c->stage == LH_STAGE_CONNECT && !c->tunnelling);
  record_phase(engine, c, LH_STAGE_CONNECT);
  c->tunnelling = 1;
  c->mark_ns = engine->now_ns;
  c->due_ns = lh_later(engine->now_ns, lh_group_of(engine, c)->config->connect_timeout_ns);
  lh_client_arm_by(engine, slot, c->due_ns);
}

void lh_engine_on_stage(struct lh_engine *engine, uint32_t slot, enum lh_stage stage, uint64_t now_ns) {
  struct client *c = event_of(engine, slot, now_ns);
  const struct lh_group *config = lh_group_of(engine, c)->config;
  assert(c->state == LH_CLIENT_CONNECTING && stage < LH_STAGE_OPEN && stage != LH_STAGE_LOGIN);
  record_phase(engine, c, stage);
  c->tunnelling = 0;
  uint64_t timeout_ns = stage == LH_STAGE_TLS       ? config->tls_timeout_ns
                        : stage == LH_STAGE_UPGRADE ? config->upgrade_timeout_ns
                                                    : config->connect_timeout_ns;
  c->stage = (uint8_t)stage;
  c->mark_ns = engine->now_ns;
  c->due_ns = lh_later(engine->now_ns, timeout_ns);
  lh_client_arm_by(engine, slot, c->due_ns);
}

void lh_engine_on_port(struct lh_engine *engine, uint32_t slot, uint16_t local_port) {
  struct client *c = &engine->clients[slot];
  assert(c->state == LH_CLIENT_CONNECTING);
  c->local_port = local_port;
}

void lh_engine_on_open(struct lh_engine *engine, uint32_t slot, uint16_t local_port, uint64_t now_ns) {
  struct client *c = event_of(engine, slot, now_ns);
  assert(c->state == LH_CLIENT_CONNECTING);
  record_phase(engine, c, LH_STAGE_OPEN);
  c->tunnelling = 0;
  if (local_port) c->local_port = local_port;
  lh_client_enter(engine, slot, LH_CLIENT_OPEN);
  lh_client_arm_anew(engine, slot);
  bool is_over = engine->stopping ? c->flight_first == LH_NONE : !c->ramp_wants;
  if (is_over) lh_client_arm_by(engine, slot, engine->now_ns);
}

void lh_engine_on_message(struct lh_engine *engine, uint32_t slot, const void *bytes, size_t len, bool first, bool last,
                          bool binary, uint64_t now_ns) {
  struct client *c = event_of(engine, slot, now_ns);
  struct group *g = lh_group_of(engine, c);
  (void)binary;
  assert(is_up(c));
  c->heard_ns = engine->now_ns;
  lh_count(g, LH_COUNTER_bytes_received, len);
  if (first && last)
    lh_replies_take(engine, slot, bytes, lh_min(len, g->config->message_max), len);
  else
    lh_replies_gather(engine, slot, bytes, len, first, last);
  if (engine->stopping && c->flight_first == LH_NONE) lh_client_arm_by(engine, slot, engine->now_ns);
}

void lh_engine_on_data(struct lh_engine *engine, uint32_t slot, size_t len, uint64_t now_ns) {
  struct client *c = event_of(engine, slot, now_ns);
  struct group *g = lh_group_of(engine, c);
  assert(is_up(c));
  lh_count(g, LH_COUNTER_bytes_received, len);
  if (c->state == LH_CLIENT_OPEN && c->mark_ns != LH_NEVER) lh_record_ns(g, LH_HIST_gap, engine->now_ns - c->mark_ns);
  if (c->state == LH_CLIENT_OPEN) c->mark_ns = engine->now_ns;
  c->heard_ns = engine->now_ns;
}

void lh_engine_on_redirect(struct lh_engine *engine, uint32_t slot, uint64_t now_ns) {
  struct client *c = event_of(engine, slot, now_ns);
  assert(is_up(c));
  c->heard_ns = engine->now_ns;
  lh_count(lh_group_of(engine, c), LH_COUNTER_redirects_followed, 1);
  if (c->flight_first != LH_NONE) lh_message_resend(engine, slot);
  if (engine->stopping && c->flight_first == LH_NONE) lh_client_arm_by(engine, slot, engine->now_ns);
}

void lh_engine_on_pong(struct lh_engine *engine, uint32_t slot, uint64_t cookie, uint64_t now_ns) {
  struct client *c = event_of(engine, slot, now_ns);
  assert(is_up(c));
  c->heard_ns = engine->now_ns;
  if (c->ping_sent_ns == LH_NEVER || c->ping_unsent || cookie != c->ping_sent_ns) return;
  struct group *g = lh_group_of(engine, c);
  lh_count(g, LH_COUNTER_pongs, 1);
  lh_record_ns(g, LH_HIST_ping, engine->now_ns - c->ping_sent_ns);
  c->ping_sent_ns = LH_NEVER;
  if (!engine->stopping) lh_client_arm_by(engine, slot, c->ping_due_ns);
}

void lh_engine_on_peer_ping(struct lh_engine *engine, uint32_t slot, uint64_t now_ns) {
  struct client *c = event_of(engine, slot, now_ns);
  assert(is_up(c) || c->state == LH_CLIENT_CONNECTING);
  c->heard_ns = engine->now_ns;
  lh_count(lh_group_of(engine, c), LH_COUNTER_peer_pings, 1);
}

void lh_engine_on_writable(struct lh_engine *engine, uint32_t slot, uint64_t now_ns) {
  struct client *c = event_of(engine, slot, now_ns);
  if (c->state != LH_CLIENT_OPEN || !c->choked) return;
  c->choked = false;
  if (c->ping_unsent) lh_client_ping(engine, slot);
  lh_schedule_send_held(engine, slot);
  lh_client_arm(engine, slot);
}

void lh_engine_on_ended(struct lh_engine *engine, uint32_t slot, const struct lh_ending *seen, uint64_t now_ns) {
  event_of(engine, slot, now_ns);
  lh_ending_book(engine, slot, seen, NULL);
}

void lh_engine_on_stall(struct lh_engine *engine, uint64_t from_ns, uint64_t until_ns) {
  engine->stall_from_ns = from_ns;
  engine->stall_until_ns = until_ns;
}

void lh_engine_on_suspension(struct lh_engine *engine, uint64_t slept_ns, uint64_t now_ns) {
  engine->slept_ns = slept_ns;
  engine->woke_ns = now_ns;
  engine->args.start_wall_us += (int64_t)(slept_ns / LH_NS_PER_US); /* the wall clock went on */
}

/* ---- the end of the run ---- */

void lh_engine_stop(struct lh_engine *engine, uint64_t now_ns) {
  advance(engine, now_ns);
  if (engine->stopping) return;
  engine->stopping = true;
  engine->drain_ns = lh_later(engine->now_ns, engine->config->run.drain_ns);
  for (uint32_t slot = 0; slot < engine->client_count; slot++) lh_client_stop(engine, slot);
  lh_logins_stop(engine);
}

bool lh_engine_done(const struct lh_engine *engine) {
  return engine->stopping && engine->live == 0;
}

/* ---- looking in ---- */

uint32_t lh_engine_client_count(const struct lh_engine *engine) {
  return engine->client_count;
}

uint32_t lh_engine_group_of(const struct lh_engine *engine, uint32_t slot) {
  return engine->clients[slot].group;
}

uint32_t lh_engine_client_of(const struct lh_engine *engine, uint32_t slot) {
  return lh_client_number(engine, &engine->groups[engine->clients[slot].group], slot);
}

enum lh_client_state lh_engine_state_of(const struct lh_engine *engine, uint32_t slot) {
  return engine->clients[slot].state;
}

enum lh_stage lh_engine_stage_of(const struct lh_engine *engine, uint32_t slot) {
  return engine->clients[slot].stage;
}

struct lh_snapshot *lh_engine_snapshot(struct lh_engine *engine, uint32_t group, uint64_t now_ns) {
  struct group *g = &engine->groups[group];
  advance(engine, now_ns);
  lh_group_integrate(g, engine->now_ns);
  uint64_t *gauges = g->snapshot.gauges;
  gauges[LH_GAUGE_clients] = g->client_count;
  gauges[LH_GAUGE_never_started] = g->in_state[LH_CLIENT_IDLE];
  gauges[LH_GAUGE_waiting] = g->in_state[LH_CLIENT_WAITING];
  gauges[LH_GAUGE_connecting] = g->in_state[LH_CLIENT_CONNECTING];
  gauges[LH_GAUGE_open] = g->in_state[LH_CLIENT_OPEN];
  gauges[LH_GAUGE_closing] = g->in_state[LH_CLIENT_CLOSING];
  gauges[LH_GAUGE_finished] = g->in_state[LH_CLIENT_FINISHED];
  gauges[LH_GAUGE_wanted] = g->wanted;
  gauges[LH_GAUGE_logins_under_way] = g->logging_in;
  gauges[LH_GAUGE_in_flight] = g->in_flight;
  gauges[LH_GAUGE_pending] = g->pending;
  gauges[LH_GAUGE_queued] = g->queued;
  return &g->snapshot;
}

size_t lh_engine_bytes(const struct lh_engine *engine) {
  size_t bytes = sizeof *engine + engine->client_count * sizeof *engine->clients + engine->scratch_size;
  bytes += engine->gathered_bytes + engine->login_bytes + engine->jar_bytes;
  bytes += lh_wheel_bytes(engine->wheel) + engine->flights.room * sizeof *engine->flights.items;
  for (uint32_t g = 0; g < engine->group_count; g++) {
    const struct group *group = &engine->groups[g];
    size_t states = (size_t)group->client_count * group->message_count;
    bytes += sizeof *group + lh_pushes_bytes(group) + lh_jars_bytes(group) + states * (sizeof *group->states + (group->anchors ? sizeof *group->anchors : 0));
  }
  return bytes + lh_null_bytes(engine->null);
}

struct lh_engine_faults lh_engine_faults(const struct lh_engine *engine) {
  return engine->faults;
}
