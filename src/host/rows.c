#include "host/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { PORTS = 65536, PATH_ROOM = 4096, READ_BYTES = 65536 };

bool lh_row_address(const char *text, struct lh_ip *ip) {
  return text && lh_ip_parse(strcmp(text, "localhost") == 0 ? "127.0.0.1" : text, ip);
}

/* ---- reading ---- */
/* The files print each 32 bits of an address as the host reads them. */
static bool parse_hex(const char *hex, struct lh_ip *out) {
  uint32_t words[4];
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  size_t len = strlen(hex), count = len / 8;
  if (len != 8 && len != 32) return false;
  for (size_t i = 0; i < count; i++)
    if (sscanf(hex + i * 8, "%8x", &words[i]) != 1) return false;
  memcpy(&v4.sin_addr, words, sizeof v4.sin_addr);
  if (count == 4) memcpy(&v6.sin6_addr, words, sizeof v6.sin6_addr);
  return lh_ip_of(count == 1 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6, out);
}

static bool parse_row(const char *line, struct lh_socket_row *row) {
  char local[40], remote[40];
  row->inode = 0;
  int got = sscanf(line, " %*u: %39[0-9A-F]:%x %39[0-9A-F]:%x %x %*x:%*x %*x:%*x %*x %*u %*u %" SCNu64, local, &row->local_port,
                   remote, &row->remote_port, &row->state, &row->inode);
  return got >= 5 && row->local_port < PORTS && parse_hex(local, &row->local) && parse_hex(remote, &row->remote);
}

/* Line by line: the file holds 150 B for each socket of the host, and may be read where memory is what is short. */
static int visit_file(const char *root, const char *path, lh_socket_row_seen *seen, void *context) {
  char full[PATH_ROOM], line[512];
  int len = snprintf(full, sizeof full, "%s%s", root, path);
  if (len < 0 || (size_t)len >= sizeof full) return -ENAMETOOLONG;
  FILE *file = fopen(full, "re");
  if (!file) return -errno;
  setvbuf(file, NULL, _IOFBF, READ_BYTES); /* what stdio takes by itself is seven rows */
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
