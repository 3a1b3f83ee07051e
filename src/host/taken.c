/* Ports of the ephemeral range that a path cannot have, from /proc/net/tcp and tcp6.
 *
 * connect() takes a port that no listener holds and that is not in use towards the same destination from the same source. A
 * connection in TIME_WAIT frees its port after a second when the kernel may use it again: with tcp_tw_reuse 1, and with 2 (the
 * default) over loopback.
 *
 * A name is not looked up here: a path to one counts every connection to its port, whatever the address. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/files.h"
#include "longhaul/host/ladder.h"

enum { STATE_TIME_WAIT = 6, STATE_LISTEN = 10, PORTS = 65536, PATH_ROOM = 4096 };

/* An IPv4 address stands as its IPv6 mapping, so that both files compare alike. */
struct address {
  uint8_t bytes[16];
};

struct socket_row {
  struct address local, remote;
  unsigned local_port, remote_port, state;
};

/* ---- reading ---- */
static bool parse_address(const char *text, struct address *out) {
  struct in_addr v4;
  if (text && strcmp(text, "localhost") == 0) text = "127.0.0.1";
  if (text && inet_pton(AF_INET, text, &v4) == 1) {
    memset(out, 0, sizeof *out);
    out->bytes[10] = out->bytes[11] = 0xff;
    memcpy(out->bytes + 12, &v4, 4);
    return true;
  }
  return text && inet_pton(AF_INET6, text, out->bytes) == 1;
}

/* The files print each 32 bits of an address as the host reads them. */
static bool parse_hex(const char *hex, size_t len, struct address *out) {
  bool v4 = len == 8;
  if (!v4 && len != 32) return false;
  memset(out, 0, sizeof *out);
  if (v4) out->bytes[10] = out->bytes[11] = 0xff;
  for (size_t word = 0; word < len / 8; word++) {
    uint32_t value;
    char digits[9] = "";
    memcpy(digits, hex + word * 8, 8);
    if (sscanf(digits, "%x", &value) != 1) return false;
    memcpy(out->bytes + (v4 ? 12 : word * 4), &value, 4);
  }
  return true;
}

static bool parse_row(const char *line, struct socket_row *row) {
  char local[40], remote[40];
  int got =
      sscanf(line, " %*u: %39[0-9A-F]:%x %39[0-9A-F]:%x %x", local, &row->local_port, remote, &row->remote_port, &row->state);
  return got == 5 && row->local_port < PORTS && parse_hex(local, strlen(local), &row->local) &&
         parse_hex(remote, strlen(remote), &row->remote);
}

/* ---- judging ---- */
struct count {
  struct lh_needs *needs;
  uint32_t first, last;
  uint64_t reuse; /* tcp_tw_reuse */
  uint8_t *held;  /* PORTS bits of each path */
};

static void hold(struct count *c, size_t path, unsigned port) {
  uint8_t *byte = &c->held[path * (PORTS / 8) + port / 8], bit = (uint8_t)(1u << port % 8);
  if (*byte & bit) return;
  *byte |= bit;
  c->needs->paths[path].taken++;
}

static bool is_of_path(const struct lh_needs_path *path, const struct socket_row *row) {
  struct address address;
  if (path->host == NULL || row->remote_port != path->port) return false;
  if (parse_address(path->host, &address) && memcmp(&address, &row->remote, sizeof address) != 0) return false;
  return !parse_address(path->source, &address) || memcmp(&address, &row->local, sizeof address) == 0;
}

static void judge_row(struct count *c, const struct socket_row *row) {
  if (row->local_port < c->first || row->local_port > c->last) return;
  for (size_t i = 0; i < c->needs->path_count; i++) {
    const struct lh_needs_path *path = &c->needs->paths[i];
    bool used_again = row->state == STATE_TIME_WAIT && (c->reuse == 1 || (c->reuse == 2 && path->local));
    if (row->state == STATE_LISTEN || (!used_again && is_of_path(path, row))) hold(c, i, row->local_port);
  }
}

/* Line by line: the file holds 150 B for each socket of the host, and may be read where memory is what is short. */
static int count_file(struct count *c, const char *root, const char *path) {
  char full[PATH_ROOM], line[512];
  int len = snprintf(full, sizeof full, "%s%s", root, path);
  if (len < 0 || (size_t)len >= sizeof full) return -ENAMETOOLONG;
  FILE *file = fopen(full, "re");
  if (!file) return -errno;
  while (fgets(line, sizeof line, file)) {
    struct socket_row row;
    if (parse_row(line, &row)) judge_row(c, &row);
  }
  int code = ferror(file) ? -EIO : 0;
  fclose(file);
  return code;
}

int lh_needs_count_taken(struct lh_needs *needs, const char *root, const struct lh_facts *facts, struct lh_err *err) {
  struct count c = {.needs = needs};
  if (!lh_host_ports_at(root, &c.first, &c.last) || needs->path_count == 0) return 0; /* the range is a gap of its own */
  if (lh_facts_number(facts, "net.ipv4.tcp_tw_reuse", 0, &c.reuse) < 0) c.reuse = 0;
  c.held = calloc(needs->path_count, PORTS / 8);
  if (!c.held) return lh_err_set(err, ENOMEM, "no memory to count the ports in use");
  int code = count_file(&c, root, "/proc/net/tcp");
  if (code < 0) lh_err_set(err, code, "the ports in use cannot be counted: /proc/net/tcp: %s", strerror(-code));
  int second = code == 0 ? count_file(&c, root, "/proc/net/tcp6") : 0;
  if (second < 0 && second != -ENOENT) /* no IPv6 */
    code = lh_err_set(err, second, "the ports in use cannot be counted: /proc/net/tcp6: %s", strerror(-second));
  for (size_t i = 0; code < 0 && i < needs->path_count; i++) needs->paths[i].taken = 0;
  free(c.held);
  return code;
}
