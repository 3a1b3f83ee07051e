/* TCP sockets on their way up or down, by state, from the kernel's socket diagnostics. Established ones and TIME_WAIT are left
 * out: they are the many, and /proc counts them for nothing; so a dump costs a walk over the kernel's table
 * and copies next to nothing. */
#include "host/files.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DUMP_BYTES = 32768 };

#define STATES                                                                                                                 \
  (1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT |                \
   1u << TCP_LAST_ACK | 1u << TCP_CLOSING)

static void count(struct lh_host_sample *sample, unsigned state) {
  switch (state) {
  case TCP_SYN_SENT: sample->tcp_syn_sent++; break;
  case TCP_SYN_RECV: sample->tcp_syn_received++; break;
  case TCP_FIN_WAIT1:
  case TCP_FIN_WAIT2: sample->tcp_fin_wait++; break;
  case TCP_CLOSE_WAIT: sample->tcp_close_wait++; break;
  case TCP_LAST_ACK:
  case TCP_CLOSING: sample->tcp_closing++; break;
  default: break;
  }
}

/* The request of old: the one of today asks for one family, and so walks twice. */
static int ask(int fd) {
  struct {
    struct nlmsghdr head;
    struct inet_diag_req request;
  } message = {.head = {.nlmsg_len = sizeof message, .nlmsg_type = TCPDIAG_GETSOCK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
               .request = {.idiag_family = AF_INET, .idiag_states = STATES}};
  return send(fd, &message, sizeof message, 0) < 0 ? -errno : 0;
}

/* One datagram. 1 when it was the last of the dump, 0, or -errno. */
static int take(const struct nlmsghdr *m, size_t len, struct lh_host_sample *sample) {
  for (; NLMSG_OK(m, len); m = NLMSG_NEXT(m, len)) {
    if (m->nlmsg_type == NLMSG_DONE) return 1;
    if (m->nlmsg_type == NLMSG_ERROR) return ((const struct nlmsgerr *)NLMSG_DATA(m))->error;
    if (m->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
      count(sample, ((const struct inet_diag_msg *)NLMSG_DATA(m))->idiag_state);
  }
  return 0;
}

static int dump(int fd, struct lh_host_sample *sample) {
  _Alignas(struct nlmsghdr) char bytes[DUMP_BYTES];
  int code = ask(fd);
  while (code == 0) {
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? -errno : -EIO;
    code = take((const struct nlmsghdr *)(void *)bytes, (size_t)got, sample);
  }
  return code < 0 ? code : 0;
}

int lh_host_states_read(struct lh_host_sample *sample) {
  const struct timeval patience = {.tv_sec = 1};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return -errno;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  struct lh_host_sample counted = *sample;
  counted.tcp_syn_sent = counted.tcp_syn_received = counted.tcp_fin_wait = counted.tcp_close_wait = counted.tcp_closing = 0;
  int code = dump(fd, &counted);
  close(fd);
  counted.tcp_established -=
      counted.tcp_close_wait < counted.tcp_established ? counted.tcp_close_wait : counted.tcp_established;
  if (code == 0) *sample = counted;
  return code;
}
