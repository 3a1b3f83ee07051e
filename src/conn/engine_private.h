/* What the files of the engine share.
 *
 * client.c    the state of a client: the one function that changes it, its timer, ramp, pings
 * endings.c   the end of a connection: by whom, what it counts as, where the client goes next
 * actions.c   planned disturbances
 * queue.c     who may connect now: rate cap and handshakes under way
 * logins.c    logins before connections
 * answer.c    what a login's answer gives
 * scrub.c     secrets in the words of a peer
 * jars.c      the clients' cookies
 * schedule.c  which messages are due
 * messages.c  a group's messages compiled; sending one
 * flight.c    messages that await a reply
 * replies.c   what an incoming message is
 * triggers.c  what an incoming message sets off
 * responses.c what a response to a request is
 * pushes.c    what the server says unasked
 * null_kind.c a server that is pretended
 * engine.c    making, turns, events, looking in
 *
 * Times are absolute (CLOCK_MONOTONIC) unless a name says otherwise; the plan counts from the run's start.
 */
#ifndef LH_CONN_ENGINE_PRIVATE_H
#define LH_CONN_ENGINE_PRIVATE_H

#include <assert.h>
#include <regex.h>

#include "longhaul/base/clock.h"
#include "longhaul/conn/engine.h"
#include "longhaul/conn/incoming.h"
#include "longhaul/conn/wheel.h"

#define LH_NONE UINT32_MAX           /* no slot, no flight */
#define LH_NOT_ASKED LH_REASON_COUNT /* the engine did not ask for the end */

struct lh_null;

/* ---- messages of a group ---- */
struct message {
  const struct lh_message *config;
  struct lh_template *payload;  /* owned; NULL: the config's bytes as they are */
  struct lh_template *contains; /* owned; NULL: the match says all there is to check */
  struct lh_template *equals;   /* owned; NULL: the value at the pointer must only be there */
  regex_t *matches;             /* owned; NULL: nothing to match */
  struct lh_template *answer;   /* owned; null kind: what is answered, NULL: the payload */
  enum lh_match match;          /* how its reply is known in truth: ORDER where there is no token to look for */
  bool has_token;
};

enum { SENT_BITS = 40 }; /* more than any `count` may be */
#define LH_SENT_MAX ((UINT64_C(1) << SENT_BITS) - 1)

/* A client's place in the schedule of one message. */
struct message_state {
  uint64_t due_ns;   /* the next one not counted yet; of a held one in a closed loop: when it was due */
  uint64_t k : 63;   /* its number */
  uint64_t held : 1; /* the one before it (in a closed loop: this one) waits for the socket */
  uint64_t sent : SENT_BITS;
  uint64_t skipped : 64 - SENT_BITS; /* in a row before the held one, while they were held; one reply tells how long all of them waited */
};

/* ---- messages in flight ---- */
struct flight {
  uint64_t planned_ns, sent_ns;
  uint64_t seq;
  uint64_t hash;       /* echo: of what was sent */
  uint32_t next, prev; /* the client's others in order of sending; free ones: next only */
  uint32_t message;
  uint32_t skipped; /* of the same message in a row before this one, as too late */
};

struct flight_pool {
  struct flight *items; /* owned */
  uint32_t room, free;  /* first free one, or LH_NONE */
};

/* ---- clients ---- */
/* Part of an incoming message; lives from its first to its last piece. */
struct gather {
  size_t len, room;
  uint64_t total; /* bytes received, kept or not */
  char bytes[];
};

