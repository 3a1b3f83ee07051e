/* One process of the server: its listeners, connections, loop and log.
 *
 * Glossary
 *   totals   what the summary line says; one struct for each process, in memory that the parent shares
 */
#ifndef FAULTD_SERVER_H
#define FAULTD_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "conn.h"
#include "log.h"
#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"
#include "loop.h"
#include "options.h"
#include "pulse.h"
#include "script.h"

/* X(name) */
#define TOTAL_LIST(X)                                                                                                          \
  X(connections)                                                                                                               \
  X(upgraded)                                                                                                                  \
  X(requests)                                                                                                                  \
  X(ended_by_us) X(ended_by_peer) X(alive) X(messages_in) X(messages_out) X(bytes_in) X(bytes_out) X(accept_failures)

struct totals {
#define X(name) uint64_t name;
  TOTAL_LIST(X)
#undef X
  uint64_t lag_us_max; /* of the loop; the one that is no sum */
};

struct listener {
  int fd;            /* -1 while it is closed by a rule */
  char address[128]; /* as asked for, without the port */
  uint16_t port;     /* as bound */
};

enum { LISTENERS_MAX = 16, READ_BYTES = 256 << 10 };

struct server {
  const struct options *options;
  const struct script *script;
  struct loop loop;
  struct log log;
  struct pulse pulse;
  struct listener listeners[LISTENERS_MAX];
  unsigned listener_count;
  bool accepting;
  bool stopping;
  int signals;  /* signalfd */
  SSL_CTX *tls; /* NULL: plain */
  uint64_t start_ns;
  uint32_t process, processes;
  uint64_t accepted;   /* connections of this process so far */
  struct conn **conns; /* by descriptor */
  size_t conn_room;
  uint32_t generation; /* of the connection made last */
  struct totals *totals;
  struct lh_buf cork; /* bytes on their way to cork_conn: one write for each batch of reads */
  struct conn *cork_conn;
  uint8_t read[READ_BYTES];
};

static inline uint64_t server_elapsed_ns(const struct server *server) {
  return server->loop.now_ns - server->start_ns;
}
/* Rules of `mask` that are in force now. */
uint64_t server_in_force(const struct server *server, uint64_t mask);

/* Opens one listening socket (port 0: any) that other processes may open too when `shared`. */
int server_listen(struct listener *listener, int backlog, bool shared, struct lh_err *err);
/* Begins or stops taking connections from the backlog. */
void server_accept(struct server *server, bool accepting);
/* Closes the listening sockets, or opens them again at the same ports. */
void server_set_listening(struct server *server, bool listening);
/* Serves until SIGTERM, SIGINT or the end of --for; then writes every live connection to the log. */
int server_run(struct server *server, struct lh_err *err);

#endif
