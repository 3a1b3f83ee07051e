#include "run/view.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "longhaul/base/log.h"

enum { ROWS_MAX = 300, SCREEN_BYTES_MAX = 1 << 20 };

struct lh_view {
  struct lh_screen_size size;
  struct lh_buf screen;     /* as drawn last, for drawing it again below a log line */
  uint32_t cells[ROWS_MAX]; /* width of each line that stands on the terminal */
  int lines;                /* how many stand there */
};

static void read_size(struct lh_view *v) {
  struct winsize w;
  v->size.columns = 80;
  v->size.rows = 24;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0) {
    v->size.columns = w.ws_col;
    v->size.rows = w.ws_row > ROWS_MAX ? ROWS_MAX : w.ws_row;
  }
}

static bool takes_bytes(void) {
  struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
  return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0;
}

static void write_all(const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t n = write(STDERR_FILENO, bytes, len);
    if (n <= 0) return; /* the terminal is gone: the run goes on */
    bytes += n;
    len -= (size_t)n;
  }
}

/* To the first line of what stands there. A terminal made narrower has wrapped the lines that no longer fit. */
static int add_home(const struct lh_view *v, struct lh_buf *out) {
  uint32_t up = 0;
  for (int i = 0; i < v->lines; i++) {
    uint32_t columns = v->size.columns > 0 ? v->size.columns : 1;
    up += v->cells[i] == 0 ? 1 : (v->cells[i] + columns - 1) / columns;
  }
  return up > 0 ? lh_buf_addf(out, "\r\x1b[%uA", up) : lh_buf_addstr(out, "\r");
}

static void erase(struct lh_view *v) {
  struct lh_buf out = LH_BUF_INIT(256);
  if (v->lines > 0 && add_home(v, &out) == 0 && lh_buf_addstr(&out, "\x1b[J") == 0) write_all(out.data, out.len);
  lh_buf_free(&out);
  v->lines = 0;
}

static void on_log(void *context, enum lh_log_level level, const char *line) {
  struct lh_view *v = context;
  int lines = v->lines;
  erase(v);
  lh_log_redirect(NULL, NULL);
  lh_log(level, "%s", line);
  lh_log_redirect(on_log, v);
  if (lines > 0) write_all(v->screen.data, v->screen.len);
  v->lines = lines;
}

struct lh_view *lh_view_new(bool color) {
  struct lh_view *v = calloc(1, sizeof *v);
  if (v == NULL) return NULL;
  v->size.color = color;
  v->screen = (struct lh_buf)LH_BUF_INIT(SCREEN_BYTES_MAX);
  read_size(v);
  lh_log_redirect(on_log, v);
  return v;
}

void lh_view_free(struct lh_view *v) {
  if (v == NULL) return;
  lh_log_redirect(NULL, NULL);
  lh_buf_free(&v->screen);
  free(v);
}

void lh_view_resized(struct lh_view *v) {
  read_size(v);
}

void lh_view_draw(struct lh_view *v, const struct lh_screen_facts *facts) {
  if (!takes_bytes()) return;
  uint32_t cells[ROWS_MAX];
  lh_buf_reset(&v->screen);
  int lines = lh_screen_render(facts, v->size, &v->screen, cells);
  if (lines < 0) return;
  /* Each line clears what is right of it, then everything below: no flicker from clearing first. */
  struct lh_buf out = LH_BUF_INIT(2 * SCREEN_BYTES_MAX);
  int code = v->lines > 0 ? add_home(v, &out) : 0;
  for (const char *at = v->screen.data; code == 0 && at != NULL && *at != '\0';) {
    const char *end = strchr(at, '\n');
    code = lh_buf_add(&out, at, (size_t)(end - at));
    if (code == 0) code = lh_buf_addstr(&out, "\x1b[K\n");
    at = end + 1;
  }
  if (code == 0) code = lh_buf_addstr(&out, "\x1b[J");
  if (code == 0) {
    write_all(out.data, out.len);
    memcpy(v->cells, cells, sizeof cells);
    v->lines = lines;
  }
  lh_buf_free(&out);
}
