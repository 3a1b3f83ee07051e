/* Who connects when and who sends what when: pure functions of (config, seed, client number).
 *
 * Glossary
 *   client    number of a client within its group, over all shards and workers: 0 .. connections-1
 *   slice     the clients that one worker of one shard carries: first, first+stride, ...
 *   release   when the ramp lets a client start, in ns since the start of the run
 *   origin    when a client's message plan begins: its first connection came up, or failed
 *   due       when something is planned, in ns since the start of the run
 *
 * Nothing here keeps state for a client: the n-th due time of a message can be asked for at any n, on any machine, and is
 * the same for every number of workers and shards.
 */
#ifndef LONGHAUL_PLAN_PLAN_H
#define LONGHAUL_PLAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/config/config.h"

struct lh_slice {
  uint32_t first;
  uint32_t stride; /* at least 1 */
};

/* The slice of worker w of `workers` in shard s of `shards` (both counted from 0). */
struct lh_slice lh_plan_slice(uint32_t shard, uint32_t shards, uint32_t worker, uint32_t workers);
/* How many of `clients` the slice holds. */
uint32_t lh_slice_count(struct lh_slice slice, uint32_t clients);
static inline uint32_t lh_slice_client(struct lh_slice slice, uint32_t local) { return slice.first + local * slice.stride; }

/* ---- ramp ---- */
/* When `client` is first released; LH_NEVER when the line never reaches it. Releases are spread evenly along the line:
 * a line from 0 to N over T releases client i at T*(i+0.5)/N. Before its first point the line is at 0, after its last one
 * it stays where it is. */
uint64_t lh_plan_release_ns(const struct lh_group *group, uint32_t client);
/* The next time after `now_ns` at which the line starts (up) or ends (down) this client; LH_NEVER when there is none, and
 * then `wanted` tells what stays. A client may be released again by a later stage. */
struct lh_ramp_turn {
  uint64_t at_ns;
  bool wanted; /* from then on */
};
struct lh_ramp_turn lh_plan_next_turn(const struct lh_group *group, uint32_t client, uint64_t now_ns);
/* Clients that the line wants at that time: those whose last turn up to then, now_ns included, was up. */
uint32_t lh_plan_wanted(const struct lh_group *group, uint64_t now_ns);

/* ---- messages ---- */
/* Due time number k (0, 1, ...) of message m for a client whose plan begins at origin_ns.
 *   after run:   the grid point k after the first one at or past max(origin, from). Grid: offset + n * every, where the
 *                offset spreads the clients evenly over the period (phase spread) or is 0 (phase together).
 *   after open:  origin_ns is the opening: origin + delay + k * every, counted from the first one at or past from.
 *   after reply: as after open, with the time of the reply (or of the opening) as origin.
 * Jitter moves each by up to every * jitter / 2 to either side without drift; the order of k is kept, and none comes before
 * origin or from. After run, due time k stays within the period k after them, so that the load stays even.
 * Returns LH_NEVER at and past `until` and past the k allowed by `every` == 0 (only k = 0). `count` is the caller's to
 * keep. */
uint64_t lh_plan_due_ns(const struct lh_group *group, uint32_t message, uint32_t client, uint64_t seed, uint64_t origin_ns,
                        uint64_t k);

/* ---- reconnects, lifetimes, pings ---- */
/* The wait before attempt number `attempt` in a row (1: the first after a drop) of the client's n-th connection:
 * first * factor^(attempt-1), at most max; jitter equal takes half of it to all of it, full nothing to all of it. */
uint64_t lh_plan_backoff_ns(const struct lh_reconnect_config *reconnect, uint64_t seed, uint32_t group, uint32_t client,
                            uint32_t nth, uint32_t attempt);
/* The wait when the server asked for one too (Retry-After, an event stream's retry): with jitter the policy's comes on top of
 * it, since clients that were refused together would else come back together; without jitter the longer one counts. */
uint64_t lh_plan_wait_ns(const struct lh_reconnect_config *reconnect, uint64_t backoff_ns, uint64_t asked_ns);
/* Planned length of the client's n-th connection; LH_NEVER when the group plans none. */
uint64_t lh_plan_lifetime_ns(const struct lh_group *group, uint64_t seed, uint32_t group_number, uint32_t client, uint32_t nth);
/* First ping after an opening: spread over [0, every) so that a herd does not ping together; then every `every`. LH_NEVER
 * when the group plans no pings. */
uint64_t lh_plan_ping_offset_ns(const struct lh_group *group, uint64_t seed, uint32_t group_number, uint32_t client, uint32_t nth);

/* ---- rows of data ---- */
/* The row that message number seq of the client takes; 0 for a group without data. What is no message (what opens a
 * connection, a login) takes the row of message 0.
 *   per-client   the client's own: client mod rows
 *   sequential   round s of all clients takes the next `connections` rows of the file: (client + s * connections) mod rows. Where
 *                that would give each client the same row for ever (connections a multiple of rows), s is added as well
 *   random       any one, from (seed, group, client, seq) */
