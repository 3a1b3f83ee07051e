/* What a server's bytes say, read over libwebsockets' shoulder: frame boundaries, close codes, pings, broken frames.
 *
 * libwebsockets 4.1.6 rewrites close codes 1012 to 1015, answers pings without a word and closes on a bad frame without
 * saying why. A soak must name all three, so every read passes through here on its way to libwebsockets. Nothing is copied;
 * a small whole frame costs a few comparisons.
 *
 * Glossary
 *   head   the HTTP response up to its blank line
 *   body   what follows the head of a refused upgrade
 *   fault  how the response breaks HTTP or a frame RFC 6455: a static sentence part such as "reserved opcode"
 */
#ifndef WORKER_WIRE_H
#define WORKER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/limits.h"

enum lh_wire_state {
  LH_WIRE_HEAD,    /* inside the HTTP response */
  LH_WIRE_BODY,    /* behind the head of a refused upgrade: whatever comes */
  LH_WIRE_FRAME,   /* before the first byte of a frame */
  LH_WIRE_LENGTH,  /* before its second byte */
  LH_WIRE_EXTENDED, /* inside a 16 or 64 bit length */
  LH_WIRE_PAYLOAD,
  LH_WIRE_CLOSED,  /* behind a whole close frame: nothing may follow */
  LH_WIRE_BAD
};

/* One for each connection; all zero at its start. */
struct lh_wire {
  uint64_t left;       /* payload bytes to come; while EXTENDED: the length so far; while HEAD: head bytes seen */
  uint8_t state;       /* enum lh_wire_state */
  uint8_t first;       /* first byte of the frame; while HEAD: how much of the blank line was seen */
  uint8_t more;        /* length bytes to come; while HEAD: how much of "content-length:" was seen */
  uint8_t close_bytes; /* payload bytes of a close frame seen, up to 2 */
  uint16_t code;       /* of the close frame; while HEAD: the status */
  uint8_t utf8;        /* where in a character of a text it stands; 0: between two */
  bool in_message : 1; /* a fragmented message is under way */
  bool checks_text : 1; /* the message is an uncompressed text */
  bool deflate : 1;    /* RSV1 is allowed */
  bool in_length : 1;  /* inside the value of Content-Length */
  bool has_body : 1;   /* Content-Length is not 0: a body will follow the head */
  bool compressed : 1; /* a message with RSV1 has come */
};

/* What one read showed. The caller clears it before; text is NUL-terminated. */
struct lh_wire_seen {
  uint32_t pings;
  bool closed;          /* a whole close frame: `code` (1005 when it carried none) and, as far as it lies in this read, text */
  uint16_t code;
  uint16_t status;      /* of an upgrade response whose head ended in this read, else 0 */
  const char *fault;    /* NULL when there is none */
  uint8_t text_len;
  char text[LH_CLOSE_TEXT_MAX]; /* close reason, or the first bytes of a refusal's body */
};

/* Reads `len` bytes. Returns how many of them are sound: less than len only when a fault came; what follows must not be
 * used. */
size_t lh_wire_feed(struct lh_wire *wire, const void *bytes, size_t len, struct lh_wire_seen *seen);

/* A whole message in one frame, neither compressed nor in pieces. */
struct lh_wire_message {
  const char *bytes; /* borrowed */
  size_t len;
  bool is_text;
};
/* The message that begins at *at, which moves behind it. False: what begins there is anything else (a control frame, part of a
 * frame or of a message, a fault, the end of the bytes), and *at stays. */
bool lh_wire_take(const char *bytes, size_t len, size_t *at, struct lh_wire_message *message);

#endif