/* What each firing of the timer reads comes first: with many clients its cost is that of fetching them. */
struct client {
  uint64_t due_ns;                    /* of the state: end of backoff, stage deadline, lifetime, closing deadline */
  uint64_t armed_ns;                  /* when the wheel will call; may be too early, never too late */
  uint64_t turn_ns;                   /* next turn of the ramp */
  uint64_t lost_ns;                   /* no reply is given up before; LH_NEVER when none is awaited */
  uint64_t ping_due_ns, ping_sent_ns; /* LH_NEVER: none */
  uint32_t flight_first, flight_last;
  uint16_t group;
  uint8_t state, stage, asked;
  bool ramp_wants : 1; /* the ramp's line covers it */
  bool turn_wants : 1; /* whether the line covers it after turn_ns */
  bool wanted : 1;     /* counted in the group's `wanted` */
  bool queued : 1;     /* linked in the connect queue, perhaps no longer wanting */
  bool been_open : 1;
  bool choked : 1;      /* the adapter will say when it is writable */
  bool ping_unsent : 1; /* ping_sent_ns runs, but the socket took none yet */
  bool due_is_drop : 1; /* OPEN: due_ns is the null kind's drop, not the lifetime */
  uint16_t local_port;

  uint64_t seq;                   /* of the next message */
  uint64_t recent;                /* what became of the last 32 messages: enum fate, 2 bits each, the latest lowest */
  uint64_t origin_ns;             /* since the run's start; LH_NEVER: the plan has not begun */
  uint64_t heard_ns;              /* last byte received */
  uint32_t replied_seq, lost_seq; /* highest so far, low 32 bits; replied_seq is -1 before the first */
  uint64_t begun_ns;              /* this connection */
  uint64_t opened_ns;
  uint64_t mark_ns;      /* CONNECTING: the stage began. OPEN: last incoming message or LH_NEVER. CLOSING: it left OPEN */
  uint64_t outage_ns;    /* the drop that is not mended yet, or LH_NEVER */
  struct gather *gather; /* owned */
  uint32_t lost_unanswered;
  uint32_t nth : 31; /* connections begun */
  uint32_t outage_planned : 1; /* we caused it by an action */
  uint32_t attempt : 30; /* connections that failed in a row */
  uint32_t tunnelling : 1; /* CONNECTING: a proxy's answer is awaited */
  uint32_t queue_next;
};
static_assert(sizeof(struct client) == 160, "the cost of a held connection is a headline: weigh each byte");

/* A client's login, or the one of a whole group. */
struct login {
  struct lh_texts *texts;  /* owned; NULL: none yet */
  struct lh_texts *before; /* owned; those of the login before, which what is in flight was sent with; or NULL */
  uint64_t begun_ns;      /* of the attempt under way, LH_NEVER: none is */
  uint64_t done_ns;       /* the last success */
  uint64_t due_ns;        /* under way: its deadline; needed: not before; else when it is refreshed */
  uint32_t attempt;       /* failed in a row */
  uint32_t serial;        /* successes */
  uint32_t ticket;        /* of the attempt under way */
  bool refused;           /* what it gave is of no use any more */
  bool unproved;
  bool over;              /* gave up */
};

struct group {
  const struct lh_group *config;
  const struct lh_io *io;
  struct message *messages;     /* owned */
  struct message_state *states; /* owned: client by client */
  struct lh_incoming_rules *rules; /* owned; NULL: pushes are not checked */
  struct lh_incoming *incoming;    /* owned: by client; NULL like rules */
  uint64_t *ledger; /* borrowed: of its client 0 of the whole run; NULL: no message has a count, or nobody keeps them */
  struct lh_jar **jars;            /* owned: by client, as each is; NULL: cookies are not kept */
  uint32_t message_count;
  uint32_t number, first_slot, client_count;
  bool seeks_tokens, seeks_pointers, seeks_order; /* which ways replies are known */
  bool has_pauses;                                /* actions stop its sending for some time */
  bool one_way_tokens;                            /* messages without a reply carry tokens too */
  bool has_triggers;                              /* messages of the server set off some of ours */
  bool has_anchors;                               /* and begin schedules */
  uint64_t *anchors; /* owned, as states; NULL: none. Since the run's start, when a schedule began; LH_NEVER: it has not */
  uint64_t lost_after_min_ns;                     /* shortest of all messages */
  struct login *logins;                           /* owned: by client, or one for the group; NULL: none */
  uint32_t logging_in;                            /* of them under way */
  uint32_t in_state[LH_CLIENT_STATE_COUNT];
  uint32_t wanted;
  uint32_t queued; /* of those waiting: in the connect queue and still ready */
  uint64_t in_flight, pending;
  uint64_t sending_seq, sending_ns; /* of the message that is being sent */
  uint64_t integrated_ns; /* open_us and wanted_us are counted up to here, but for these */
  uint64_t open_rest_ns, wanted_rest_ns;
  struct lh_snapshot snapshot;
};

