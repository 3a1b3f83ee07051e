/* The command line. */
#ifndef FAULTD_OPTIONS_H
#define FAULTD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "script.h"

enum { LISTEN_ADDRESSES_MAX = 16, PROCESSES_MAX = 256 };

struct options {
  const char *listen[LISTEN_ADDRESSES_MAX]; /* ADDR:PORT, borrowed from argv */
  unsigned listen_count;
  unsigned processes;
  const char *log;   /* file, or NULL */
  const char *pulse; /* file, or NULL */
  uint64_t for_ns;   /* 0: until SIGTERM */
  int backlog;
  uint64_t message_max; /* bytes of one message; a larger one is answered with close 1009 */
  bool with_parent;
  bool tls;
  const char *tls_cert, *tls_key; /* PEM files, or NULL: made at the start */
  const char *tls_make;           /* what kind of certificate to make: see tls.h */
  const char *tls_ca;             /* file to write the made CA to, or NULL */
  const char *tls_client_ca;      /* CA of client certificates, which are then required; or NULL */
};

/* Fills options and script. Returns 0, 1 when help was printed and there is nothing to do, or a negative errno. */
int options_parse(struct options *options, struct script *script, int argc, char **argv, struct lh_err *err);

#endif
