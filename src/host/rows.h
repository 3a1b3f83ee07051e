/* The rows of /proc/net/tcp and tcp6: who listens, who is connected to whom, what is in TIME_WAIT. */
#ifndef LONGHAUL_SRC_HOST_ROWS_H
#define LONGHAUL_SRC_HOST_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/base/ip.h"

struct lh_socket_row {
  struct lh_ip local, remote;
  unsigned local_port, remote_port, state; /* TCP_LISTEN ... of netinet/tcp.h */
  uint64_t inode;                          /* 0 when no process holds it any more */
};

/* False ends the visit of that file. */
typedef bool lh_socket_row_seen(void *context, const struct lh_socket_row *row);

/* Listeners first, as the kernel lists them. A missing tcp6 is a host without IPv6. 0 or -errno with a sentence. */
int lh_socket_rows_visit(const char *root, lh_socket_row_seen *seen, void *context, struct lh_err *err);

/* A numeric address, or "localhost". False for NULL and for any other name. */
bool lh_row_address(const char *text, struct lh_ip *ip);

#endif
