/* The ladder put to the test: opens real connections until the plan is met or something refuses, and closes them again.
 *
 * A probe is a short run of the same workers, so that it meets the limits that a run would meet: each client connects once,
 * sends nothing, and stays. Bounded in number (most), rate and time.
 *
 * Glossary
 *   listener   a process of our own on 127.0.0.1 that accepts everything, with TLS from clients whose target has it; else the
 *              config's targets are connected to
 *   predicted  what the ladder says for what the probe does: towards the listener both ends are on this host
 *   queue      connections that wait at a listener that accepts none: net.core.somaxconn proved
 *   tried first  50 connections, where the target's process is on this host and might have too few descriptors for the plan: to
 *              count those that a connection takes there
 */
#ifndef LONGHAUL_RUN_PROBE_H
#define LONGHAUL_RUN_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/host/ladder.h"

enum { LH_PROBE_MOST = 10000, LH_PROBE_RATE = 2000, LH_PROBE_TLS_RATE = 500, LH_PROBE_REFUSAL_MAX = 160 };

struct lh_probe_args {
  const struct lh_config *config; /* NULL: one group of plain WebSockets, as many as the ladder allows */
  bool targets;                   /* connect to the config's targets; else to a listener of our own */
  const char *const *settings;    /* that `config` was loaded with; for `targets` */
  uint32_t setting_count;
  struct lh_needs *needs;         /* of the config: its servers are told what a connection takes there. NULL: nobody is */
  uint64_t most;                  /* connections at most */
  const char *program;            /* path of this binary */
};

struct lh_probe {
  bool targets;       /* towards the targets of the config */
  bool both_ends;     /* of each connection are on this host */
  uint64_t wanted;    /* connections tried: the plan's, or a little more than the ladder allows, at most `most` */
  uint64_t opened;    /* the most that were open at once */
  uint64_t predicted; /* of them; LH_ANY: no bound */
  int limit;          /* enum lh_limit that the ladder has first, -1: none */
  char refusal[LH_PROBE_REFUSAL_MAX]; /* the first refusal in words; "" when there was none */
  int error;          /* its errno, 0: none */
  double target_each; /* descriptors that a connection takes at the target's process, the most of several; NAN: not measured */
  bool matches;       /* opened is within 2 % (or 3) of the lesser of wanted and predicted */
  double seconds;     /* until the last one was open */
  uint64_t tls_clients; /* of `wanted` */
  double user_bytes; /* of one connection; NAN: too few to tell, as below */
  double kernel_bytes, buffer_bytes; /* of one end: what the kernel's objects grew by on the whole host, and TCP's buffers */
  uint64_t queue_predicted, queue_held;           /* 0: not tried */
  uint64_t handshakes_predicted, handshakes_held; /* likewise: net.ipv4.tcp_max_syn_backlog */
};

/* Blocks for at most about a minute. 0, or a negative errno with a sentence when the probe could not be made; -EINTR after a
 * signal, which ends it in order. */
int lh_probe_make(struct lh_probe *probe, const struct lh_probe_args *args, struct lh_err *err);

#endif