/* Where clients wait for their turn to connect. */
struct gate {
  struct lh_rate rate;     /* of a target, beside the run's */
  uint32_t held, held_max; /* connections begun and not ended */
  uint32_t first, last;    /* linked by queue_next; first LH_NONE: nobody waits */
};

/* How far a planned disturbance is. */
struct action_state {
  uint64_t due_ns, k; /* the next time, and its number */
  uint32_t slot;      /* clients before this one are done with, when it is under way */
};

struct lh_engine {
  const struct lh_config *config;
  struct lh_engine_args args;
  struct client *clients; /* owned, client_count */
  struct group *groups;   /* owned */
  uint32_t group_count, client_count;
  struct lh_wheel *wheel; /* timers: the clients, the queue, the actions, the null kind's groups */
  uint64_t now_ns, first_turn_ns;
  uint64_t first_seq;    /* of each client's first message; 0 but in a replacement */
  size_t gathered_bytes; /* held by messages in pieces */
  struct flight_pool flights;
  struct lh_token_tag tag;
  char *scratch; /* owned: room for any message with its headroom */
  size_t scratch_size;
  struct lh_rate rate;
  uint32_t connecting, connecting_max, logging_in;
  size_t login_bytes, jar_bytes;
  struct gate *gates;       /* owned; the first for all targets without limits of their own */
  uint16_t *gate_of_target; /* owned; by number of the target */
  uint32_t gate_count, gate_next; /* next: whose turn it is */
  uint32_t queued;          /* clients linked at all gates */
  uint64_t queue_due_ns;    /* when the queue's timer comes */
  uint32_t live; /* clients neither idle nor finished */
  bool in_turn;  /* connect, close and abort are called from a turn only */
  bool stopping;
  struct action_state *actions; /* owned; by number in the config */
  uint16_t close_code;          /* of the action that is being carried out */
  uint64_t drain_ns;    /* when stopping: how long replies are awaited */
  struct lh_null *null; /* owned; NULL when no group is of that kind */
  uint64_t slept_ns, woke_ns; /* how long the machine was suspended the last time, and when it went on; 0: never */
  uint64_t stall_from_ns, stall_until_ns; /* when our own loop stood still the last time; 0: never */
  struct lh_engine_faults faults;
};

static inline struct group *lh_group_of(struct lh_engine *e, const struct client *c) {
  return &e->groups[c->group];
}
static inline uint32_t lh_timer_of_queue(const struct lh_engine *e) {
  return e->client_count;
}
static inline uint32_t lh_timer_of_actions(const struct lh_engine *e) {
  return e->client_count + 1;
}
static inline uint32_t lh_timer_of_login(const struct lh_engine *e, uint32_t group) {
  return e->client_count + 2 + group;
}
static inline uint32_t lh_first_null_timer(const struct lh_engine *e) {
  return e->client_count + 2 + e->group_count;
}
static inline void lh_count(struct group *g, enum lh_counter_id id, uint64_t n) {
  g->snapshot.counters[id] += n;
}
static inline uint64_t lh_min(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}
/* a + b where LH_NEVER stays LH_NEVER. */
static inline uint64_t lh_later(uint64_t a, uint64_t b) {
  return b > LH_NEVER - a ? LH_NEVER : a + b;
}
/* A positive time is never recorded as 0. */
static inline void lh_record_ns(struct group *g, enum lh_hist_id id, uint64_t ns) {
  lh_hdr_record(&g->snapshot.hists[id], ns / LH_NS_PER_US + (ns % LH_NS_PER_US != 0));
}
static inline uint32_t lh_client_number(const struct lh_engine *e, const struct group *g, uint32_t slot) {
  return lh_slice_client(e->args.slice, slot - g->first_slot);
}
/* The client's cells of the ledger, by message; NULL: it has none. */
static inline uint64_t *lh_ledger_of(const struct lh_engine *e, const struct group *g, uint32_t slot) {
  if (!g->ledger) return NULL;
  return g->ledger + (size_t)lh_client_number(e, g, slot) * g->message_count;
}
static inline struct message_state *lh_states_of(const struct group *g, uint32_t slot) {
  return g->states + (size_t)(slot - g->first_slot) * g->message_count;
}

