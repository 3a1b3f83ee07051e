/* What the files of a connection share among themselves. */
#ifndef FAULTD_CONN_PRIVATE_H
#define FAULTD_CONN_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

struct conn;
struct server;

/* Whether bytes are taken from the socket now; follows from state and backlog. */
bool conn_is_reading(const struct conn *conn);
/* The stream broke or ended: error 0 is a FIN. Notes it as the cause when there is none yet, and ends the connection. */
void conn_peer_is_gone(struct server *server, struct conn *conn, int error);
/* Writes what is pending, at most `most` bytes. The connection may be gone afterwards. */
void conn_write_pending(struct server *server, struct conn *conn, size_t most);

#endif
