/* Mass drops as they happen: what is put on the timeline while the run goes on. The report finds them again, and better, from
 * the rows of the endings (src/analysis/storms.c); this here must tell within seconds and keep nothing.
 *
 * Drops are counted in tenths of a second. As soon as the tenths of one second hold enough of them a mass drop is on; it is
 * over when a second passes without a drop, or after a minute, so that a server that loses clients without end is told of.
 */
#ifndef LH_RUN_MASSDROP_H
#define LH_RUN_MASSDROP_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/ending.h"

enum { LH_MASSDROP_TENTHS = 10, LH_MASSDROP_TEXT_MAX = 256 };

/* One group's. All zero but `enough` at its start. */
struct lh_massdrop {
  uint64_t enough; /* drops within a second that are a mass drop: lh_plan_mass_drop */
  uint64_t tenth;  /* number of the latest tenth of a second with a drop */
  uint32_t tenths[LH_MASSDROP_TENTHS]; /* drops of the last ones, by number modulo their count */
  bool on;
  uint64_t from_ns, until_ns, drops; /* of the one that is on */
  uint64_t reasons[LH_REASON_COUNT];
  int32_t codes[LH_REASON_COUNT]; /* the latest of each reason */
};

/* Takes a drop; endings come nearly in order of time: one that lies more than a second back counts as now. */
void lh_massdrop_add(struct lh_massdrop *m, const struct lh_ending *drop, uint64_t count);
/* Whether one is over at now_ns, or at any time when `flush` is set: then `text` says what it was ("412 drops within
 * 0.8s, mostly peer: close frame 1012") and *from_ns when it began. */
bool lh_massdrop_over(struct lh_massdrop *m, uint64_t now_ns, bool flush, char text[LH_MASSDROP_TEXT_MAX], uint64_t *from_ns);

#endif
