/* Log lines on stderr. Pure rooms do not log; they report through struct lh_err.
 *
 * One line: "HH:MM:SSZ level text" (UTC, as in reports). The lines of one process never interleave within a line.
 */
#ifndef LONGHAUL_BASE_LOG_H
#define LONGHAUL_BASE_LOG_H

#include <stdarg.h>

enum lh_log_level { LH_LOG_ERROR, LH_LOG_WARNING, LH_LOG_INFO, LH_LOG_DEBUG };

/* Takes the place of stderr (the live view shows lines above itself, a worker sends them to its supervisor).
 * NULL puts stderr back. */
typedef void lh_log_sink(void *context, enum lh_log_level level, const char *line);
void lh_log_redirect(lh_log_sink *sink, void *context);

void lh_log_set_level(enum lh_log_level most_detailed);
void lh_log(enum lh_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* To stderr, without time and level: a line as it is, for grep and for editors that follow FILE:LINE:COLUMN, but on a terminal broken
 * between words at 80 columns, as warnings and errors of the log are. */
void lh_log_sentence(const char *text);
const char *lh_log_level_name(enum lh_log_level level);

#endif
