/* Ports of the ephemeral range that a path cannot have, from /proc/net/tcp and tcp6.
 *
 * connect() takes a port that no listener holds and that is not in use towards the same destination from the same source. A
 * connection in TIME_WAIT frees its port after a second when the kernel may use it again: with tcp_tw_reuse 1, and with 2 (the
 * default) over loopback, and only where both ends sent timestamps. Else it holds the port for a minute.
 *
 * A name is not looked up here: a path to one counts every connection to its port, whatever the address. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "host/files.h"
#include "host/rows.h"
#include "longhaul/host/ladder.h"

enum { MAP_BYTES = 65536 / 8 };

struct count {
  struct lh_needs *needs;
  uint32_t first, last;
  uint64_t reuse;  /* tcp_tw_reuse; 0 without timestamps */
  uint8_t *held;   /* MAP_BYTES of each path: ports that sockets hold */
  uint8_t *passed; /* likewise: that only a TIME_WAIT holds */
};

static bool is_of_path(const struct lh_needs_path *path, const struct lh_socket_row *row) {
  struct lh_ip address;
  if (path->host == NULL || row->remote_port != path->port) return false;
  if (lh_row_address(path->host, &address) && memcmp(&address, &row->remote, sizeof address) != 0) return false;
  return !lh_row_address(path->source, &address) || memcmp(&address, &row->local, sizeof address) == 0;
}

/* A port that a TIME_WAIT holds as well as a socket is the socket's: raising tcp_tw_reuse would not free it. */
static void hold(struct count *c, size_t path, unsigned port, bool time_wait) {
  uint8_t *held = &c->held[path * MAP_BYTES + port / 8], *passed = &c->passed[path * MAP_BYTES + port / 8];
  uint8_t bit = (uint8_t)(1u << port % 8);
  struct lh_needs_path *of = &c->needs->paths[path];
  if ((*held & bit) || (time_wait && (*passed & bit))) return;
  if (time_wait) {
    *passed |= bit;
    of->time_wait++;
    return;
  }
  *held |= bit;
  of->taken++;
  if (*passed & bit) of->time_wait--;
}

static bool judge_row(void *context, const struct lh_socket_row *row) {
  struct count *c = context;
  if (row->local_port < c->first || row->local_port > c->last) return true;
  for (size_t i = 0; i < c->needs->path_count; i++) {
    const struct lh_needs_path *path = &c->needs->paths[i];
    bool time_wait = row->state == TCP_TIME_WAIT, used_again = time_wait && (c->reuse == 1 || (c->reuse == 2 && path->local));
    if (row->state == TCP_LISTEN || (!used_again && is_of_path(path, row))) hold(c, i, row->local_port, time_wait);
  }
  return true;
}

static void forget(struct lh_needs *needs) {
  for (size_t i = 0; i < needs->path_count; i++) needs->paths[i].taken = needs->paths[i].time_wait = 0;
}

int lh_needs_count_taken(struct lh_needs *needs, const char *root, const struct lh_facts *facts, struct lh_err *err) {
  struct count c = {.needs = needs};
  struct lh_err why = {0};
  uint64_t timestamps;
  if (!lh_host_ports_at(root, &c.first, &c.last) || needs->path_count == 0) return 0; /* the range is a gap of its own */
  if (lh_facts_number(facts, "net.ipv4.tcp_tw_reuse", 0, &c.reuse) < 0) c.reuse = 0;
  if (lh_facts_number(facts, "net.ipv4.tcp_timestamps", 0, &timestamps) == 0 && timestamps == 0) c.reuse = 0;
  c.held = calloc(needs->path_count * 2, MAP_BYTES);
  if (!c.held) return lh_err_set(err, ENOMEM, "no memory to count the ports in use");
  c.passed = c.held + needs->path_count * MAP_BYTES;
  int code = lh_socket_rows_visit(root, judge_row, &c, &why);
  if (code < 0) {
    forget(needs);
    lh_err_set(err, code, "the ports in use cannot be counted: %s", why.text);
  }
  free(c.held);
  return code;
}
