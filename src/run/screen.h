/* The live screen as text: facts and a size in, lines out. Pure.
 *
 * Every line fits the columns, all lines fit the rows less one. What does not fit is left out from the least important
 * on: columns of the group table, then endings, then groups (the screen says how many).
 */
#ifndef LH_RUN_SCREEN_H
#define LH_RUN_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/buf.h"
#include "run/recent.h"

struct lh_screen_group {
  const char *name;
  uint64_t open, wanted, connecting, waiting, drops, reconnects;
  struct lh_recent_group recent;
};

struct lh_screen_ending {
  const char *when; /* "20:03:28" */
  const char *group;
  struct lh_tally tally;
};

struct lh_screen_facts {
  const char *name, *phase; /* phase: "starting", "running", "draining" */
  uint64_t elapsed_ns, duration_ns;
  const struct lh_screen_group *groups;
  uint32_t group_count;
  const struct lh_screen_ending *endings; /* latest first */
  uint32_t ending_count;
  const char *warning; /* the latest one of a limit that fills up; "" or NULL: none */
  uint32_t workers, workers_alive;
  struct lh_recent_health health;
  double host_cpu_percent; /* of all cores; negative: not known */
};

struct lh_screen_size {
  uint32_t columns, rows;
  bool color;
};

/* Lines end in '\n'. cells, when not NULL, receives the width of each line; it has room for `rows` of them.
 * Returns the number of lines, or -ENOMEM. */
int lh_screen_render(const struct lh_screen_facts *facts, struct lh_screen_size size, struct lh_buf *out, uint32_t *cells);

/* One line for logs: the whole run. */
int lh_screen_line(const struct lh_screen_facts *facts, struct lh_buf *out);

/* "peer: close frame 1012 'restart' (open)"; bytes that a terminal would act on become '?'. */
int lh_screen_ending_words(const struct lh_tally *tally, struct lh_buf *out);

#endif