/* ---- client.c ---- */
/* The one function that changes a client's state. */
void lh_client_enter(struct lh_engine *e, uint32_t slot, enum lh_client_state next);
/* Its timer is due. */
void lh_client_fire(struct lh_engine *e, uint32_t slot);
/* Sees to it that the timer comes at or before all that is due for the client, or at or before due_ns. */
void lh_client_arm(struct lh_engine *e, uint32_t slot);
void lh_client_arm_by(struct lh_engine *e, uint32_t slot, uint64_t due_ns);
/* The same, and not earlier than that: what was due before is over, and would wake a loop that has nothing to do. */
void lh_client_arm_anew(struct lh_engine *e, uint32_t slot);
/* Asks for the end of an open connection in good order, or at once where the kind knows no other way. From a turn only. */
void lh_client_close(struct lh_engine *e, uint32_t slot, enum lh_reason reason);
/* Ends a connection at once. From a turn only. */
void lh_client_abort(struct lh_engine *e, uint32_t slot, enum lh_reason reason, const char *text);
/* When the pause that an action put it in at that time is over; 0: it is in none. */
uint64_t lh_client_pause_end_ns(const struct lh_engine *e, uint32_t slot, uint64_t at_ns);
void lh_client_ping(struct lh_engine *e, uint32_t slot);
/* The run is over for this client; its next turn winds it down. */
void lh_client_stop(struct lh_engine *e, uint32_t slot);
void lh_group_integrate(struct group *g, uint64_t now_ns);

/* ---- logins.c ---- */
int lh_logins_new(struct lh_engine *e, struct group *g, struct lh_err *err);
void lh_logins_free(struct group *g);
/* Whether a waiting client may ask for its turn to connect; false: it waits for a login, or until its due_ns. From a turn only. */
bool lh_login_lets_queue(struct lh_engine *e, uint32_t slot);
/* Its turn has come: true when the turn went to its login. From a turn only. */
bool lh_login_takes_turn(struct lh_engine *e, uint32_t slot);
/* A client of kind http sends nothing until there is a login. */
/* What it gave as of that time; NULL: nothing. */
const struct lh_texts *lh_login_at(const struct lh_engine *e, uint32_t slot, uint64_t at_ns);
/* Blots out of a text what the client's logins gave. */
void lh_login_scrub(const struct lh_engine *e, uint32_t slot, char *text);
bool lh_login_holds(const struct lh_engine *e, uint32_t slot);
uint64_t lh_login_next_ns(const struct lh_engine *e, const struct group *g, const struct client *c, uint32_t slot);
void lh_login_tend(struct lh_engine *e, uint32_t slot); /* that time has come. From a turn only */
void lh_login_fire(struct lh_engine *e, uint32_t group); /* the timer of the group's login is due */
/* The server would not have what the client sent at since_ns: 401. */
void lh_login_refused(struct lh_engine *e, uint32_t slot, uint64_t since_ns);
void lh_login_proved(struct lh_engine *e, uint32_t slot);
void lh_login_leave(struct lh_engine *e, uint32_t slot); /* the client is finished */
/* Its connection ended so, and with it a login that was riding on it. */
void lh_login_cut(struct lh_engine *e, uint32_t slot, const struct lh_ending *ending);
void lh_logins_stop(struct lh_engine *e);

