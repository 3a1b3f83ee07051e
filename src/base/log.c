#include "longhaul/base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static lh_log_sink *log_sink;
static void *log_context;
static enum lh_log_level log_level = LH_LOG_INFO;

void lh_log_redirect(lh_log_sink *sink, void *context) {
  log_sink = sink;
  log_context = context;
}

void lh_log_set_level(enum lh_log_level most_detailed) {
  log_level = most_detailed;
}

const char *lh_log_level_name(enum lh_log_level level) {
  static const char *const names[] = {"error", "warning", "info", "debug"};
  return (unsigned)level < sizeof names / sizeof *names ? names[level] : "?";
}

void lh_log(enum lh_log_level level, const char *format, ...) {
  if (level > log_level) return;
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (log_sink) {
    log_sink(log_context, level, text);
    return;
  }
  struct tm tm;
  time_t now = time(NULL);
  gmtime_r(&now, &tm); /* as in the reports, which may be read next to it in another zone */
  /* One write for each line, so that lines of several processes do not mix. */
  char line[2100];
  int len = snprintf(line, sizeof line, "%02d:%02d:%02dZ %s %s\n", tm.tm_hour, tm.tm_min, tm.tm_sec, lh_log_level_name(level),
                     text);
  if (len > (int)sizeof line - 1) len = (int)sizeof line - 1;
  ssize_t written = write(STDERR_FILENO, line, (size_t)len);
  (void)written; /* nobody is left to tell */
}
