/* What connections take at the targets' own processes: descriptors, counted by a process of our own while they are open.
 *
 * Glossary
 *   footprint  for each server of the needs: what its processes have open more, at the most, than they had at the beginning
 */
#ifndef LH_RUN_FOOTPRINT_H
#define LH_RUN_FOOTPRINT_H

#include <stdint.h>
#include <sys/types.h>

#include "longhaul/base/err.h"
#include "longhaul/host/ladder.h"

enum { LH_FOOTPRINTS_MAX = 16 }; /* servers beyond these are not counted */

struct lh_footprint {
  const struct lh_needs *needs; /* borrowed until the end */
  pid_t pid;                    /* of the process that counts; 0: none */
  uint64_t before[LH_FOOTPRINTS_MAX];
  uint64_t *most; /* by server, shared with it; owned */
};

/* Counts from now on, several times a second. 0 or -errno with a sentence. */
int lh_footprint_begin(struct lh_footprint *footprint, const struct lh_needs *needs, struct lh_err *err);
/* Ends that, and tells each server what one of so many of its connections takes (`clients` of each are open): measured, each.
 * Nothing is told when `opened` is false. */
void lh_footprint_end(struct lh_footprint *footprint, bool opened, struct lh_needs *needs);

#endif
