/* WebSocket frames from a client, made in place: header into the headroom before the payload, mask over it.
 *
 * libwebsockets' own way reads /dev/urandom and asks poll() for each message; together with its write path that is a third of
 * what a message costs us (src/decisions/0002-interpose.md).
 */
#ifndef WORKER_FRAME_H
#define WORKER_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum lh_opcode { LH_OPCODE_TEXT = 1, LH_OPCODE_BINARY = 2, LH_OPCODE_CLOSE = 8, LH_OPCODE_PING = 9 };

enum { LH_FRAME_HEAD_MAX = 14, LH_FRAME_COMPRESSED = 0x40 /* RSV1, to be added to an opcode */ };

/* A key that no one can foresee (RFC 6455, 10.3), from the kernel's generator, many at a time. */
uint32_t lh_frame_key(void);

/* Makes the frame of one whole message or control frame. `payload` has LH_FRAME_HEAD_MAX writable bytes before it and is
 * masked in place. Returns where the frame begins; it ends where the payload does. */
char *lh_frame_make(unsigned opcode, uint32_t key, char *payload, size_t len);

#endif
