/* Marks: notes that people put on the timeline of a run ("deployed v2").
 *
 * Glossary
 *   spool   RUNFILE.marks, a folder beside the run file. Who marks a run in progress puts a file there and waits until the
 *           supervisor, the one writer of the run file, has taken it away: a folder works on every file system, wherever the
 *           store is, and survives a supervisor that looks late. The supervisor looks once a second and removes it at the end.
 *
 * A mark's file is made under another name and renamed to TIME-PID.mark; it holds the microseconds since 1970 UTC at which the
 * mark stands, a line end, and the text.
 */
#ifndef LONGHAUL_RUN_MARK_H
#define LONGHAUL_RUN_MARK_H

#include <stdint.h>

#include "longhaul/base/err.h"

enum { LH_MARK_TEXT_MAX = 1024, LH_MARK_WAIT_MS = 5000 };

/* Puts the mark into the spool of a run in progress and waits until it was taken. -ETIMEDOUT when nobody took it in
 * LH_MARK_WAIT_MS (it is then taken back): the run is not in progress. */
int lh_mark_send(const char *run_file, int64_t at_wall_us, const char *text, struct lh_err *err);

#endif
