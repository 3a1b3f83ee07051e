/* The probe's own listener (worker/worker.h) as a child process of ours. */
#ifndef LH_RUN_LISTENER_H
#define LH_RUN_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "longhaul/base/err.h"

enum { LH_LISTENER_PATH_MAX = 128 };

struct lh_listener {
  pid_t pid; /* 0: none */
  int pipe;
  unsigned port;                 /* on 127.0.0.1 */
  char ca[LH_LISTENER_PATH_MAX]; /* who vouches for its certificate; "": it speaks no TLS */
};

struct lh_listener_args {
  const char *program; /* path of this binary */
  const char *folder;  /* where the authority's certificate goes; the caller removes it */
  uint64_t processes;  /* that share its connections */
  bool speaks_tls;
};

int lh_listener_start(struct lh_listener *listener, const struct lh_listener_args *args, struct lh_err *err);
void lh_listener_stop(struct lh_listener *listener); /* accepts one that is not there */

#endif
