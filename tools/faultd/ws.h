/* An upgraded connection: echo, push, pings, and the rules that spoil them. */
#ifndef FAULTD_WS_H
#define FAULTD_WS_H

#include <stddef.h>
#include <stdint.h>

#include "script.h"

struct conn;
struct server;
struct held;

/* The upgrade was answered: starts what the rules ask for. */
void ws_start(struct server *server, struct conn *conn);
/* Uses whole frames from the front; returns how many bytes. The connection may be gone (conn_find tells). */
size_t ws_on_bytes(struct server *server, struct conn *conn, uint8_t *bytes, size_t len);
/* How many bytes from the front are needed before ws_on_bytes can do anything; 0: not known. */
size_t ws_bytes_wanted(const uint8_t *bytes, size_t len);

void ws_send_message(struct server *server, struct conn *conn, uint8_t opcode, const void *payload, size_t len);
void ws_send_control(struct server *server, struct conn *conn, uint8_t opcode, const void *payload, size_t len);
/* code 1005: a close frame without code. */
void ws_send_close(struct server *server, struct conn *conn, uint16_t code, const char *text, size_t len);
void ws_send_bad_frame(struct server *server, struct conn *conn, const struct rule *rule);
void ws_free_held(struct held *held);

#endif
