/* The floor: the least a WebSocket client can cost, for `make bench` to compare longhaul with. Plain sockets, one epoll set,
 * no library, no statistics beyond what the bench needs. It masks its frames and checks every echo.
 *
 * Glossary
 *   hold    opens N clients and does nothing
 *   paced   each client sends one message every P; together they send evenly
 *   busy    each client sends as soon as its echo is back
 */
#ifndef FLOOR_H
#define FLOOR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAD_LEN = 32, MESSAGE_MIN = 40, MESSAGE_MAX = 4096, SOURCES_MAX = 64 };

struct options {
  struct sockaddr_in server;
  struct in_addr sources[SOURCES_MAX];
  unsigned source_count;
  const char *mode;
  uint32_t clients;
  uint32_t connecting_max;
  uint64_t every_ns, time_ns;
  uint32_t size; /* bytes of a message */
};

enum client_state { CLIENT_NONE, CLIENT_CONNECTING, CLIENT_UPGRADING, CLIENT_OPEN };

struct client {
  int fd;
  uint8_t state;
  uint32_t seq;     /* of the message sent last */
  uint32_t waiting; /* messages without echo */
  uint8_t *rest;    /* bytes of an unfinished frame, or NULL */
  uint32_t rest_len;
};

struct floor {
  const struct options *options;
  int epoll;
  uint64_t now_ns;
  struct client *clients;
  uint32_t begun, connecting, open;
  bool is_busy;     /* an echo is answered with the next message */
  bool is_draining; /* nothing more is sent */
  uint64_t sent, echoed;
  uint32_t random;
};

uint64_t now_ns(void);
/* Prints a sentence and ends the program: a floor with errors is no measure. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens all clients, connecting_max at a time. */
void floor_open_all(struct floor *f);
/* Waits at most timeout_ms and handles what came. */
void floor_turn(struct floor *f, int timeout_ms);
void floor_send(struct floor *f, uint32_t client);
void floor_close_all(struct floor *f);

#endif
