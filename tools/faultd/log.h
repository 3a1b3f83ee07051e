/* The log: one JSON line for each connection, written when it ends; fields in README.md.
 *
 * Lines gather in memory and leave in whole lines with one write to a file opened for appending, so that several processes
 * share one file.
 */
#ifndef FAULTD_LOG_H
#define FAULTD_LOG_H

#include <stdbool.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"

struct conn;

struct log {
  int fd; /* -1: no log */
  struct lh_buf lines;
};

int log_open(struct log *log, const char *path, struct lh_err *err);
void log_conn(struct log *log, const struct conn *conn, unsigned process);
/* Writes what gathered. 0, or -errno with a line on stderr. */
int log_flush(struct log *log);
void log_close(struct log *log);

#endif
