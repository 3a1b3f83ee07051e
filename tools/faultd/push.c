#include "push.h"

#include <stdbool.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "server.h"

/* The rule of that action that is in force on this connection, or NULL. */
static const struct rule *in_force(const struct server *server, const struct conn *conn, enum action action) {
  uint64_t mask = server_in_force(server, conn->rules & server->script->of_action[action]);
  return mask ? &server->script->rules[__builtin_ctzll(mask)] : NULL;
}

static bool strikes(const struct server *server, const struct conn *conn, enum action action, uint64_t seq) {
  const struct rule *rule = in_force(server, conn, action);
  return rule && lh_rng_unit(script_random(server->script, rule, conn->number, seq)) < rule->chance;
}

unsigned push_next(struct server *server, struct conn *conn, struct push out[PUSHES_MAX]) {
  const struct rule *ahead = in_force(server, conn, ACTION_PUSH_AHEAD);
  const uint64_t held = conn->push_held;
  const bool first = conn->count.pushed == 0;
  out[0] = (struct push){++conn->push_seq, lh_wall_us() + (ahead ? (int64_t)(ahead->time_ns / LH_NS_PER_US) : 0)};
  out[1] = out[0];
  conn->count.pushed++;
  conn->push_held = 0;
  if (held) {
    out[1].seq = held;
    conn->count.push_swapped++;
    return 2;
  }
  if (first) return 1;
  if (strikes(server, conn, ACTION_PUSH_LOSE, out[0].seq)) {
    conn->count.push_lost++;
    return 0;
  }
  if (strikes(server, conn, ACTION_PUSH_SWAP, out[0].seq)) {
    conn->push_held = out[0].seq;
    return 0;
  }
  if (!strikes(server, conn, ACTION_PUSH_REPEAT, out[0].seq)) return 1;
  conn->count.push_repeated++;
  return 2;
}
