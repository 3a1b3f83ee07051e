/* Connections of the floor client: connect, upgrade, frames. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { EVENTS_MAX = 256, READ_BYTES = 64 << 10 };

static void begin_connect(struct floor *f, uint32_t number) {
  const struct options *options = f->options;
  struct client *client = &f->clients[number];
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (options->source_count) {
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr = options->sources[number % options->source_count]};
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&source, sizeof source)) fail("bind: %s", strerror(errno));
  }
  if (connect(fd, (const struct sockaddr *)&options->server, sizeof options->server) && errno != EINPROGRESS)
    fail("connect: %s", strerror(errno));
  *client = (struct client){.fd = fd, .state = CLIENT_CONNECTING};
  struct epoll_event event = {.events = EPOLLOUT, .data.u32 = number};
  if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl: %s", strerror(errno));
  f->begun++;
  f->connecting++;
}

static void send_upgrade(struct floor *f, uint32_t number) {
  static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  struct client *client = &f->clients[number];
  int error = 0;
  socklen_t len = sizeof error;
  getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len);
  if (error) fail("connect: %s", strerror(error));
  if (send(client->fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1) fail("cannot send the upgrade");
  client->state = CLIENT_UPGRADING;
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
  epoll_ctl(f->epoll, EPOLL_CTL_MOD, client->fd, &event);
}

/* The key of the request is RFC 6455's sample, so the right answer is known. */
static void read_upgrade(struct floor *f, uint32_t number) {
  char head[2048];
  struct client *client = &f->clients[number];
  ssize_t n = recv(client->fd, head, sizeof head - 1, 0);
  if (n <= 0) fail("the server closed during the upgrade");
  head[n] = 0;
  if (!strstr(head, "\r\n\r\n")) fail("the upgrade's answer did not come in one piece");
  if (strncmp(head, "HTTP/1.1 101", 12) != 0 || !strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    fail("the upgrade was refused: %.40s", head);
  client->state = CLIENT_OPEN;
  f->connecting--;
  f->open++;
}

void floor_open_all(struct floor *f) {
  while (f->open < f->options->clients) {
    while (f->begun < f->options->clients && f->connecting < f->options->connecting_max) begin_connect(f, f->begun);
    floor_turn(f, 1000);
  }
}

/* ---- messages ---- */

/* Text that differs for each client and message; the rest is fill. */
static void write_payload(uint8_t *out, uint32_t size, uint32_t client, uint32_t seq) {
  char head[HEAD_LEN + 1];
  int len = snprintf(head, sizeof head, "{\"c\":%08x,\"n\":%08x,\"x\":\"", client, seq);
  memcpy(out, head, (size_t)len);
  memset(out + len, 'x', size - (uint32_t)len - 2);
  memcpy(out + size - 2, "\"}", 2);
}

static uint32_t next_random(struct floor *f) {
  uint32_t x = f->random; /* xorshift32: a mask needs no more here */
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return f->random = x;
}

void floor_send(struct floor *f, uint32_t number) {
  uint8_t frame[8 + MESSAGE_MAX], *payload;
  struct client *client = &f->clients[number];
  uint32_t size = f->options->size, mask = next_random(f);
  size_t header = size < 126 ? 2 : 4;
  frame[0] = 0x81;
  frame[1] = (uint8_t)(0x80 | (size < 126 ? size : 126));
  if (header == 4) {
    frame[2] = (uint8_t)(size >> 8);
    frame[3] = (uint8_t)size;
  }
  memcpy(frame + header, &mask, 4);
  payload = frame + header + 4;
  write_payload(payload, size, number, ++client->seq);
  uint64_t wide = (uint64_t)mask << 32 | mask;
  for (uint32_t i = 0; i < size; i += 8) {
    /* The buffer has room for the last word's excess. */
    uint64_t word;
    memcpy(&word, payload + i, 8);
    word ^= wide;
    memcpy(payload + i, &word, 8);
  }
  if (send(client->fd, frame, header + 4 + size, MSG_NOSIGNAL) != (ssize_t)(header + 4 + size))
    fail("send: %s", strerror(errno));
  client->waiting++;
  f->sent++;
}

static void check_echo(struct floor *f, uint32_t number, const uint8_t *payload, size_t len) {
  uint8_t expected[MESSAGE_MAX];
  struct client *client = &f->clients[number];
  if (client->waiting == 0) fail("an echo that nobody asked for");
  write_payload(expected, f->options->size, number, client->seq - client->waiting + 1);
  if (len != f->options->size || memcmp(payload, expected, len) != 0) fail("an echo that differs from its message");
  client->waiting--;
  f->echoed++;
  if (f->is_busy && !f->is_draining) floor_send(f, number);
}

/* Takes whole frames from the front; returns the bytes used. */
static size_t take_frames(struct floor *f, uint32_t number, const uint8_t *bytes, size_t len) {
  size_t used = 0;
  while (len - used >= 2) {
    const uint8_t *at = bytes + used;
    size_t size = at[1], header = 2;
    if (at[0] != 0x81 || size == 127) fail("a frame that is no echo (first byte %02x)", at[0]);
    if (size == 126) {
      if (len - used < 4) break;
      size = (size_t)at[2] << 8 | at[3];
      header = 4;
    }
    if (len - used < header + size) break;
    check_echo(f, number, at + header, size);
    used += header + size;
  }
  return used;
}

static void read_frames(struct floor *f, uint32_t number) {
  static uint8_t buffer[READ_BYTES];
  struct client *client = &f->clients[number];
  size_t have = client->rest_len;
  if (have) memcpy(buffer, client->rest, have);
  ssize_t n = recv(client->fd, buffer + have, sizeof buffer - have, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) fail("a connection ended: %s", n ? strerror(errno) : "FIN");
  have += (size_t)n;
  size_t rest = have - take_frames(f, number, buffer, have);
  free(client->rest);
  client->rest = rest ? malloc(rest) : NULL;
  client->rest_len = (uint32_t)rest;
  if (rest && !client->rest) fail("out of memory");
  if (rest) memcpy(client->rest, buffer + have - rest, rest);
}

void floor_turn(struct floor *f, int timeout_ms) {
  struct epoll_event events[EVENTS_MAX];
  int n = epoll_wait(f->epoll, events, EVENTS_MAX, timeout_ms);
  f->now_ns = now_ns();
  for (int i = 0; i < n; i++) {
    uint32_t number = events[i].data.u32;
    switch (f->clients[number].state) {
    case CLIENT_CONNECTING: send_upgrade(f, number); break;
    case CLIENT_UPGRADING: read_upgrade(f, number); break;
    default: read_frames(f, number); break;
    }
  }
}

void floor_close_all(struct floor *f) {
  static const uint8_t frame[] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};
  for (uint32_t i = 0; i < f->begun; i++) {
    if (f->clients[i].state == CLIENT_OPEN) (void)!send(f->clients[i].fd, frame, sizeof frame, MSG_NOSIGNAL);
    close(f->clients[i].fd);
    free(f->clients[i].rest);
  }
}
