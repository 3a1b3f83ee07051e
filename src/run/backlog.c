#include "run/backlog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 5000, SPARE = 64 };

/* What waits for data is no connection yet: the kernel keeps it among the handshakes in progress. */
static bool defer(int fd, enum lh_backlog which) {
  const int seconds = 30;
  return which == LH_BACKLOG_ACCEPTS || setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds) == 0;
}

static int open_listener(enum lh_backlog which, struct sockaddr_in *here) {
  socklen_t len = sizeof *here;
  *here = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind(fd, (struct sockaddr *)here, sizeof *here) == 0 && defer(fd, which) && listen(fd, 65535) == 0 &&
      getsockname(fd, (struct sockaddr *)here, &len) == 0)
    return fd;
  close(fd);
  return -1;
}

/* Any address of 127.0.0.0/8: of one that connections came from before, the kernel takes more handshakes. */
static struct sockaddr_in new_peer(void) {
  uint32_t bits = 0;
  if (getrandom(&bits, sizeof bits, 0) < 0) bits = (uint32_t)getpid();
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(UINT32_C(127) << 24 | (bits & 0x7f7f7f) | 0x020202)}};
}

static int dial(const struct sockaddr_in *from, const struct sockaddr_in *to) {
  const int later = 1;
  const struct linger reset = {.l_onoff = 1}; /* nothing is left in TIME_WAIT */
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later);
  bind(fd, (const struct sockaddr *)from, sizeof *from); /* else from where the kernel likes */
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

static int is_up(int fd) {
  struct tcp_info info;
  socklen_t len = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_ESTABLISHED;
}

uint64_t lh_backlog_fill(enum lh_backlog which, uint64_t predicted, uint64_t descriptors) {
  uint64_t tries = predicted + predicted / 20 + 20, up = 0, made = 0;
  const struct sockaddr_in from = new_peer();
  struct sockaddr_in here;
  if (predicted == 0 || tries > MOST || tries + SPARE > descriptors) return 0;
  int *fds = malloc(tries * sizeof *fds), listener = fds ? open_listener(which, &here) : -1;
  while (listener >= 0 && made < tries && (fds[made] = dial(&from, &here)) >= 0) made++;
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
