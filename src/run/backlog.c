#include "run/backlog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 5000, SPARE = 64 };

static int open_listener(struct sockaddr_in *here) {
  socklen_t len = sizeof *here;
  *here = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind(fd, (struct sockaddr *)here, sizeof *here) == 0 && listen(fd, 65535) == 0 &&
      getsockname(fd, (struct sockaddr *)here, &len) == 0)
    return fd;
  close(fd);
  return -1;
}

static int dial(const struct sockaddr_in *to) {
  const struct linger reset = {.l_onoff = 1}; /* nothing is left in TIME_WAIT */
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

static int is_up(int fd) {
  struct tcp_info info;
  socklen_t len = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_ESTABLISHED;
}

uint64_t lh_backlog_fill(uint64_t predicted, uint64_t descriptors) {
  uint64_t tries = predicted + predicted / 20 + 20, up = 0, made = 0;
  struct sockaddr_in here;
  if (predicted == 0 || tries > MOST || tries + SPARE > descriptors) return 0;
  int *fds = malloc(tries * sizeof *fds), listener = fds ? open_listener(&here) : -1;
  while (listener >= 0 && made < tries && (fds[made] = dial(&here)) >= 0) made++;
  const struct timespec wait = {.tv_nsec = 300000000};
  if (made == tries) nanosleep(&wait, NULL);
  for (uint64_t i = 0; i < made; i++) {
    up += is_up(fds[i]) ? 1 : 0;
    close(fds[i]);
  }
  if (listener >= 0) close(listener);
  free(fds);
  return made == tries ? up : 0;
}
