/* Commands of the config's `hooks`: each a process of its own in a group of its own, with its facts in LONGHAUL_* of the
 * environment, nothing to read, and our standard error for whatever it prints. At its deadline the whole group is killed.
 */
#ifndef LH_RUN_HOOK_H
#define LH_RUN_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"

enum { LH_HOOK_FACTS_MAX = 16, LH_HOOKS_AT_ONCE_MAX = 8 };

struct lh_hook_fact {
  const char *name, *value; /* "METRIC", without LONGHAUL_; NULL: left out */
};

struct lh_hook_args {
  const struct lh_strings *command; /* borrowed for the call, as all the rest but context */
  struct lh_hook_fact facts[LH_HOOK_FACTS_MAX]; /* ends with a NULL name, or is full */
  uint64_t timeout_ns;
  const char *what; /* "on_breach (chat.response.p99)", for `done`; copied */
  void *context;
  /* It has ended, from the loop. `how`: "exit code 0", "signal 15 (Terminated)", "killed: not done in 30s". */
  void (*done)(void *context, const char *what, const char *how, bool good);
};

/* Starts it and returns; the loop goes on until it has ended. */
int lh_hook_start(uv_loop_t *loop, const struct lh_hook_args *args, struct lh_err *err);
/* Ends all hooks of this loop before their time; `done` follows for each. */
void lh_hooks_interrupt(uv_loop_t *loop);

struct lh_supervisor;
/* The commands of on_breach for one objective; results are events. */
void lh_hook_breach(struct lh_supervisor *sv, const struct lh_slo_config *slo, uint64_t at_ns);

#endif
