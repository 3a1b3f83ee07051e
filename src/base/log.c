#include "longhaul/base/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "longhaul/base/buf.h"

enum { LINE_BYTES_MAX = 64 << 10, INDENT = 2 };

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

/* One write for each line, so that lines of several processes do not mix. */
static void put(const char *bytes, size_t len) {
  ssize_t written = write(STDERR_FILENO, bytes, len);
  (void)written; /* nobody is left to tell */
}

static void put_line(const char *text, bool may_break) {
  struct lh_buf line = LH_BUF_INIT(LINE_BYTES_MAX);
  bool breaks = may_break && strlen(text) > LH_WORDS_COLUMNS && !strchr(text, '\n') && isatty(STDERR_FILENO);
  int code = breaks ? lh_buf_addwords(&line, text, 0, INDENT) : lh_buf_addf(&line, "%s\n", text);
  if (code == 0)
    put(line.data, line.len);
  else /* no memory */
    put(text, strlen(text));
  lh_buf_free(&line);
}

void lh_log_sentence(const char *text) {
  put_line(text, true);
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
  char line[2100];
  snprintf(line, sizeof line, "%02d:%02d:%02dZ %s %s", tm.tm_hour, tm.tm_min, tm.tm_sec, lh_log_level_name(level), text);
  put_line(line, level <= LH_LOG_WARNING); /* the others name files and commands, to be copied */
}