/* ---- scrub.c ---- */
/* Blots out of a text what a login gave; secrets may be NULL. */
void lh_scrub(char *text, const struct lh_texts *secrets);
/* The same of secrets that are no login's: the first of them is no list of cookies. */
void lh_scrub_all(char *text, const struct lh_texts *secrets);
void lh_scrub_text(char *text, struct lh_text secret);
/* The same of the secret columns of the rows that the client's messages took lately; `seq` is that of its next message. */
void lh_scrub_rows(char *text, const struct lh_engine *e, const struct group *g, uint32_t client, uint64_t seq);

/* ---- jars.c ---- */
int lh_jars_new(struct group *g, struct lh_err *err);
void lh_jars_free(struct group *g);
size_t lh_jars_bytes(const struct group *g); /* without the cookies, which are e->jar_bytes */
void lh_jars_take_login(struct lh_engine *e, uint32_t slot, const struct lh_texts *texts); /* the cookies that a login set */
void lh_jars_scrub(const struct lh_engine *e, uint32_t slot, char *text);

/* ---- endings.c ---- */
/* Whether what is seen of this connection now came to pass while our own loop stood still. */
bool lh_ending_is_of_stall(const struct lh_engine *e, const struct client *c);
/* Whether the machine was suspended while this connection was up, and nothing was heard of it since. */
bool lh_ending_is_of_sleep(const struct lh_engine *e, const struct client *c);
/* Books the end of a client's connection and sends it on. seen: what the adapter saw, NULL when the engine ended it. */
void lh_ending_book(struct lh_engine *e, uint32_t slot, const struct lh_ending *seen, const char *text);

/* ---- actions.c ---- */
int lh_actions_new(struct lh_engine *e, struct lh_err *err);
void lh_actions_fire(struct lh_engine *e);

/* ---- queue.c ---- */
/* Waits for nothing but its turn to connect. */
static inline bool lh_is_queued(const struct client *c) {
  return c->queued && c->state == LH_CLIENT_WAITING && c->due_ns == LH_NEVER;
}
/* A waiting client is ready: it connects now or joins the queue. From a turn only. */
void lh_queue_join(struct lh_engine *e, uint32_t slot);
void lh_queue_pump(struct lh_engine *e);
int lh_gates_new(struct lh_engine *e, struct lh_err *err);
void lh_gates_free(struct lh_engine *e);
/* A connection of the client begins (1) or ended (-1). */
void lh_queue_connected(struct lh_engine *e, const struct client *c, int change);
/* There may be room again for someone. */
void lh_queue_wake(struct lh_engine *e);

/* ---- schedule.c ---- */
uint64_t lh_schedule_next_ns(const struct lh_engine *e, uint32_t slot);
void lh_schedule_run(struct lh_engine *e, uint32_t slot);
void lh_schedule_begin(struct lh_engine *e, uint32_t slot); /* the client's origin is now */
void lh_schedule_pause(struct lh_engine *e, uint32_t slot); /* the ramp does not want it */
void lh_schedule_opened(struct lh_engine *e, uint32_t slot);
void lh_schedule_closed(struct lh_engine *e, uint32_t slot); /* no longer open */
void lh_schedule_send_held(struct lh_engine *e, uint32_t slot);
bool lh_schedule_holds(const struct lh_engine *e, uint32_t slot);
/* A message of a closed loop was answered, or given up. */
void lh_schedule_answered(struct lh_engine *e, uint32_t slot, uint32_t message);
/* A message of the server that this one comes after was seen. */
void lh_schedule_triggered(struct lh_engine *e, uint32_t slot, uint32_t message);

/* ---- messages.c ---- */
int lh_messages_compile(struct lh_engine *e, struct group *g, struct lh_err *err);
void lh_messages_free(struct group *g);
/* Sends one. LH_SEND_HELD: there was no room to remember it. */
enum { LH_SEND_HELD = LH_SEND_FAILED + 1 };
int lh_message_send(struct lh_engine *e, uint32_t slot, uint32_t message, uint64_t planned_ns);
/* Sends the client's oldest one in flight again, on a fresh connection; lost when that cannot be. */
void lh_message_resend(struct lh_engine *e, uint32_t slot);
struct lh_template_values lh_message_values(const struct lh_engine *e, uint32_t slot, uint64_t seq, uint64_t now_ns);
/* What an echo is compared by: what is kept of it, and the whole length. */
uint64_t lh_message_hash(const struct group *g, const char *bytes, size_t len, uint64_t total);

