/* The life of every client of one worker: which connects when, what it sends, what it makes of what it sees.
 * Pure: events and time in, actions out. The worker's adapter (libwebsockets, own sockets) and the null kind are its I/O.
 *
 * Glossary
 *   slot     a client's place in the engine's array: 0 .. lh_engine_client_count-1; fixed for the whole run
 *   action   a call the engine makes into `struct lh_io`; it never re-enters the engine from there, except where said
 *   event    a call lh_engine_on_* that the adapter makes
 *   now_ns   CLOCK_MONOTONIC as of this loop turn; events may pass a later reading. The engine's time never goes back: an
 *            earlier reading counts as the latest one seen
 *   held     a message that is due and waits for a full socket (gauge `pending`)
 *
 * Life-cycle (one function changes the state):
 *   IDLE -> WAITING -> CONNECTING -> OPEN -> CLOSING -> WAITING ... -> FINISHED
 * IDLE: not released by the ramp. WAITING: backoff, or queued for the rate cap. CONNECTING covers the stages resolve,
 * connect, tls, upgrade. FINISHED: ramped down, gave up, or the run is over; a ramp that rises again starts it anew. Every
 * connection gets exactly one ending, recorded when it leaves CONNECTING, OPEN or CLOSING.
 *
 * What is wanted (wanted_us, the base of the availability): a client the ramp has released, from then on until the plan ends
 * it; also while it is down, and after it gave up. Not while a connection of it is being closed by plan.
 *
 * Messages
 *   A client's plan begins at its origin and pauses while the ramp does not want it. What falls due while the client is
 *   not open is skipped_not_open; what is a whole period late when its turn comes is skipped_late. Schedules that count
 *   from the opening plan nothing while the client is not open.
 *   A full socket holds at most one message of each kind; when the next of that kind falls due, the older one is
 *   skipped_late, and its wait counts as a response together with that of the one that goes out at last (skipped_charged).
 *   Held messages of a connection that ends are skipped_not_open. A send that FAILED is skipped_not_open.
 *   Times: response is reply - due, service reply - sent, send_lateness sent - due; `late` compares the response with
 *   `within`; `lost_after` counts from the sending. A lost message of a closed loop (after: reply) lets the loop go on.
 *   What answers nothing is told apart by its token: of another client or group: incoming; damaged: corrupt; answered
 *   before: duplicate; counted as lost before: lost_then_replied. The last 32 messages of a client are remembered one by
 *   one; of older ones an answer at or before the last lost one counts as lost_then_replied while lost ones are
 *   unanswered, else as duplicate.
 *   out_of_order is a reply that comes after the reply to a later message of the same client.
 *
 *   after: incoming. Each whole incoming message is looked at, whatever it counts as. Without `every` each that `when` describes
 *   plans one send; a send that waits for its delay or for the socket when the next one comes is skipped_late.
 *
 * Pushes
 *   A push is an incoming message that answers nothing: neither by its token, nor by its pointer, nor by its order. Where the
 *   group's pushes are numbered (incoming.sequence), a message that has a number and no token of ours is a push, also while
 *   replies are awaited by order. Numbers and times are checked as incoming.h says; silence is measured while the client is
 *   open, from its opening or the last push on, and counted as soon as gap_max is over.
 *
 * Requests (kind http)
 *   A message is a request; its reply is the response. One is outstanding at a time: the adapter calls the next one CHOKED
 *   and says when it is writable, so that what falls due meanwhile is held. Of several held ones the oldest goes first.
 *   A request on a connection that ends as STALE_KEEPALIVE stays in flight: the client connects anew without a wait, and the
 *   request goes out again, once, with the same seq and token, as the first on the new connection. If that connection does
 *   not come up, it is lost. So it is with one that a redirect leads to another server. Both also while the run ends, as
 *   long as replies are awaited.
 */
#ifndef LONGHAUL_CONN_ENGINE_H
#define LONGHAUL_CONN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/plan/plan.h"
#include "longhaul/plan/template.h"
#include "longhaul/stats/snapshot.h"

