/* The state of one run, shared by the files of this room. One file has each concern:
 *   supervisor.c  beginning, the timer, phases, the end
 *   crew.c        the workers: starting, what they say, their loss and replacement
 *   journal.c     the run file
 *   present.c     the view, the interval lines, the first ending of each kind
 *   hooks.c       commands of the config, on a breach and at the end
 *   mark.c        notes on the timeline, from people
 *   dashboard.c   the process that serves the page and the metrics
 *   guard.c       the server, the host and our own limits
 */
#ifndef LH_RUN_SUPERVISOR_H
#define LH_RUN_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "longhaul/run/run.h"
#include "run/child.h"
#include "run/collect.h"
#include "run/firsts.h"
#include "run/journal.h"
#include "run/massdrop.h"
#include "run/recent.h"
#include "run/timewatch.h"
#include "run/view.h"
#include "run/watch.h"

enum lh_phase_of_run {
  LH_RUN_RUNNING,
  LH_RUN_DRAINING, /* workers were told to stop */
  LH_RUN_KILLING,  /* workers were ended */
  LH_RUN_SETTLING, /* every client has left; the watched server is given time to go back to where it was */
  LH_RUN_OVER      /* no worker is left; handles are closing */
};

enum {
  LH_DEATHS_IN_ROW_MAX = 5, /* of one worker, then the run ends */
  LH_RESTART_AFTER_MS = 1000,
  LH_SETTLED_AFTER_MS = 10000, /* a worker that lived this long begins a new row of deaths */
  LH_LATE_COMMIT_MS = 2000,    /* an interval waits this long for a worker that does not report */
  LH_DRAIN_EXTRA_MS = 5000     /* beyond run.drain, before workers that do not end are killed */
};

struct lh_supervisor {
  const struct lh_run_args *args;
  uv_loop_t loop;
  uv_timer_t timer;
  uv_signal_t signals[4];
  uint32_t signal_count;
  enum lh_phase_of_run phase;
  uint64_t run_id;
  uint64_t start_ns, stop_ns; /* begin and planned end of the run */
  int64_t start_wall_us;
  uint64_t kill_ns;      /* when draining ends */
  uint64_t timer_due_ns; /* what the timer is set to */
  uint64_t awake_ns;     /* since when we run without a stop: late workers are given their time from here */
  struct lh_screen_group *held;  /* owned; [group]: as it stood when the run began to stop; NULL: it has not, or no view */
  uint64_t held_ns;              /* when that was */
  struct lh_massdrop *massdrops; /* owned; by group */
  bool *silent;          /* owned; by group: clients fell silent in the interval before */
  struct lh_buf *logins;         /* owned; by group: what its login gave (relay.h); NULL: none yet */
  uint64_t action_ns;    /* next planned disturbance, LH_NEVER: none */
  uint64_t draw_ns;      /* next redraw */
  uint32_t hooks_running;
  uint64_t marks_looked_ns; /* when the spool of marks was last looked at */
  struct lh_timewatch timewatch;
  uint32_t workers;
  struct lh_child *children; /* [worker] */
  int ledger_fd;             /* owned, worker/ledger.h; -1: no message has a count */
  struct lh_child_events child_events;
  struct lh_collect *collect;
  struct lh_recent *recent; /* NULL without view and interval lines */
  struct lh_view *view;     /* NULL off a terminal */
  struct lh_firsts firsts;  /* endings that the log has told of */
  struct lh_journal journal;
  struct lh_dashboard *dashboard; /* NULL: nobody looks on */
  struct lh_guard *guard; /* owned: what watches the server, the host and our own limits */
  uint64_t gone_ns;       /* when the last client had left; 0: not yet */
  struct lh_watch *watch; /* NULL: no objective ends the run */
  uint64_t settling_open;   /* with args->ends_settled: clients open at the last interval, and for how many after it */
  uint32_t still_intervals;
  bool interrupted, aborted;
  struct lh_err failed; /* why the run cannot go on; code 0: it can */
};

