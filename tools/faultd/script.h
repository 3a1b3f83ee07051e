/* What the server does to whom and when: a list of rules, one a line.
 *
 * Glossary
 *   rule     [who] [when] action [arguments]; the words before the action may stand in any order
 *   who      all (default), N%, first N (connections), path PREFIX (of the request)
 *   when     from T, to T            in force only in that span
 *            at T                    once, at T since the server's start
 *            every T                 again and again since the server's start
 *            after T [jitter N%]     once a connection, T after it was opened
 *            idle T                  when a connection brought no byte for T
 *            each N%                 with each message of a client, at that chance
 *            message N               with the N-th message of a connection
 *   action   one word of ACTION_LIST
 *
 * Which connections a share takes follows from the seed, the rule's place in the script and the connection's number, so
 * that the same script and seed always take the same ones.
 */
#ifndef FAULTD_SCRIPT_H
#define FAULTD_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"

/* What an action works on; decides which `when` it may have.
 *   MOMENT    done to a connection at one moment: needs at, every, after, idle, each or message
 *   REPLY     done to a reply: each, message, or to every one
 *   REQUEST   done to an HTTP request or upgrade: for as long as it is in force
 *   ACCEPT    done when a connection is accepted, before any byte is read: no path
 *   MODE      how a connection is served: for as long as it is in force
 *   LISTENER  done to the listening sockets: needs from and to, no `who` */
#define ACTION_CLASS_LIST(X) X(MOMENT) X(REPLY) X(REQUEST) X(ACCEPT) X(MODE) X(LISTENER)

/* X(ID, word, class, arguments, help) */
#define ACTION_LIST(X)                                                                                                         \
  X(CLOSE, "close", MOMENT, CODE, "CODE [\"text\"]: close frame, wait for the client's, FIN")                                  \
  X(FIN, "fin", MOMENT, NONE, "FIN with no close frame")                                                                       \
  X(RST, "rst", MOMENT, NONE, "RST")                                                                                           \
  X(DROP, "drop", MOMENT, NONE, "the same as rst")                                                                             \
  X(SILENT, "silent", MOMENT, NONE, "neither reads nor writes from then on, keeps the connection")                             \
  X(STOP_READING, "stop-reading", MOMENT, NONE, "reads nothing from then on, goes on pushing")                                 \
  X(PING, "ping", MOMENT, TEXT, "[\"text\"]: one ping")                                                                        \
  X(PONG, "pong", MOMENT, TEXT, "[\"text\"]: one pong that nobody asked for")                                                  \
  X(SEND, "send", MOMENT, TEXT, "\"text\": one text message")                                                                  \
  X(BAD_FRAME, "bad-frame", MOMENT, BAD, "KIND: a frame that breaks RFC 6455")                                                 \
  X(DELAY, "delay", REPLY, SPAN, "T or T..T: replies wait; a span draws each wait anew, so order is not kept")                 \
  X(LOSE, "lose", REPLY, NONE, "no reply")                                                                                     \
  X(DUPLICATE, "duplicate", REPLY, NONE, "the reply twice")                                                                    \
  X(REORDER, "reorder", REPLY, NONE, "the reply after the next one")                                                           \
  X(CORRUPT, "corrupt", REPLY, NONE, "one byte of the reply changed")                                                          \
  X(REFUSE, "refuse", REQUEST, STATUS, "STATUS [\"body\"] [retry-after T]: answers any request so, and closes")                \
  X(REDIRECT, "redirect", REQUEST, URL, "URL: answers 302")                                                                    \
  X(UPGRADE_DELAY, "upgrade-delay", REQUEST, SPAN, "T or T..T: waits before the answer")                                       \
  X(UPGRADE_NEVER, "upgrade-never", REQUEST, NONE, "reads the request and never answers")                                      \
  X(UPGRADE_FIN, "upgrade-fin", REQUEST, NONE, "FIN in place of the answer")                                                   \
  X(UPGRADE_RST, "upgrade-rst", REQUEST, NONE, "RST in place of the answer")                                                   \
  X(UPGRADE_HALF, "upgrade-half", REQUEST, NONE, "half of the answer, then FIN")                                               \
  X(BAD_ACCEPT, "bad-accept", REQUEST, NONE, "a wrong Sec-WebSocket-Accept")                                                   \
  X(BAD_HTTP, "bad-http", REQUEST, NONE, "bytes that are not HTTP")                                                            \
  X(NO_PROTOCOL, "no-protocol", REQUEST, NONE, "selects no subprotocol (default: the first offered)")                          \
  X(ACCEPT_RST, "accept-rst", ACCEPT, NONE, "RST at once")                                                                     \
  X(ACCEPT_FIN, "accept-fin", ACCEPT, NONE, "FIN at once")                                                                     \
  X(NEVER_READ, "never-read", ACCEPT, NONE, "accepts and reads nothing")                                                       \
  X(TLS_ALERT, "tls-alert", ACCEPT, NONE, "alert handshake_failure to the client hello")                                       \
  X(TLS_NEVER, "tls-never", ACCEPT, NONE, "never answers the client hello")                                                    \
  X(NO_ECHO, "no-echo", MODE, NONE, "messages are read and not answered")                                                      \
  X(PUSH, "push", MODE, RATE, "RATE [SIZE]: messages {\"seq\":n,\"time_us\":n,\"conn\":n} at that rate")                       \
  X(PUSH_LOSE, "push-lose", MODE, CHANCE, "N%: that share of the pushed numbers is left out")                                   \
  X(PUSH_REPEAT, "push-repeat", MODE, CHANCE, "N%: that share leaves twice")                                                   \
  X(PUSH_SWAP, "push-swap", MODE, CHANCE, "N%: that share leaves after the next one")                                          \
  X(PUSH_AHEAD, "push-ahead", MODE, TIME, "T: their timestamps lie T in the future")                                           \
  X(PING_EVERY, "ping-every", MODE, TIME, "T: pings the client")                                                               \
  X(NO_PONG, "no-pong", MODE, NONE, "leaves pings unanswered")                                                                 \
  X(WRONG_PONG, "wrong-pong", MODE, NONE, "answers pings with another payload")                                                \
  X(PONG_DELAY, "pong-delay", MODE, SPAN, "T or T..T: answers pings late")                                                     \
  X(FRAGMENT, "fragment", MODE, SIZE, "N: messages in frames of N bytes")                                                      \
  X(SPLIT, "split", MODE, SIZE_TIME, "N [T]: bytes leave N at a time, T apart (1ms)")                                          \
  X(STOP_ACCEPTING, "stop-accepting", LISTENER, NONE, "leaves connections in the backlog")                                     \
  X(NOT_LISTENING, "not-listening", LISTENER, NONE, "closes the listening sockets: connects are refused")

