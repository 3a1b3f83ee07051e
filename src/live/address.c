#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "longhaul/base/ip.h"
#include "longhaul/live/live.h"

enum { BACKLOG = 128 };

/* Where the port begins, after the last colon; NULL when what follows is no number. */
static const char *port_of(const char *text) {
  const char *colon = strrchr(text, ':');
  if (!colon || !colon[1] || strlen(colon + 1) > 5) return NULL;
  return colon[1 + strspn(colon + 1, "0123456789")] == '\0' ? colon + 1 : NULL;
}

bool lh_live_is_address(const char *text) {
  return port_of(text) && !strchr(text, '/') && text[0] != '-';
}

int lh_live_address_parse(const char *text, struct lh_live_address *address, struct lh_err *err) {
  struct lh_live_address got = {0};
  struct lh_ip ip;
  const char *port = port_of(text);
  long number = port ? strtol(port, NULL, 10) : -1;
  if (number < 0 || number > 65535)
    return lh_err_set(err, EINVAL, "\"%s\" is no address to listen on; expected HOST:PORT, such as %s", text,
                      LH_LIVE_DASHBOARD_ADDRESS);
  size_t len = (size_t)(port - text) - 1;
  bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
  if (bracketed) {
    text++;
    len -= 2;
  }
  if (len < sizeof got.host) memcpy(got.host, text, len);
  if (len == 0 || strcmp(got.host, "localhost") == 0) snprintf(got.host, sizeof got.host, "127.0.0.1");
  if (len >= sizeof got.host || !lh_ip_parse(got.host, &ip) || (strchr(got.host, ':') && !bracketed))
    return lh_err_set(err, EINVAL, "\"%.*s\" is no address of this host; expected a number such as 127.0.0.1, 0.0.0.0 or [::1]",
                      (int)len, text);
  got.port = (uint16_t)number;
  got.loopback = lh_ip_is_loopback(&ip);
  *address = got;
  return 0;
}

static socklen_t fill(const struct lh_live_address *address, struct sockaddr_storage *out) {
  struct lh_ip ip = {{0}};
  lh_ip_parse(address->host, &ip);
  return lh_ip_socket(&ip, address->port, out);
}

static int bind_and_listen(int fd, const struct lh_live_address *address) {
  struct sockaddr_storage name;
  socklen_t len = fill(address, &name);
  int on = 1;
  /* a run that follows at once must not meet the last one's TIME_WAIT; a port that someone listens on stays taken */
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return bind(fd, (struct sockaddr *)&name, len) || listen(fd, BACKLOG) ? -errno : 0;
}

int lh_live_listen(struct lh_live_address *address, int *fd, struct lh_err *err) {
  struct sockaddr_storage name;
  socklen_t len = sizeof name;
  char url[96];
  lh_live_url(address, url, sizeof url);
  fill(address, &name);
  int made = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0) return lh_err_set(err, errno, "cannot make a socket for %s: %s", url, strerror(errno));
  int code = bind_and_listen(made, address);
  if (code == 0 && getsockname(made, (struct sockaddr *)&name, &len)) code = -errno;
  if (code < 0) {
    close(made);
    return lh_err_set(err, code, "cannot listen on %s: %s; choose another address, or port 0 for any that is free", url,
                      strerror(-code));
  }
  bool v6 = name.ss_family == AF_INET6;
  address->port = ntohs(v6 ? ((struct sockaddr_in6 *)&name)->sin6_port : ((struct sockaddr_in *)&name)->sin_port);
  *fd = made;
  return 0;
}

char *lh_live_url(const struct lh_live_address *address, char *out, size_t size) {
  bool v6 = strchr(address->host, ':');
  snprintf(out, size, "http://%s%s%s:%u/", v6 ? "[" : "", address->host, v6 ? "]" : "", address->port);
  return out;
}
