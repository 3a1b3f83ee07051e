/* Moments of a run as people write them.
 *
 *   2h10m                    since the start of the run
 *   02:10, 02:10:30          the clock, in UTC as in every report: the first time it shows that from the start on
 *   2026-11-22T20:03:28Z     the clock with its date, also with fractions of a second
 */
#ifndef LH_CLI_MOMENT_H
#define LH_CLI_MOMENT_H

#include <stdint.h>

#include "longhaul/base/err.h"

#define LH_MOMENT_FORMS "a time since the start of the run (2h10m), or the clock in UTC (02:10, 2026-11-22T20:03:28Z)"

/* The wall clock at that moment of a run that began at start_wall_us. -EINVAL: none of the above, with a sentence that begins with
 * `option` (such as "--from"). */
int lh_cli_moment(const char *option, const char *text, int64_t start_wall_us, int64_t *wall_us, struct lh_err *err);

#endif