/* X(ID, word, help) */
#define BAD_FRAME_LIST(X)                                                                                                      \
  X(OPCODE, "opcode", "reserved data opcode 3")                                                                                \
  X(CONTROL_OPCODE, "control-opcode", "reserved control opcode 11")                                                            \
  X(RSV, "rsv", "RSV1 set with no extension")                                                                                  \
  X(MASKED, "masked", "a masked frame from a server")                                                                          \
  X(OVERSIZED, "oversized", "a header that announces 1 TiB")                                                                   \
  X(LENGTH, "length", "a 64-bit length with its highest bit set")                                                              \
  X(LONG_PING, "long-ping", "a ping of 126 bytes")                                                                             \
  X(FRAGMENTED_PING, "fragmented-ping", "a ping without FIN bit")                                                              \
  X(CONTINUATION, "continuation", "a continuation of nothing")                                                                 \
  X(INTERLEAVED, "interleaved", "a new message inside a fragmented one")                                                       \
  X(UTF8, "utf8", "a text message that is not UTF-8")                                                                          \
  X(CLOSE_SHORT, "close-short", "a close frame of one byte")                                                                   \
  X(CLOSE_CODE, "close-code", "a close frame with code 1005, which may not be sent")                                           \
  X(TRUNCATED, "truncated", "half a frame, then FIN")

enum action_class {
#define X(id) CLASS_##id,
  ACTION_CLASS_LIST(X)
#undef X
};

enum action {
#define X(id, word, class, arguments, help) ACTION_##id,
  ACTION_LIST(X)
#undef X
      ACTION_COUNT
};

enum bad_frame {
#define X(id, word, help) BAD_##id,
  BAD_FRAME_LIST(X)
#undef X
      BAD_COUNT
};

enum trigger { TRIGGER_NONE, TRIGGER_AT, TRIGGER_EVERY, TRIGGER_AFTER, TRIGGER_IDLE, TRIGGER_EACH, TRIGGER_MESSAGE };

struct rule {
  enum action action;
  enum trigger trigger;
  uint64_t from_ns, to_ns;    /* since the server's start; to_ns is LH_NEVER when left out */
  uint64_t when_ns;           /* of at, every, after, idle */
  double jitter;              /* of after: share of when_ns, half of it to either side */
  double chance;              /* of each */
  uint64_t message;           /* of message, from 1 */
  double share;               /* of the connections, 1: all */
  uint64_t first;             /* only connections numbered up to this; UINT64_MAX: all */
  char *path;                 /* prefix of the request's path, or NULL */
  int code;                   /* close code, HTTP status or enum bad_frame */
  char *text;                 /* close text, body, payload or URL; NULL: none */
  size_t text_len;            /* it may hold zero bytes */
  uint64_t time_ns, time2_ns; /* a time, or the ends of a span */
  double rate;                /* of push, per second */
  uint64_t size;              /* bytes of push, fragment, split */
  char *source;               /* the rule as written */
};

enum { SCRIPT_RULES_MAX = 64 }; /* a connection keeps its rules as bits of one word */

struct script {
  struct rule rules[SCRIPT_RULES_MAX];
  unsigned count;
  uint64_t seed;
  uint64_t of_trigger[TRIGGER_MESSAGE + 1]; /* bit masks of rules */
  uint64_t of_class[CLASS_LISTENER + 1];
  uint64_t of_action[ACTION_COUNT];
  uint64_t per_message; /* rules that have a say in how a message is answered */
};

/* Adds the rules of text, one a line; '#' begins a comment. `name` is for sentences: the file, or "rule". On failure the
 * script keeps the rules before the bad one. */
int script_add(struct script *script, const char *name, const char *text, struct lh_err *err);
void script_free(struct script *script); /* accepts NULL */

/* The rules whose `who` takes this connection. path NULL: before a request came, rules with a path are left out. */
uint64_t script_rules_for(const struct script *script, uint64_t number, const char *path);
/* Whether the rule is in force at this time since the start. */
static inline bool rule_in_force(const struct rule *rule, uint64_t since_start_ns) {
  return since_start_ns >= rule->from_ns && since_start_ns < rule->to_ns;
}
/* Random word for a rule, a connection and the n-th time. */
uint64_t script_random(const struct script *script, const struct rule *rule, uint64_t number, uint64_t n);
/* A wait drawn from the rule's span. */
uint64_t script_span_ns(const struct script *script, const struct rule *rule, uint64_t number, uint64_t n);

const char *action_word(enum action action);
enum action_class action_class(enum action action);
/* Writes the table of actions and bad frames to stdout, for --help. */
void script_print_words(void);

#endif