/* ---- supervisor.c ---- */
/* As it stands in the run file. */
void lh_run_id_text(uint64_t run_id, char out[17]);
/* Tells the workers to drain. Only the first call does anything. */
void lh_supervisor_stop(struct lh_supervisor *sv, const char *why);
/* Keeps the sentence (the first one only) and stops. */
void lh_supervisor_fail(struct lh_supervisor *sv, const struct lh_err *err);
/* After anything that may have changed what is due: commits what is complete, sees to the end, sets the timer. */
void lh_supervisor_settle(struct lh_supervisor *sv);

/* ---- crew.c ---- */
/* Before anything that may fail the run: stopping it goes through the workers, there or not. */
int lh_crew_open(struct lh_supervisor *sv, struct lh_err *err);
int lh_crew_start(struct lh_supervisor *sv, struct lh_err *err);
void lh_crew_stop(struct lh_supervisor *sv);
void lh_crew_kill(struct lh_supervisor *sv);
/* Starts the replacements that are due. */
void lh_crew_replace(struct lh_supervisor *sv, uint64_t now_ns);
uint64_t lh_crew_replace_due_ns(const struct lh_supervisor *sv);
uint32_t lh_crew_alive(const struct lh_supervisor *sv);
/* Whether every worker that can still report has done so up to end_ns. */
bool lh_crew_reported(const struct lh_supervisor *sv, uint64_t end_ns);
/* An interval is stored without waiting for those that have not reported up to end_ns: says so, once for each silence. */
void lh_crew_note_silent(struct lh_supervisor *sv, uint64_t end_ns);
void lh_crew_free(struct lh_supervisor *sv);

/* ---- mark.c ---- */
/* Puts a note on the timeline: it stands in the run file with the next commit. Control characters become spaces, and what is
 * longer than LH_MARK_TEXT_MAX bytes is cut (longhaul/run/mark.h): callers refuse it before. at_wall_us: when, of this host's clock; 0: now. */
void lh_supervisor_mark(struct lh_supervisor *sv, const char *text, int64_t at_wall_us);
/* Takes what stands in the spool, at most once a second. */
void lh_marks_look(struct lh_supervisor *sv, uint64_t now_ns);
void lh_marks_close(struct lh_supervisor *sv); /* takes the last ones and removes the spool */
/* ---- guard.c ---- */
int lh_guard_open(struct lh_supervisor *sv, struct lh_err *err);
/* At the end of each interval: looks at the server, and warns of limits that fill up. */
void lh_guard_interval(struct lh_supervisor *sv, const struct lh_interval *interval);
/* Begins to wait for the server to settle; false: there is nothing to wait for. */
bool lh_guard_settle(struct lh_supervisor *sv, uint64_t now_ns);
/* While it settles: when to call lh_guard_tick next, LH_NEVER when it is over. */
uint64_t lh_guard_due_ns(const struct lh_supervisor *sv);
void lh_guard_tick(struct lh_supervisor *sv, uint64_t now_ns);
void lh_guard_stop_settling(struct lh_supervisor *sv);
/* The latest warning for the view, "" when there is none. */
const char *lh_guard_warning(const struct lh_supervisor *sv);
/* Gives its handles back; the loop turns on until they are closed. */
void lh_guard_close(struct lh_supervisor *sv);
void lh_guard_free(struct lh_supervisor *sv);

/* ---- present.c ---- */
void lh_present_open(struct lh_supervisor *sv);
/* The run begins to stop: what it held then is what the line of that interval and the ended view show. */
void lh_present_hold(struct lh_supervisor *sv);
void lh_present_draw(struct lh_supervisor *sv, uint64_t now_ns);
/* The line for logs, at the end of an interval. */
void lh_present_line(struct lh_supervisor *sv, uint64_t end_ns);
/* Where there is no view, a line for the first ending of each kind; groups: what a report added. */
void lh_present_firsts(struct lh_supervisor *sv, const struct lh_snapshot *groups);
void lh_present_close(struct lh_supervisor *sv);

#endif
