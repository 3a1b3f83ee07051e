#include "host/rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PORTS = 65536, PATH_ROOM = 4096 };

static const uint8_t mapping[12] = {[10] = 0xff, [11] = 0xff};

/* ---- addresses ---- */
bool lh_row_address_parse(const char *text, struct lh_row_address *out) {
  struct in_addr v4;
  if (text && strcmp(text, "localhost") == 0) text = "127.0.0.1";
  if (text && inet_pton(AF_INET, text, &v4) == 1) {
    memcpy(out->bytes, mapping, sizeof mapping);
    memcpy(out->bytes + sizeof mapping, &v4, sizeof v4);
    return true;
  }
  return text && inet_pton(AF_INET6, text, out->bytes) == 1;
}

bool lh_row_address_is_mapped(const struct lh_row_address *address) {
  return memcmp(address->bytes, mapping, sizeof mapping) == 0;
}

bool lh_row_address_is_any(const struct lh_row_address *address) {
  static const uint8_t zero[16];
  size_t from = lh_row_address_is_mapped(address) ? sizeof mapping : 0;
  return memcmp(address->bytes + from, zero + from, sizeof zero - from) == 0;
}

/* ---- reading ---- */
/* The files print each 32 bits of an address as the host reads them. */
static bool parse_hex(const char *hex, size_t len, struct lh_row_address *out) {
  bool v4 = len == 8;
  if (!v4 && len != 32) return false;
  memcpy(out->bytes, mapping, sizeof mapping);
  for (size_t word = 0; word < len / 8; word++) {
    uint32_t value;
    char digits[9] = "";
    memcpy(digits, hex + word * 8, 8);
    if (sscanf(digits, "%x", &value) != 1) return false;
    memcpy(out->bytes + (v4 ? sizeof mapping : word * 4), &value, 4);
  }
  return true;
}

static bool parse_row(const char *line, struct lh_socket_row *row) {
  char local[40], remote[40];
  row->inode = 0;
  int got = sscanf(line, " %*u: %39[0-9A-F]:%x %39[0-9A-F]:%x %x %*x:%*x %*x:%*x %*x %*u %*u %" SCNu64, local, &row->local_port,
                   remote, &row->remote_port, &row->state, &row->inode);
  return got >= 5 && row->local_port < PORTS && parse_hex(local, strlen(local), &row->local) &&
         parse_hex(remote, strlen(remote), &row->remote);
}

/* Line by line: the file holds 150 B for each socket of the host, and may be read where memory is what is short. */
static int visit_file(const char *root, const char *path, lh_socket_row_seen *seen, void *context) {
  char full[PATH_ROOM], line[512];
  int len = snprintf(full, sizeof full, "%s%s", root, path);
  if (len < 0 || (size_t)len >= sizeof full) return -ENAMETOOLONG;
  FILE *file = fopen(full, "re");
  if (!file) return -errno;
  while (fgets(line, sizeof line, file)) {
    struct lh_socket_row row;
    if (parse_row(line, &row) && !seen(context, &row)) break;
  }
  int code = ferror(file) ? -EIO : 0;
  fclose(file);
  return code;
}

int lh_socket_rows_visit(const char *root, lh_socket_row_seen *seen, void *context, struct lh_err *err) {
  static const char *const files[] = {"/proc/net/tcp", "/proc/net/tcp6"};
  for (int i = 0; i < 2; i++) {
    int code = visit_file(root, files[i], seen, context);
    if (code == -ENOENT && i == 1) continue; /* no IPv6 */
    if (code < 0) return lh_err_set(err, code, "%s cannot be read: %s", files[i], strerror(-code));
  }
  return 0;
}
