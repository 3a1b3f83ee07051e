#include "inflate.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct lh_inflate {
  z_stream stream;
  struct lh_deflate_terms terms;
  bool begun; /* the stream is initialised */
  bool told;  /* a piece of the message went to the sink */
};

/* ---- the agreement ---- */

static const char *skip_blanks(const char *at) {
  return at + strspn(at, " \t");
}

/* Takes the next token, moves *at behind it and the blanks after it. */
static bool takes(const char **at, const char *token) {
  size_t len = strlen(token);
  if (strncmp(*at, token, len) || !strchr(" \t;=,", (*at)[len])) return false;
  *at = skip_blanks(*at + len);
  return true;
}

/* "= 8" to "= 15", the number maybe in quotes; 0: anything else. */
static uint8_t take_bits(const char **at) {
  if (**at != '=') return 0;
  const char *begin = skip_blanks(*at + 1);
  bool is_quoted = *begin == '"';
  begin += is_quoted;
  size_t len = strspn(begin, "0123456789");
  int bits = len == 1 ? begin[0] - '0' : len == 2 && begin[0] == '1' ? 10 + begin[1] - '0' : 0;
  if (bits < 8 || bits > 15 || (is_quoted && begin[len] != '"')) return 0;
  *at = skip_blanks(begin + len + is_quoted);
  return (uint8_t)bits;
}

/* RFC 7692, 7.1: each at most once, and client_max_window_bits only to a client that offered it, which ours does not: its
 * messages point back as far as they like. */
const char *lh_deflate_agree(const char *answer, struct lh_deflate_terms *terms) {
  static const char unusable[] = "extension parameters that cannot be used";
  struct lh_deflate_terms agreed = {0};
  bool client_forgets = false;
  const char *at = skip_blanks(answer);
  if (!takes(&at, "permessage-deflate")) return "extension that was not offered";
  while (*at == ';') {
    at = skip_blanks(at + 1);
    if (!agreed.forgets && takes(&at, "server_no_context_takeover")) {
      agreed.forgets = true;
    } else if (!client_forgets && takes(&at, "client_no_context_takeover")) {
      client_forgets = true;
    } else if (!agreed.window_bits && takes(&at, "server_max_window_bits")) {
      agreed.window_bits = take_bits(&at);
      if (!agreed.window_bits) return unusable;
    } else {
      return unusable;
    }
  }
  if (*at) return *at == ',' ? "more extensions than were offered" : unusable;
  if (!agreed.window_bits) agreed.window_bits = MAX_WBITS;
  *terms = agreed;
  return NULL;
}

/* ---- inflating ---- */

struct lh_inflate *lh_inflate_new(const struct lh_deflate_terms *terms) {
  struct lh_inflate *in = calloc(1, sizeof *in);
  if (in) in->terms = *terms;
  return in;
}

static void end_stream(struct lh_inflate *in) {
  if (in->begun) inflateEnd(&in->stream);
  in->begun = false;
}

void lh_inflate_free(struct lh_inflate *in) {
  if (!in) return;
  end_stream(in);
  free(in);
}

static int begin_stream(struct lh_inflate *in) {
  if (in->begun) return 0;
  in->stream = (z_stream){0};
  if (inflateInit2(&in->stream, -in->terms.window_bits)) return -ENOMEM; /* below 0: no zlib header */
  in->begun = true;
  return 0;
}

enum { ROOM_BYTES = 16 * 1024 };

struct flow {
  struct lh_inflate *in;
  lh_inflate_sink *sink;
  void *context;
  char room[ROOM_BYTES];
};

static void make_room(struct flow *f) {
  f->in->stream.next_out = (Bytef *)f->room;
  f->in->stream.avail_out = sizeof f->room;
}

static void tell(struct flow *f, bool final) {
  const struct lh_piece piece = {
      .bytes = f->room, .len = sizeof f->room - f->in->stream.avail_out, .first = !f->in->told, .final = final};
  f->in->told = true;
  f->sink(f->context, &piece);
  make_room(f);
}

/* A block that says it is the last ends the stream but no message (7.2.3.4); what follows may still point behind it. */
static int run(struct flow *f, const char *bytes, size_t len) {
  z_stream *s = &f->in->stream;
  s->next_in = (Bytef *)bytes;
  s->avail_in = (uInt)len;
  do {
    if (!s->avail_out) tell(f, false);
    int result = inflate(s, Z_SYNC_FLUSH);
    if (result == Z_STREAM_END) result = inflateResetKeep(s);
    if (result == Z_MEM_ERROR) return -ENOMEM;
    if (result != Z_OK && result != Z_BUF_ERROR) return -EBADMSG;
  } while (s->avail_in || !s->avail_out);
  return 0;
}

int lh_inflate_feed(struct lh_inflate *in, const struct lh_piece *piece, lh_inflate_sink *sink, void *context) {
  static const char tail[] = {0, 0, '\xff', '\xff'}; /* the sender took it away (7.2.1) */
  struct flow f;
  if (begin_stream(in)) return -ENOMEM;
  if (piece->len > UINT_MAX) return -EBADMSG;
  f.in = in;
  f.sink = sink;
  f.context = context;
  make_room(&f);
  if (piece->first) in->told = false;
  int failed = run(&f, piece->bytes, piece->len);
  if (!failed && piece->final) failed = run(&f, tail, sizeof tail);
  if (failed) return failed;
  if (piece->final || in->stream.avail_out < sizeof f.room) tell(&f, piece->final);
  if (piece->final && in->terms.forgets) end_stream(in);
  return 0;
}