#define LH_CLIENT_STATE_LIST(X)                                                                                                \
  X(IDLE, "never started")                                                                                                     \
  X(WAITING, "waiting")                                                                                                        \
  X(CONNECTING, "connecting")                                                                                                  \
  X(OPEN, "open")                                                                                                              \
  X(CLOSING, "closing")                                                                                                        \
  X(FINISHED, "finished")

enum lh_client_state {
#define X(id, name) LH_CLIENT_##id,
  LH_CLIENT_STATE_LIST(X)
#undef X
      LH_CLIENT_STATE_COUNT
};

/* What a send came to. CHOKED: nothing was taken; the adapter calls lh_engine_on_writable once the socket drains. */
enum lh_send_result { LH_SEND_DONE, LH_SEND_CHOKED, LH_SEND_FAILED };

/* Whether the peer's TCP, which may well live on where the process behind it stands still, has taken what was sent. */
enum lh_taken { LH_TAKEN_UNKNOWN, LH_TAKEN, LH_NOT_TAKEN };

/* The I/O of one kind of connection. Every slot of this table but connect and abort has a default in the engine (a NULL
 * slot is "not supported": pings are then not planned, messages count as skipped_not_open, close becomes abort).
 * connect, close and abort are called from lh_engine_turn only, never from within an event; send and ping also from within
 * lh_engine_on_message and lh_engine_on_response (after: reply), lh_engine_on_writable and lh_engine_on_open (a request that
 * goes out once more). */
struct lh_io {
  void *context;
  /* Begins a connection of this slot, in stage RESOLVE. Events follow later; lh_engine_on_stage and lh_engine_on_ended may
   * also come from within the call (the one permitted re-entry). nth counts the client's connections from 1. */
  void (*connect)(void *context, uint32_t slot, uint32_t nth, uint64_t now_ns);
  /* Sends one message. `bytes` has LH_IO_HEADROOM writable bytes before it and 16 after. */
  enum lh_send_result (*send)(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary);
  /* Sends a ping whose pong the adapter tells from others by `cookie`. */
  enum lh_send_result (*ping)(void *context, uint32_t slot, uint64_t cookie);
  /* Sends the client's login over its open connection. NULL: groups whose logins share connections are not this kind's. */
  enum lh_send_result (*login)(void *context, uint32_t slot);
  /* Closes an open connection in good order with a close code (WebSocket) and reports lh_engine_on_ended when it is gone. */
  void (*close)(void *context, uint32_t slot, uint16_t code);
  /* Ends the connection at once, whatever its stage. No event follows; the engine records the ending itself. */
  void (*abort)(void *context, uint32_t slot);
  /* The same for an open connection, which the server sees as a reset. NULL: abort. */
  void (*reset)(void *context, uint32_t slot);
  /* How long the server asked this client to wait before it connects again, whatever the ending, in ns; 0: it did not. It
   * stands in place of the policy's first wait, and no wait is shorter. */
  uint64_t (*retry_after)(void *context, uint32_t slot);
  /* Whether what was sent up to since_ns was acknowledged. NULL: unknown. */
  enum lh_taken (*taken)(void *context, uint32_t slot, uint64_t since_ns);
  /* The clock, read for each send, so that lateness and service time stay true in a long turn. NULL: the turn's now_ns. */
  uint64_t (*now)(void *context);
};

enum { LH_IO_HEADROOM = 32 };

/* Called for every ending, in order; rows for the run file. Borrowed for the call. */
typedef void lh_ending_sink(void *context, const struct lh_ending *ending);

struct lh_login_io;

struct lh_engine_args {
  const struct lh_config *config; /* borrowed until free */
  struct lh_slice slice;
  uint64_t run_id;                       /* marks tokens */
  uint64_t start_ns;                     /* the run's start on the monotonic clock: time 0 of the plan */
  int64_t start_wall_us;                 /* the same instant on the wall clock */
  uint32_t workers;                      /* this worker's share of the rate cap is 1/workers */
  bool replacement;                      /* takes over from a lost worker: first openings count as reconnects, and ${seq}
                                          * goes on at a number that was not used yet */
  uint64_t *ledger;                      /* how often each message was sent, by lh_plan_ledger_cell: what the worker before
                                          * left, and what this one adds; borrowed until free. NULL: counts begin at 0 */
  const struct lh_io *io[LH_KIND_COUNT]; /* by kind; the null kind's is built in. Borrowed until free */
  const struct lh_login_io *logins;      /* logins.h; may be NULL when no group has a login. Borrowed until free */
  bool leads_logins;                     /* it makes the logins of groups */
  lh_ending_sink *ending_sink;           /* may be NULL */
  void *ending_context;
};

