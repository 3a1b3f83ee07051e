/* The supervisor: starts workers, collects what they report, writes the run file, shows the view, ends the run.
 *
 * Glossary
 *   tick   one report of each worker, every second; interval  what is stored: one or more ticks
 *   view   the live screen on a terminal, or one log line for each interval off it
 */
#ifndef LONGHAUL_RUN_RUN_H
#define LONGHAUL_RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/host/ladder.h"

enum lh_color { LH_COLOR_AUTO, LH_COLOR_NEVER };

/* Who may look on (live/live.h). The sockets listen already, so that an address that cannot be had is known before the run. */
struct lh_run_live {
  int dashboard_fd, metrics_fd; /* taken over; 0: none */
  const char *dashboard_url;    /* for the log and the view; NULL: none */
  const char *token;            /* NULL: none */
};

/* The run that this one goes on from: each file gets an event that names the other. */
struct lh_run_resumed {
  const char *file, *id; /* run file, no longer in progress */
  uint64_t length_ns;   /* how much it holds */
  uint64_t held_ns;     /* how much of the plan it and the parts before it held: where this run goes on */
  const char *sentence; /* for the timeline and the verdict of the new run */
  const uint64_t *counted; /* lh_reader_counted: where messages with a count stood; NULL: they begin anew */
  size_t counted_cells;
};

struct lh_run_args {
  const struct lh_config *config;
  const char *const *settings; /* as given with --set and the like; workers apply them again */
  uint32_t setting_count;
  uint32_t shard, shards;      /* from 1; 1/1 */
  const char *program;         /* path of this binary for fork and exec, "/proc/self/exe" */
  const char *command_line;    /* for the run file */
  const struct lh_run_resumed *resumed; /* NULL: a run of its own */
  const struct lh_facts *host;    /* for the run file: what was read before it; NULL: it reads them itself */
  const struct lh_ladder *ladder; /* for the run file; NULL: none */
  const struct lh_strings *scaled; /* how the plan was made smaller so that it fits (--fit); NULL or empty: it was not */
  const struct lh_strings *forced; /* why the plan does not fit, when it is begun all the same (--force); NULL or empty: it does */
  bool ends_settled;           /* for a probe: it ends before its time once no client is on its way, or none gets through any more */
  bool quiet;                  /* no view and no interval lines */
  bool view;                   /* live screen: stderr is a terminal */
  enum lh_color color;
  struct lh_run_live live;
};

struct lh_run_result {
  char *path;        /* run file, owned by the caller; NULL when none was made */
  bool interrupted;  /* SIGINT, SIGTERM or SIGHUP before its end: exit 130 */
};

/* Runs to the end. 0 when a complete or interrupted run file was written; negative errno with a sentence when it could not
 * start or go on (-ENOSPC and the like: the run file holds what came before). */
int lh_run(const struct lh_run_args *args, struct lh_run_result *result, struct lh_err *err);

/* The config's hooks.on_end: run once the reports are written, waited for up to hooks.timeout. What became of it is an event
 * of the run file and a log line; nothing when there is no such hook. */
struct lh_end_hook_args {
  const struct lh_config *config;
  const char *run_file, *run_id, *verdict, *headline;
  const char *report;  /* path of the first report written, or NULL */
  uint64_t length_ns;  /* of the run: where the event stands */
  int exit_code;       /* that the run will have */
};
void lh_run_end_hook(const struct lh_end_hook_args *args);

#endif