/* ---- flight.c ---- */
bool lh_flight_ready(struct lh_engine *e); /* whether there is room for one more */
void lh_flight_add(struct lh_engine *e, uint32_t slot, const struct flight *flight);
void lh_flight_remove(struct lh_engine *e, uint32_t slot, uint32_t flight);
uint32_t lh_flight_find(const struct lh_engine *e, uint32_t slot, uint64_t seq);
uint32_t lh_flight_first_by_order(const struct lh_engine *e, uint32_t slot);
void lh_flight_expire(struct lh_engine *e, uint32_t slot);
void lh_flight_lose_all(struct lh_engine *e, uint32_t slot);

/* ---- replies.c ---- */
/* What became of one of the last 32 messages. */
enum fate { FATE_UNANSWERED, FATE_ANSWERED, FATE_ONE_WAY };
void lh_replies_take(struct lh_engine *e, uint32_t slot, const char *bytes, size_t len, uint64_t total);
void lh_replies_gather(struct lh_engine *e, uint32_t slot, const char *bytes, size_t len, bool first, bool last);
/* The pieces of a message that will not be whole. */
void lh_replies_forget_pieces(struct lh_engine *e, struct client *c);
void lh_replies_sent(struct client *c, bool one_way); /* the client's message number c->seq went out */

/* Books the reply to a message in flight; `goes_on`: what a closed loop does then. */
void lh_replies_book(struct lh_engine *e, uint32_t slot, uint32_t flight, bool goes_on);
/* Keeps up to `max` bytes of an incoming message in c->gather, and counts all of them. */
void lh_gather_add(struct lh_engine *e, struct client *c, const char *bytes, size_t len, size_t max);

/* ---- triggers.c ---- */
/* A whole incoming message; `total` is its length, of which `len` bytes were kept. */
void lh_triggers_look(struct lh_engine *e, uint32_t slot, const char *bytes, size_t len, uint64_t total);

/* ---- pushes.c ---- */
int lh_pushes_new(struct group *g, struct lh_err *err);
void lh_pushes_free(struct group *g);
size_t lh_pushes_bytes(const struct group *g);
void lh_pushes_opened(struct lh_engine *e, uint32_t slot);
void lh_pushes_closed(struct lh_engine *e, uint32_t slot); /* no longer open */
void lh_pushes_take(struct lh_engine *e, uint32_t slot, const struct lh_push *push);
/* Whether the group's pushes are numbered, and this one is. */
bool lh_pushes_numbers(const struct group *g, const struct lh_push *push);
/* When the client has heard no push for longer than the group's gap_max; LH_NEVER once that was counted. */
uint64_t lh_pushes_silence_ns(const struct lh_engine *e, uint32_t slot);
void lh_pushes_fell_silent(struct lh_engine *e, uint32_t slot);

/* ---- null_kind.c ---- */
/* Makes e->null when a group is of that kind, and gives such groups their io. Its timers begin at first_timer. */
int lh_null_new(struct lh_engine *e, uint32_t first_timer, struct lh_err *err);
void lh_null_free(struct lh_null *null);
const struct lh_io *lh_null_io(const struct lh_null *null);
/* What the pretended server says to a message; leaves message->answer NULL where it says the same again. */
int lh_null_compile(struct message *message, struct lh_err *err);
void lh_null_fire(struct lh_engine *e, uint32_t timer);
/* How long after its opening a connection is dropped. */
uint64_t lh_null_drop_after_ns(const struct lh_engine *e, uint32_t slot);
void lh_null_drop(struct lh_engine *e, uint32_t slot);
size_t lh_null_bytes(const struct lh_null *null);

#endif