struct lh_engine;
struct lh_push; /* incoming.h */

int lh_engine_new(struct lh_engine **engine, const struct lh_engine_args *args, struct lh_err *err);
void lh_engine_free(struct lh_engine *engine); /* accepts NULL; calls no I/O */

/* Runs what is due, at most LH_ENGINE_TURN_MAX clients so that reading is not starved by a herd, and returns when to call
 * again: a lower bound; at or before now_ns when more is due already; LH_NEVER: only after an event. */
enum { LH_ENGINE_TURN_MAX = 256 };
uint64_t lh_engine_turn(struct lh_engine *engine, uint64_t now_ns);
/* When the next turn is due now, after events: for re-arming the timer only when it became earlier. */
uint64_t lh_engine_next_ns(const struct lh_engine *engine);

/* ---- events ---- */
/* A stage of connecting is over and `stage` begins; the time since the last such event goes to the histogram of the stage
 * that is over (tcp when an adapter that resolves names beforehand goes from RESOLVE straight past CONNECT). */
void lh_engine_on_stage(struct lh_engine *engine, uint32_t slot, enum lh_stage stage, uint64_t now_ns);
/* In stage CONNECT: TCP is up, and a proxy was asked for a tunnel. It has connect_timeout to answer, and its time goes to a
 * histogram of its own. */
void lh_engine_on_tunnel(struct lh_engine *engine, uint32_t slot, uint64_t now_ns);
/* The TCP connection is up; local_port is what a server's log knows this connection by, however far it comes. */
void lh_engine_on_port(struct lh_engine *engine, uint32_t slot, uint16_t local_port);
/* local_port: 0 when not known, or told by lh_engine_on_port already. */
void lh_engine_on_open(struct lh_engine *engine, uint32_t slot, uint16_t local_port, uint64_t now_ns);
/* Part of an incoming message; `first` and `last` mark its ends. Small messages come whole (both set) and are not copied.
 * Replies may lead to sends from within the call (after: reply). */
void lh_engine_on_message(struct lh_engine *engine, uint32_t slot, const void *bytes, size_t len, bool first, bool last,
                          bool binary, uint64_t now_ns);
/* A push of a kind that sends nothing. cut: it was longer than what is kept of it. */
void lh_engine_on_push(struct lh_engine *engine, uint32_t slot, const struct lh_push *push, bool cut, uint64_t now_ns);
/* Bytes of a stream that has no messages. The time since the last call goes to the histogram of gaps. */
void lh_engine_on_data(struct lh_engine *engine, uint32_t slot, size_t len, uint64_t now_ns);

/* A whole response to the one request that is outstanding. */
struct lh_response {
  uint16_t status;
  bool closes;       /* the connection ends with it: what follows from the reply waits for the next one */
  const char *bytes; /* the last piece of its body; the ones before it came by lh_engine_on_body. Borrowed */
  size_t len;
};
/* The first byte of the response came. */
void lh_engine_on_first_byte(struct lh_engine *engine, uint32_t slot, uint64_t now_ns);
void lh_engine_on_body(struct lh_engine *engine, uint32_t slot, const void *bytes, size_t len, uint64_t now_ns);
void lh_engine_on_response(struct lh_engine *engine, uint32_t slot, const struct lh_response *response, uint64_t now_ns);
/* The response was a redirect, all of it is read, and the adapter follows it on this connection: the request goes out again, with
 * the same seq and token, from within the call; its response time goes on. One that ends the connection ends it as REDIRECT_FOLLOWED: the
 * client comes back at once, reconnect or not, and what is in flight goes out again on the next connection. */
void lh_engine_on_redirect(struct lh_engine *engine, uint32_t slot, uint64_t now_ns);
/* The values of the message that is being sent, for what a kind writes around it. From within lh_io.send only. */
struct lh_template_values lh_engine_sending(const struct lh_engine *engine, uint32_t slot);
/* Those of the client's oldest message in flight, as it was sent: what renders it again. False: there is none. */
bool lh_engine_asked(const struct lh_engine *engine, uint32_t slot, struct lh_template_values *values);

