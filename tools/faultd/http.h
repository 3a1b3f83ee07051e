/* HTTP/1.1 and the WebSocket upgrade. Answers every path: see README.md for those with a meaning. */
#ifndef FAULTD_HTTP_H
#define FAULTD_HTTP_H

#include <stddef.h>
#include <stdint.h>

struct conn;
struct server;

/* Uses bytes from the front; returns how many. The connection's state may change, and it may be gone (conn_find tells). */
size_t http_on_bytes(struct server *server, struct conn *conn, uint8_t *bytes, size_t len);

#endif
