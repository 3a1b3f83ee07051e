/* Every named limit of the program. A limit that leaves something out has a counter that the report shows. */
#ifndef LONGHAUL_BASE_LIMITS_H
#define LONGHAUL_BASE_LIMITS_H

enum {
  LH_GROUPS_MAX = 256,           /* groups of one run */
  LH_TARGETS_MAX = 256,          /* targets of one run */
  LH_MESSAGES_MAX = 64,          /* messages of one group */
  LH_STAGES_MAX = 256,           /* ramp stages of one group */
  LH_DETOUR_ROUTES_MAX = 64,     /* other servers that redirects lead one worker to; others are not followed, and say so */
  LH_ADDRESSES_MAX = 256,        /* source addresses, or pinned addresses of one target */
  LH_HEADERS_MAX = 64,           /* extra headers of one target and group */
  LH_STATUSES_MAX = 9,           /* HTTP statuses accepted by one reply, and a 0 */
  LH_ACTIONS_MAX = 64,           /* planned disturbances of one run */
  LH_DENY_MAX = 256,             /* patterns of hosts that are never connected to */
  LH_METRICS_MAX = 64,           /* metrics of the server that are kept */
  LH_SLO_MAX = 256,              /* objectives of one run */
  LH_HOOK_WORDS_MAX = 64,        /* words of a hook's command */
  LH_NAME_MAX = 64,              /* bytes of a name with its NUL: run, target, group, message */
  LH_CLIENTS_MAX = 16 * 1000 * 1000, /* clients of one group */
  LH_WORKERS_MAX = 1024,         /* worker processes */
  LH_CONFIG_BYTES_MAX = 4 << 20, /* a config file */
  LH_PAYLOAD_BYTES_MAX = 16 << 20, /* one message to send */
  LH_DATA_BYTES_MAX = 1 << 30,   /* a CSV file of rows */
  LH_DATA_COLUMNS_MAX = 1024,    /* of it */
  LH_EXTRACTS_MAX = 32,          /* values that one login extracts */
  LH_LOGIN_VALUE_MAX = 16 << 10, /* bytes of one of them, and of all cookies that it sets */
  LH_COOKIE_BYTES_MAX = 4 << 10, /* name and value of one cookie (RFC 6265, 6.1) */
  LH_COOKIES_BYTES_MAX = 16 << 10, /* all cookies of one client; more are refused and counted */
  LH_LOGIN_BODY_MAX = 1 << 20,   /* a login's answer that is looked into */
  LH_REPLY_BYTES_MAX = 1 << 20,  /* a reply that is kept whole for matching; longer ones are matched on this much and counted */
  LH_CLOSE_TEXT_MAX = 124,       /* text of a close frame with a NUL (RFC 6455: 123 bytes) */
  LH_TALLY_MAX = 768,            /* distinct endings (stage, reason, code, text) of one group and interval; then text is folded */
  LH_IN_FLIGHT_MAX = 1 << 20,    /* messages of one worker awaiting a reply */
  LH_FRAME_BYTES_MAX = 64 << 20, /* one message between supervisor and worker */
  LH_ENDING_ROWS_MAX = 1000000,  /* default cap of ending rows in a run file */
  LH_EVENT_ROWS_MAX = 100000     /* cap of event rows in a run file */
};

#endif