/* ---- cookies: of groups that keep them; else nothing happens ---- */
struct lh_cookie_site; /* cookies.h */
/* A Set-Cookie header of an answer from there. One that finds no room counts as cookies_refused. */
void lh_engine_on_cookie(struct lh_engine *engine, uint32_t slot, const struct lh_cookie_site *from, struct lh_text header);
/* Writes the client's Cookie line for a request to there into out, which has room for LH_COOKIE_LINE_MAX; its length, 0: no line. */
size_t lh_engine_cookies(const struct lh_engine *engine, uint32_t slot, const struct lh_cookie_site *to, char *out);

void lh_engine_on_pong(struct lh_engine *engine, uint32_t slot, uint64_t cookie, uint64_t now_ns);
/* May come while connecting, too: a ping in one read with the head. */
void lh_engine_on_peer_ping(struct lh_engine *engine, uint32_t slot, uint64_t now_ns);
void lh_engine_on_writable(struct lh_engine *engine, uint32_t slot, uint64_t now_ns);
/* The connection is gone. The adapter fills reason, code, text and retry_after_ns (the client then stays away for at least as
 * long, unless the group's reconnect says otherwise), and the stage when it knows better than the last
 * on_stage how far connecting had come (else LH_STAGE_COUNT); the engine fills the rest, and replaces the reason by its own
 * when it had asked for the end (planned end, lifetime, shutdown, silent peer, timeouts). */
void lh_engine_on_ended(struct lh_engine *engine, uint32_t slot, const struct lh_ending *seen, uint64_t now_ns);

/* The caller's loop stood still in that time (stopped, starved), and goes on now: what ended meanwhile, told within 50 ms from
 * now, and deadlines of connecting that passed meanwhile, are endings by LOOP_STALLED with what was seen in the text. */
void lh_engine_on_stall(struct lh_engine *engine, uint64_t from_ns, uint64_t until_ns);
/* The machine was suspended for so long and goes on now; CLOCK_MONOTONIC stood still meanwhile. Connections of before that end
 * before anything was heard of them again end by LOOP_STALLED with what was seen in the text: peers and boxes on the way gave
 * them up, and had every reason to. */
void lh_engine_on_suspension(struct lh_engine *engine, uint64_t slept_ns, uint64_t now_ns);

/* ---- the end of the run ---- */
/* From now on nothing is planned; open connections are closed in good order once their replies are in or drain_ns is
 * over, and aborted when the closing handshake is not done by then (or within 1 s, when that is later). `done` is true once
 * every client is finished or idle. Turns go on as before until then. */
void lh_engine_stop(struct lh_engine *engine, uint64_t now_ns);
bool lh_engine_done(const struct lh_engine *engine);

/* ---- looking in ---- */
uint32_t lh_engine_client_count(const struct lh_engine *engine);
uint32_t lh_engine_group_of(const struct lh_engine *engine, uint32_t slot);
uint32_t lh_engine_client_of(const struct lh_engine *engine, uint32_t slot); /* global number within the group */
enum lh_client_state lh_engine_state_of(const struct lh_engine *engine, uint32_t slot);
enum lh_stage lh_engine_stage_of(const struct lh_engine *engine, uint32_t slot);
/* The group's numbers since the last lh_snapshot_next on it, brought up to now_ns (integrals included). The caller encodes
 * it and calls lh_snapshot_next. Borrowed. */
struct lh_snapshot *lh_engine_snapshot(struct lh_engine *engine, uint32_t group, uint64_t now_ns);
/* Bytes the engine holds for its clients, for the cost headline. */
size_t lh_engine_bytes(const struct lh_engine *engine);

/* What the engine itself could not do since its start. Each is a fault of the tester, to be shown as such. */
struct lh_engine_faults {
  uint64_t in_flight_full; /* sends held back since LH_IN_FLIGHT_MAX messages awaited their replies */
  uint64_t no_memory;      /* sends held back, or incoming messages cut short, since there was no memory */
};
struct lh_engine_faults lh_engine_faults(const struct lh_engine *engine);

#endif
