/* The course of one group, step by step: by ticks where they are known, else by intervals. */
#ifndef LONGHAUL_SRC_ANALYSIS_STEPS_H
#define LONGHAUL_SRC_ANALYSIS_STEPS_H

#include "longhaul/analysis/analysis.h"

struct lh_step {
  uint64_t from_ns, end_ns;
  uint64_t wanted, open, queued; /* at its end; wanted at the end of its interval */
  uint64_t attempts, opened, failed, drops, retry_afters;
};

struct lh_steps {
  const struct lh_series *series;
  uint64_t step_ns;
  size_t at, count; /* number of the next step */
  size_t row;       /* the next of series->seconds */
  uint64_t open;    /* as of the step before */
  uint64_t queued;
};

/* Begins at the step that holds from_ns, at most the last one. `open` is then what was open before it. */
struct lh_steps lh_steps_from(const struct lh_series *series, uint64_t from_ns);
bool lh_steps_next(struct lh_steps *steps, struct lh_step *step);

#endif
