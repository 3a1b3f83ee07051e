/* The floor of kind http: the least that paced requests on kept connections can cost. Plain sockets, one epoll set, no HTTP
 * parser: a response is over after as many bytes as the first one had. Prints JSON.
 *
 * Usage: floor_http ADDRESS PORT PATH CLIENTS RATE TIME_MS */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, READ_BYTES = 64 << 10 };

static const uint64_t ns_per_s = 1000000000;

struct floor_http {
  int epoll, *fds;
  uint32_t *left; /* bytes to come of each client's response */
  uint32_t clients, response_bytes;
  char request[512];
  size_t request_len;
  uint64_t sent, answered, skipped;
};

static _Noreturn void give_up(const char *what) {
  fprintf(stderr, "floor_http: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t time_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * ns_per_s + (uint64_t)t.tv_nsec;
}

static void send_request(struct floor_http *f, uint32_t client) {
  if (f->left[client]) { /* the one before is not answered yet */
    f->skipped++;
    return;
  }
  if (send(f->fds[client], f->request, f->request_len, MSG_NOSIGNAL) != (ssize_t)f->request_len) give_up("send");
  f->left[client] = f->response_bytes;
  f->sent++;
}

static void open_all(struct floor_http *f, const struct sockaddr_in *server) {
  for (uint32_t i = 0; i < f->clients; i++) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    if (fd < 0) give_up("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)server, sizeof *server)) give_up("connect");
    if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event)) give_up("epoll_ctl");
    f->fds[i] = fd;
  }
}

/* One request, read until nothing more comes for a tenth of a second. */
static void learn_length(struct floor_http *f) {
  char bytes[READ_BYTES];
  struct timeval patience = {.tv_usec = 100000};
  setsockopt(f->fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  send_request(f, 0);
  for (ssize_t got; (got = recv(f->fds[0], bytes, sizeof bytes, 0)) > 0;) f->response_bytes += (uint32_t)got;
  if (!f->response_bytes) give_up("no response");
  f->left[0] = 0;
  f->sent = 0;
}

static void read_some(struct floor_http *f, uint32_t client) {
  char bytes[READ_BYTES];
  ssize_t got = recv(f->fds[client], bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0 || (size_t)got > f->left[client]) give_up("recv");
  f->left[client] -= (uint32_t)got;
  f->answered += f->left[client] == 0;
}

static void pace(struct floor_http *f, double rate, uint64_t for_ns) {
  const uint64_t start = time_ns(CLOCK_MONOTONIC), end = start + for_ns;
  struct epoll_event events[EVENTS_MAX];
  uint64_t planned = 0, due = start;
  for (uint64_t now = start; now < end; now = time_ns(CLOCK_MONOTONIC)) {
    for (; due <= now; due = start + (uint64_t)((double)++planned / rate * 1e9)) send_request(f, (uint32_t)(planned % f->clients));
    int ready = epoll_wait(f->epoll, events, EVENTS_MAX, due > now ? (int)((due - now) / 1000000 + 1) : 0);
    for (int i = 0; i < ready; i++) read_some(f, events[i].data.u32);
  }
}

int main(int argc, char **argv) {
  struct sockaddr_in server = {.sin_family = AF_INET};
  struct rusage usage;
  if (argc != 7 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
    fprintf(stderr, "usage: floor_http ADDRESS PORT PATH CLIENTS RATE TIME_MS\n");
    return 2;
  }
  server.sin_port = htons((uint16_t)atoi(argv[2]));
  struct floor_http f = {.epoll = epoll_create1(EPOLL_CLOEXEC), .clients = (uint32_t)atoi(argv[4])};
  f.fds = calloc(f.clients, sizeof *f.fds);
  f.left = calloc(f.clients, sizeof *f.left);
  if (f.epoll < 0 || !f.fds || !f.left) give_up("memory");
  f.request_len = (size_t)snprintf(f.request, sizeof f.request,
                                   "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: floor\r\nAccept: */*\r\n\r\n", argv[3], argv[1]);
  open_all(&f, &server);
  learn_length(&f);
  const uint64_t cpu = time_ns(CLOCK_PROCESS_CPUTIME_ID), begun = time_ns(CLOCK_MONOTONIC);
  pace(&f, atof(argv[5]), (uint64_t)atoi(argv[6]) * 1000000);
  double cpu_s = (double)(time_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e9, took_s = (double)(time_ns(CLOCK_MONOTONIC) - begun) / 1e9;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"cpu_s\": %.6f, \"time_s\": %.6f, \"sent\": %llu, \"answered\": %llu, \"skipped\": %llu, \"rss_bytes\": %ld}\n", cpu_s, took_s,
         (unsigned long long)f.sent, (unsigned long long)f.answered, (unsigned long long)f.skipped, usage.ru_maxrss * 1024);
  return 0;
}