uint32_t lh_plan_data_row(const struct lh_group *group, uint64_t seed, uint32_t group_number, uint32_t client, uint64_t seq);

/* ---- the connect-rate cap ---- */
/* A token bucket with room for 10 ms of its rate (at least 1): smooth, and never more than asked. Being asked up to 1 ms
 * late costs nothing: the next one may then go that much sooner, so that the rate holds between ticks. */
struct lh_rate {
  uint64_t ns_each;  /* 0: no cap */
  uint64_t ready_ns; /* when the next one may go */
  uint32_t ns_each_part, ready_part; /* their fractions in 2^-32 ns, so that a rate holds exactly over days */
};
/* 0 or less, and more than 10^9: no cap. */
struct lh_rate lh_rate_make(double per_second);
/* Takes one when it may go now: true. Else false, and *ready_ns tells when to ask again. */
bool lh_rate_take(struct lh_rate *rate, uint64_t now_ns, uint64_t *ready_ns);

/* ---- the sends that `count` limits ---- */
/* They are counted in memory that outlives a lost worker, a cell for each message of each client, for groups in which a
 * message has a `count`. */
uint64_t lh_plan_ledger_cells(const struct lh_config *config);
/* The cell of the client's first message, others follow; LH_NEVER: no message of the group has a count. */
uint64_t lh_plan_ledger_cell(const struct lh_config *config, uint32_t group, uint32_t client);

/* ---- planned disturbances ---- */
/* Time number k (0, 1, ...) of an action since the start of the run; LH_NEVER when there is none. */
uint64_t lh_plan_action_ns(const struct lh_action *action, uint64_t k);
/* The number of its first time at or past at_ns. */
uint64_t lh_plan_action_after(const struct lh_action *action, uint64_t at_ns);
bool lh_plan_action_is_on(const struct lh_action *action, uint32_t group);
/* Whether time k of the config's action `number` takes this client: exactly the action's share of a group's clients,
 * rounded, drawn anew each time. */
bool lh_plan_action_takes(const struct lh_config *config, uint32_t number, uint64_t k, uint32_t group, uint32_t client);
bool lh_plan_has_pauses(const struct lh_config *config, uint32_t group);
/* When the pause that the client is in at that time is over, LH_NEVER: not before the end of the run; 0: it is in none. */
uint64_t lh_plan_pause_end_ns(const struct lh_config *config, uint32_t group, uint32_t client, uint64_t at_ns);

/* What one open client of the group sends by its schedules. What follows a reply has the server's pace, not one of its own. */
struct lh_sending {
  double messages_per_second, bytes_per_second; /* bytes: of payload, as far as known */
  bool closed_loop;                             /* a message follows each reply */
};
struct lh_sending lh_plan_sending(const struct lh_group *group);

/* ---- going on after a stop ---- */
/* Makes of a whole plan its rest after held_ns, and as much shorter: stages of the ramp, `from` and `until`, grids and actions go on where they stood.
 * Clients that were wanted by then come back as fast as the ramp's steepest slope, at most; those of a first step at once. Counts and
 * lifetimes begin anew. 0 or -ENOMEM (the config is then of no use). */
int lh_plan_resume(struct lh_config *config, uint64_t held_ns);

/* ---- what the whole plan needs; for `check`, preflight and `workers: auto` ---- */
struct lh_plan_needs {
  uint64_t clients;             /* most wanted at once, as far as their targets' connections_max lets them in */
  uint64_t wanted;              /* most wanted at once; those beyond `clients` wait */
  double messages_per_second;   /* at full load: every schedule with a period, all clients of that time open */
  double bytes_per_second_out;  /* payload of those, as far as known */
  double connects_per_second;   /* steepest part of the ramp, under the run's cap and the targets' */
  uint64_t tls_clients;         /* of `clients` */
  uint64_t sockets;             /* most descriptors at once: clients of all but the null kind, and logins beside them */
  uint64_t closed_loop_clients; /* of groups that send on each reply: their rate is the server's, not in the above */
};
struct lh_plan_needs lh_plan_needs(const struct lh_config *config);
/* The part of the group's clients that its target's connections_max lets be connected at once, when all groups on that target are
 * at their full number: 0 to 1. */
double lh_plan_let_in(const struct lh_config *config, const struct lh_group *group);
/* Workers for this plan: the config's number, or auto: enough for descriptors_each (usable per process; 0: unknown), and
 * beyond that up to one per core as far as the load makes them useful (src/plan/needs.c has the figures). */
uint32_t lh_plan_workers(const struct lh_config *config, uint32_t cores, uint64_t descriptors_each);
/* Drops of a group within a second that are a mass drop: run.mass_drop, or when that is 0 (auto) more than 1 % of its clients
 * or 50, whichever is less, and at least 5. */
uint64_t lh_plan_mass_drop(uint64_t configured, uint64_t clients);
/* The rate cap in force: the config's, or auto: 5,000/s, with any TLS 500/s. */
double lh_plan_connect_rate(const struct lh_config *config);
/* Most handshakes at once: the config's, or auto: 2,000. */
uint32_t lh_plan_connecting_max(const struct lh_config *config);

#endif
