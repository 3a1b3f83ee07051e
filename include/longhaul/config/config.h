/* What a config says, typed and complete: every default filled in, every cross-reference resolved to a number.
 *
 * Glossary
 *   target   a named endpoint
 *   group    a population of like clients on one target
 *   message  one scheduled send of a group
 *   place    where in the YAML a thing stands, for error sentences of later checks
 *
 * Plain data: made by lh_config_load, read by everyone, freed by lh_config_free. All strings are owned by the config.
 * Times are nanoseconds, sizes bytes, rates per second, shares fractions. 0 stands for "none" or "no limit" where a
 * key may be left out, unless its comment says otherwise.
 */
#ifndef LONGHAUL_CONFIG_CONFIG_H
#define LONGHAUL_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/limits.h"

struct lh_place {
  uint32_t line, column; /* 1-based; 0: not from the file (a default, or --set) */
};

struct lh_header {
  char *name;
  char *value; /* may hold variables; rendered for each client */
};

struct lh_headers {
  struct lh_header *items;
  size_t count;
};

struct lh_strings {
  char **items;
  size_t count;
};
/* Adds one at the end. 0 or -ENOMEM, then the list is as it was. */
int lh_strings_addf(struct lh_strings *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lh_strings_free(struct lh_strings *list); /* leaves it empty */

/* ---- run ---- */
struct lh_run_config {
  char *name;             /* default: the config's file name without its ending */
  uint64_t duration_ns;   /* required */
  uint64_t seed;          /* default 1 */
  uint64_t interval_ns;   /* auto: 1 s up to 1 h, 10 s up to 24 h, else 60 s */
  uint32_t workers;       /* 0: auto */
  char *store;            /* folder of run files, default "runs/" */
  double connect_rate;    /* most connection attempts a second across the run, reconnects included; 0: auto */
  uint32_t connecting_max; /* most handshakes under way at once across the run; 0: auto */
  uint64_t drain_ns;      /* how long the end waits for outstanding replies and closing handshakes, default 5 s */
  uint64_t warmup_ns;     /* the start of the run that the verdict leaves out, default 0 */
  uint64_t mass_drop;     /* drops of a group within a second that are a mass drop; 0: auto */
  uint64_t endings_max;   /* ending rows kept, default LH_ENDING_ROWS_MAX; 0: none */
};

/* ---- targets ---- */
enum lh_scheme { LH_SCHEME_WS, LH_SCHEME_WSS, LH_SCHEME_HTTP, LH_SCHEME_HTTPS, LH_SCHEME_TCP, LH_SCHEME_TLS };
enum lh_family { LH_FAMILY_ANY, LH_FAMILY_4, LH_FAMILY_6 };
/* Which of several addresses of a target its clients take: all of them in turn, or all the first of the preferred family. */
enum lh_target_spread { LH_TARGET_SPREAD_ALL, LH_TARGET_SPREAD_FIRST };

/* An HTTP proxy that connections are tunnelled through (CONNECT). */
struct lh_proxy {
  char *host;          /* without brackets; NULL: there is none */
  uint16_t port;
  char *authorization; /* value of Proxy-Authorization, or NULL. Secret */
};

struct lh_tls_config {
  bool verify;     /* default true; false is said loudly in the report */
  char *ca;        /* PEM file; NULL: the system's store */
  char *cert;      /* client certificate, PEM file, or NULL */
  char *key;       /* its key, PEM file, or NULL */
  char *sni;       /* server name sent and checked; NULL: the URL's host */
};

struct lh_target {
  char *name;
  char *url;               /* as written, after ${env}: may hold secrets */
  char *url_masked;        /* the same for people: secret parameters and what came from the environment as "***" */
  enum lh_scheme scheme;
  char *host;              /* without brackets */
  uint16_t port;           /* scheme's default filled in */
  char *path;              /* with query; "/" when left out */
  struct lh_tls_config tls;
  struct lh_headers headers;
  enum lh_family family;
  struct lh_strings addresses;     /* pinned numeric addresses; empty: resolve the host */
  enum lh_target_spread spread;
  uint64_t resolve_every_ns;       /* how often the name is looked up again, default 5 min */
  char *unix_path;                 /* of a unix socket, '@' first for an abstract one; NULL: TCP */
  struct lh_proxy proxy;
  uint32_t connections_max;        /* most connections to it at once, of all its groups; 0: no limit */
  double connect_rate;             /* most attempts a second, beside the run's; 0: no limit */
  uint32_t redirects;              /* of its groups, where they say nothing else */
  bool redirects_to_plain;         /* follow them from TLS to plain too; default false */
  bool tls_scheme;                 /* scheme is wss, https or tls */
  bool may_turn_tls;               /* a group on it follows redirects, which may lead to TLS: its settings are used there */
  bool authorized;                 /* may be loaded though it is outside of private networks: reach.h */
  struct lh_place place;
};

/* ---- groups ---- */
enum lh_kind_id { LH_KIND_WEBSOCKET, LH_KIND_NULL, LH_KIND_HTTP, LH_KIND_SSE, LH_KIND_STREAM, LH_KIND_TCP, LH_KIND_COUNT };

/* The ramp as a piecewise linear line of wanted clients over time. `over` and `rate` are turned into stages by the loader:
 * over: [{0, 0}, {over, connections}]; rate: [{0, 0}, {connections / rate, connections}]; neither: [{0, connections}].
 * Stages that begin later than 0 get {0, 0} before them.
 * A falling line ends the clients with the highest numbers first (planned end). */
struct lh_stage_point {
  uint64_t at_ns;       /* since the start of the run, not falling from one point to the next */
  uint32_t connections; /* wanted at that time */
};

struct lh_ramp {
  struct lh_stage_point *points;
  size_t count; /* at least 1 */
};

enum lh_ping_phase { LH_PING_SPREAD, LH_PING_OPEN };

struct lh_ping_config {
  uint64_t every_ns;   /* 0: no pings */
  uint64_t timeout_ns; /* no pong in this time: silent peer; default 10 s */
  enum lh_ping_phase phase; /* the first comes anywhere in the period, or a whole period after the opening */
};

enum lh_backoff_jitter { LH_BACKOFF_NONE, LH_BACKOFF_EQUAL, LH_BACKOFF_FULL };

struct lh_reconnect_config {
  bool enabled;            /* `reconnect: false` turns it off */
  uint64_t first_ns;       /* default 500 ms */
  uint64_t max_ns;         /* default 30 s */
  double factor;           /* default 2 */
  enum lh_backoff_jitter jitter; /* default full */
  uint32_t limit;          /* most attempts in a row before a client gives up (finished); 0: no limit */
  uint64_t reset_after_ns; /* open for this long: the next drop starts again at `first`; default 10 s */
  bool retry_after;        /* a refusal's Retry-After makes a shorter wait longer; default true */
};

enum lh_payload_source {
  LH_PAYLOAD_TEXT,
  LH_PAYLOAD_BINARY,
  LH_PAYLOAD_FILE,
  LH_PAYLOAD_SIZE,
  LH_PAYLOAD_HEX, /* bytes with variables between them */
  LH_PAYLOAD_NONE
};
enum lh_phase { LH_PHASE_SPREAD, LH_PHASE_TOGETHER };
/* What a message's schedule counts from.
 * run: a grid from the start of the run (default). open: from each opening of the connection; without `every` it is sent
 * once for each opening. reply: as soon as the previous one was answered (a closed loop: response equals service).
 * incoming: from a message of the server that `when` describes; without `every` it is sent once for each such message, with it
 * the first of a connection begins the schedule. */
enum lh_after { LH_AFTER_RUN, LH_AFTER_OPEN, LH_AFTER_REPLY, LH_AFTER_INCOMING };
/* Which incoming messages: those that all that is given holds for. */
struct lh_when_config {
  char *pointer;  /* JSON pointer (RFC 6901): the value is there; or NULL */
  char *equals;   /* the value at `pointer`, or the whole message, is this; or NULL */
  char *begins;   /* it begins with this text, or NULL */
  char *contains; /* it holds this text, or NULL */
  char *hex;      /* it begins with these bytes, or NULL */
  size_t hex_len;
};
/* How a reply is known. token: the reply carries the message's ${token}; order: the n-th reply answers the n-th message;
 * pointer: as token, looked for only in the value that `pointer` names; echo: as token (by order when the payload carries
 * none), and the reply must equal what was sent, else it counts as corrupt. */
enum lh_match { LH_MATCH_NONE, LH_MATCH_TOKEN, LH_MATCH_ORDER, LH_MATCH_POINTER, LH_MATCH_ECHO };

struct lh_reply_config {
  enum lh_match match;    /* NONE when the message has no `reply:` */
  char *contains;         /* text with variables that the reply must hold, or NULL */
  char *pointer;          /* JSON pointer (RFC 6901), or NULL */
  uint64_t within_ns;     /* later than this is late; default 5 s */
  uint64_t lost_after_ns; /* no reply in this time: lost; default max(60 s, 2 within) */
  bool end_when_lost;     /* `else: reconnect`: the connection is ended as "reply missing too long"; default false */
  uint16_t status[LH_STATUSES_MAX]; /* http: accepted ones, 2 for any 2xx; 0-terminated */
  char *matches;          /* http: extended regular expression (POSIX) that the body must match, or NULL */
  char *equals;           /* http: text with variables that the value at `pointer` must be, or NULL: it must be there */
  uint64_t body_max;      /* http: a longer body fails the check; 0: no limit */
  struct lh_place place;
};

struct lh_message {
  char *name;
  uint64_t every_ns;    /* 0 only with after open, reply or incoming */
  double jitter;        /* share of `every`, 0..1: each send moves by up to half of it to either side, without drift */
  enum lh_phase phase;
  enum lh_after after;
  uint64_t delay_ns;    /* after open, reply or incoming: first wait this long */
  struct lh_when_config when; /* after incoming */
  uint64_t from_ns;     /* since the start of the run; 0: from the start */
  uint64_t until_ns;    /* LH_NEVER: to the end */
  uint64_t grid_ns;     /* how far into its period the grid is at the start of the run: 0 but in the rest of one that was stopped */
  uint64_t count;       /* most sends by one client in the run; 0: no limit */
  enum lh_payload_source source;
  char *payload;        /* text or decoded hex (with variables), decoded binary, or the file's bytes (with variables unless
                         * `binary`); owned; NULL for SIZE */
  size_t payload_len;   /* SIZE: bytes to send: token first, then fill */
  bool binary;          /* send as a binary frame */
  struct lh_reply_config reply;
  char *method;         /* http: GET, POST, ...; NULL for other kinds */
  char *request_path;   /* http: path with variables, or NULL */
  struct lh_headers headers; /* http: after the group's; the same name replaces */
  struct lh_place place;
};

/* Which row a message takes; the rule stands at lh_plan_data_row. */
enum lh_data_order { LH_DATA_SEQUENTIAL, LH_DATA_RANDOM, LH_DATA_PER_CLIENT };

struct lh_data;

struct lh_data_config {
  struct lh_data *rows; /* longhaul/config/data.h; owned; NULL: the group has none */
  char *file;           /* as found from the config's folder */
  char *sha256;         /* what the file must be, or NULL */
  enum lh_data_order order;
  struct lh_strings secret;  /* columns that are named in the config */
  uint32_t *secret_columns;  /* those and the ones whose names say so: their values are blotted out of what a peer says */
  size_t secret_count;
};

/* Where a value stands in a message that the server pushes. */
enum lh_locator_kind {
  LH_LOCATOR_NONE,
  LH_LOCATOR_ID,      /* sse: the event's id */
  LH_LOCATOR_POINTER, /* `field` is a JSON pointer */
  LH_LOCATOR_TEXT,    /* the whole message, for `regex` */
  LH_LOCATOR_BYTES    /* `width` bytes from `offset` on, a whole number without a sign */
};

struct lh_locator {
  enum lh_locator_kind kind;
  char *field;     /* as written, or NULL */
  char *regex;     /* what of the text is the value: its first group, else all it matches; NULL: the whole text */
  uint64_t offset;
  uint32_t width;  /* 1 to 8 */
  bool little;     /* the least significant byte comes first */
};

enum lh_push_unit { LH_PUSH_MS, LH_PUSH_US, LH_PUSH_S, LH_PUSH_NS, LH_PUSH_RFC3339 };

/* Checks of what the server pushes unasked. */
struct lh_incoming_config {
  bool enabled;
  struct lh_locator sequence; /* numbers that rise by one */
  struct lh_locator timestamp;
  enum lh_push_unit unit;     /* of the timestamp, since 1970 UTC */
  uint64_t gap_max_ns;        /* an open client that hears no push for longer is silent; 0: not checked */
  char *words;                /* "number: /seq, of each connection, silent after 15s": what is checked, for people; secrets
                               * masked; NULL: nothing is */
  bool by_client;             /* the sequence goes on over a client's connections; false: each connection has its own */
};

/* ---- logins ---- */
enum lh_extract_source { LH_EXTRACT_JSON, LH_EXTRACT_HEADER, LH_EXTRACT_COOKIE };
enum lh_login_per { LH_LOGIN_PER_CLIENT, LH_LOGIN_PER_GROUP };

struct lh_extract {
  char *name; /* of ${login.NAME} */
  enum lh_extract_source source;
  char *json, *header, *cookie; /* one of them: a JSON pointer, a header's or a cookie's name */
  struct lh_place place;
};

/* A request made before a client connects. */
struct lh_login_config {
  bool enabled;
  uint32_t target;        /* number in lh_config.targets; the one of `url` stands behind those that have names */
  bool has_url;           /* `target` is the one of `url`, and nobody else's */
  bool authorized;        /* and may be loaded though it is outside of private networks */
  char *method;
  char *path;             /* with variables */
  struct lh_headers headers; /* after the target's; the same name replaces */
  char *body;             /* with variables, or NULL */
  size_t body_len;
  uint16_t status[LH_STATUSES_MAX]; /* as in lh_reply_config */
  enum lh_login_per per;
  struct lh_extract *extracts;
  size_t extract_count;
  uint64_t refresh_ns;    /* again after this time; 0: never */
  bool on_401;            /* again when what it gave is refused */
  bool keeps_cookies;     /* as the group */
  bool shares_connection; /* it goes over the client's own connection: kind http, and where it leads is what the client connects to */
  enum lh_phase phase;    /* together: all at the start of the run, and all again after each `refresh` */
  uint64_t within_ns;     /* no whole answer in this time: failed */
  struct lh_reconnect_config retry; /* first to limit are used */
  struct lh_target *own_target;     /* of `url`, until it stands among the targets */
  struct lh_place place;
};

struct lh_group {
  char *name;
  enum lh_kind_id kind;
  uint32_t target;            /* number in lh_config.targets; LH_NO_TARGET for null */
  uint32_t connections;       /* clients; the ramp's highest point when it is larger */
  char *path;                 /* in place of the URL's, or NULL */
  struct lh_headers headers;  /* after the target's; the same name replaces */
  uint32_t redirects;         /* most that are followed in a row; 0: none. Default the target's */
  bool keeps_cookies;         /* each client keeps the cookies that answers set, its login's included, and sends them back */
  struct lh_strings subprotocols;
  bool deflate;               /* offer permessage-deflate */
  struct lh_strings source_addresses; /* clients take them in turn */
  struct lh_ramp ramp;
  bool is_staged;             /* the ramp is written as stages: they say how many clients there are, beside `connections` */
  uint64_t lifetime_ns;       /* planned lifetime of each connection, 0: none */
  double lifetime_jitter;     /* share, as for messages */
  struct lh_ping_config ping;
  uint64_t connect_timeout_ns; /* TCP; default 10 s */
  uint64_t tls_timeout_ns;     /* default 10 s */
  uint64_t upgrade_timeout_ns; /* default 10 s */
  uint64_t request_timeout_ns; /* http: no whole response in this time ends the connection, 0: each message's lost_after */
  uint64_t stall_timeout_ns;   /* open and no byte for so long: stalled; 0: never */
  uint64_t user_timeout_ns;    /* TCP_USER_TIMEOUT, 0: the kernel's */
  uint32_t send_buffer, receive_buffer; /* SO_SNDBUF, SO_RCVBUF; 0: the kernel's */
  size_t message_max;          /* largest incoming message kept for matching; default LH_REPLY_BYTES_MAX */
  struct lh_reconnect_config reconnect;
  struct lh_message *messages;
  size_t message_count;
  struct lh_data_config data;
  struct lh_incoming_config incoming; /* websocket, sse */
  struct lh_login_config login;
  uint64_t null_service_ns;    /* null kind: pretended service time, default 1 ms */
  double null_drop_rate;       /* null kind: pretended drops per client-hour, default 0 */
  struct lh_place place;
};

#define LH_NO_TARGET UINT32_MAX

/* ---- planned disturbances ---- */
enum lh_action_kind { LH_ACTION_DROP, LH_ACTION_CLOSE, LH_ACTION_PAUSE };

#define LH_ALL_GROUPS UINT32_MAX

struct lh_action {
  uint64_t at_ns;         /* since the start of the run */
  uint64_t every_ns;      /* 0: once */
  uint32_t group;         /* number in lh_config.groups, or LH_ALL_GROUPS */
  enum lh_action_kind kind;
  double share;           /* of each group's clients, 0..1 */
  uint16_t close_code;    /* CLOSE */
  uint64_t pause_ns;      /* PAUSE; LH_NEVER: to the end of the run */
  struct lh_place place;
};

/* ---- objectives ---- */
struct lh_slo_config {
  char *metric;       /* dotted: "availability", "drops", or GROUP.histogram.statistic, GROUP.counter */
  bool is_below;      /* below or above the threshold */
  double threshold;   /* us for latencies, fraction for shares, else a plain number */
  char *threshold_text; /* as written, for reports */
  uint64_t for_ns;    /* must hold over each sliding window of this length; 0: over the run */
  uint64_t after_ns;  /* grace at the start */
  uint64_t abort_after_ns; /* breached for this long: the run ends; 0: never */
  struct lh_place place;
};

/* ---- hooks ---- */
struct lh_hooks_config { /* commands with their arguments; empty: none */
  struct lh_strings on_breach, on_end;
  uint64_t timeout_ns; /* of each; default 30 s */
};

/* ---- what is watched beside the connections ---- */
/* At most one of pid, name and cgroup names the server's processes; each maximum is 0 when there is none. */
struct lh_watch_config {
  uint32_t pid;            /* 0: none */
  char *name;              /* of processes: their command's name, or NULL */
  char *cgroup;            /* path below the root of the control groups, or NULL */
  struct lh_target metrics; /* Prometheus endpoint: host, port, path and url_masked are set; host NULL: none */
  struct lh_strings names; /* metrics to keep, "name" (the sum over its labels) or "name{label=\"value\"}" */
  uint64_t settle_ns;      /* how long the server is given to go back to where it was, default 10 s */
  double warn_at;          /* share of a limit that is worth a warning, default 0.8 */
  uint64_t descriptors_max, memory_max, threads_max; /* of the watched processes together */
  uint64_t time_wait_max;  /* of the host */
  double cpu_max;          /* of the host, share of all cores */
};

struct lh_config {
  char *path;       /* where it was read from; "-" or "(command line)" when there is no file */
  char *text;       /* the YAML as read, before ${env} */
  char *masked;     /* the effective config as YAML, secrets masked: what run files and reports keep */
  struct lh_texts *secrets; /* values of secrets that are sent to peers, longest first; NULL: none */
  struct lh_run_config run;
  struct lh_target *targets;
  size_t target_count;
  struct lh_strings deny; /* hosts, addresses and networks that are never connected to: reach.h */
  struct lh_group *groups;
  size_t group_count;
  struct lh_action *actions;
  size_t action_count;
  struct lh_slo_config *slo;
  size_t slo_count;
  struct lh_hooks_config hooks;
  struct lh_watch_config watch;
};

const char *lh_kind_name(enum lh_kind_id kind);
const char *lh_scheme_name(enum lh_scheme scheme);

void lh_config_free(struct lh_config *config); /* accepts NULL */

#endif
