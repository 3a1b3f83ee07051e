#include "longhaul/conn/sse.h"

#include <errno.h>
#include <string.h>

static const char bom[3] = {'\xef', '\xbb', '\xbf'};
enum { PAST_START = 255, RETRY_MS_MAX = 24 * 3600 * 1000 };

void lh_sse_init(struct lh_sse *sse, size_t event_max) {
  memset(sse, 0, sizeof *sse);
  /* A line is "data: " and one event's worth. */
  sse->line.limit = event_max + 16;
  sse->data.limit = event_max + 1;
}

void lh_sse_restart(struct lh_sse *sse) {
  lh_buf_free(&sse->line);
  lh_buf_free(&sse->data);
  sse->type[0] = 0;
  sse->bom_seen = 0;
  sse->id_given = sse->after_cr = sse->truncated = sse->line_cut = false;
}

void lh_sse_free(struct lh_sse *sse) {
  if (!sse) return;
  lh_buf_free(&sse->line);
  lh_buf_free(&sse->data);
}

/* Appends what fits; what does not is left out and the event flagged. */
static int add_cut(struct lh_buf *buf, const char *bytes, size_t len, bool *cut) {
  size_t room = buf->limit - buf->len;
  if (len > room) {
    len = room;
    *cut = true;
  }
  return lh_buf_add(buf, bytes, len) == -ENOMEM ? -ENOMEM : 0;
}

static void set_text(char *out, size_t size, const char *value, size_t len) {
  if (len >= size) len = size - 1;
  memcpy(out, value, len);
  out[len] = 0;
}

static void set_retry(struct lh_sse *sse, const char *value, size_t len) {
  uint64_t ms = 0;
  if (len == 0) return;
  for (size_t i = 0; i < len; i++) {
    if (value[i] < '0' || value[i] > '9') return;
    ms = ms * 10 + (uint64_t)(value[i] - '0');
    if (ms > RETRY_MS_MAX) ms = RETRY_MS_MAX; /* nobody means a longer one, and it must not overflow */
  }
  sse->retry_ms = ms ? ms : 1; /* at once: 0 would say that the server asked for nothing */
}

static int take_field(struct lh_sse *sse, const char *name, size_t name_len, const char *value, size_t len) {
  if (name_len == 4 && memcmp(name, "data", 4) == 0) {
    int failed = add_cut(&sse->data, value, len, &sse->truncated);
    return failed ? failed : add_cut(&sse->data, "\n", 1, &sse->truncated);
  }
  if (name_len == 5 && memcmp(name, "event", 5) == 0) set_text(sse->type, sizeof sse->type, value, len);
  else if (name_len == 2 && memcmp(name, "id", 2) == 0 && !memchr(value, 0, len)) {
    const bool fits = len < sizeof sse->id;
    set_text(sse->id, sizeof sse->id, value, fits ? len : 0);
    sse->id_given = fits;
    sse->truncated |= !fits;
  }
  else if (name_len == 5 && memcmp(name, "retry", 5) == 0) set_retry(sse, value, len);
  return 0;
}

static void dispatch(struct lh_sse *sse, lh_sse_sink *sink, void *context) {
  if (sse->data.len) {
    size_t len = sse->data.len;
    /* The limit has room for the last LF, in whose place a cut event has a byte too many. */
    if (sse->data.data[len - 1] == '\n' || len == sse->data.limit) sse->data.data[--len] = 0;
    sink(context, &(struct lh_sse_event){.type = sse->type[0] ? sse->type : "message",
                                         .data = sse->data.data,
                                         .data_len = len,
                                         .id = sse->id,
                                         .id_given = sse->id_given,
                                         .truncated = sse->truncated});
  }
  lh_buf_free(&sse->data); /* thousands of streams: an idle one holds nothing */
  sse->type[0] = 0;
  sse->truncated = sse->id_given = false;
}

/* One whole line without its end. */
static int take_line(struct lh_sse *sse, const char *line, size_t len, lh_sse_sink *sink, void *context) {
  if (len == 0) {
    dispatch(sse, sink, context);
    return 0;
  }
  if (line[0] == ':') {
    sse->comments++;
    return 0;
  }
  sse->truncated |= sse->line_cut; /* a cut comment cuts no event */
  const char *colon = memchr(line, ':', len);
  if (!colon) return take_field(sse, line, len, "", 0);
  const char *value = colon + 1, *end = line + len;
  if (value < end && *value == ' ') value++;
  return take_field(sse, line, (size_t)(colon - line), value, (size_t)(end - value));
}

static int end_line(struct lh_sse *sse, const char *part, size_t len, lh_sse_sink *sink, void *context) {
  if (sse->line.len == 0) {
    sse->line_cut = len > sse->line.limit; /* as it would be, had it come in pieces */
    int result = take_line(sse, part, sse->line_cut ? sse->line.limit : len, sink, context);
    sse->line_cut = false;
    return result;
  }
  int failed = add_cut(&sse->line, part, len, &sse->line_cut);
  if (!failed) failed = take_line(sse, sse->line.data, sse->line.len, sink, context);
  lh_buf_free(&sse->line);
  sse->line_cut = false;
  return failed;
}

/* Matches a byte order mark over as many reads as it takes; bytes that turn out not to be one are a line's beginning. */
static int skip_bom(struct lh_sse *sse, const char **at, const char *end) {
  while (sse->bom_seen < sizeof bom && *at < end && **at == bom[sse->bom_seen]) {
    sse->bom_seen++;
    (*at)++;
  }
  if (sse->bom_seen < sizeof bom && *at == end) return 0;
  int failed = sse->bom_seen < sizeof bom ? add_cut(&sse->line, bom, sse->bom_seen, &sse->line_cut) : 0;
  sse->bom_seen = PAST_START;
  return failed;
}

int lh_sse_feed(struct lh_sse *sse, const void *bytes, size_t len, lh_sse_sink *sink, void *context) {
  const char *at = bytes, *end = at + len;
  if (len == 0) return 0;
  if (sse->bom_seen != PAST_START) {
    int failed = skip_bom(sse, &at, end);
    if (failed) return failed;
  }
  while (at < end) {
    if (sse->after_cr) {
      sse->after_cr = false;
      if (*at == '\n') {
        at++;
        continue;
      }
    }
    const char *stop = at;
    while (stop < end && *stop != '\n' && *stop != '\r') stop++;
    if (stop == end) return add_cut(&sse->line, at, (size_t)(end - at), &sse->line_cut);
    int failed = end_line(sse, at, (size_t)(stop - at), sink, context);
    if (failed) return failed;
    sse->after_cr = *stop == '\r';
    at = stop + 1;
  }
  return 0;
}
