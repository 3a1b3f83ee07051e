#include "run/scrape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"
#include "longhaul/config/reach.h"

struct lh_scrape {
  uv_loop_t *loop;
  const struct lh_config *config;
  lh_scrape_done *done;
  void *context;
  uv_timer_t deadline;
  uv_getaddrinfo_t lookup;
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_write_t write;
  struct addrinfo *found, *next; /* found: owned; next: the address to try when the one at hand refuses, NULL: there is none */
  struct lh_buf request, answer;
  bool busy;       /* between begin and done */
  bool is_looking; /* the look-up is under way: it cannot be taken back, only be waited for */
  bool has_tcp;    /* the handle is open */
  bool closed;
  unsigned handles; /* that still have to close before the memory goes */
};

static const struct lh_target *endpoint(const struct lh_scrape *s) {
  return &s->config->watch.metrics;
}

/* ---- the end ---- */
static void forget_addresses(struct lh_scrape *s) {
  uv_freeaddrinfo(s->found);
  s->found = s->next = NULL;
}

static void give_back(struct lh_scrape *s) {
  if (!s->closed || s->handles > 0 || s->is_looking) return;
  forget_addresses(s);
  lh_buf_free(&s->request);
  lh_buf_free(&s->answer);
  free(s);
}

static void on_closed(uv_handle_t *handle) {
  struct lh_scrape *s = handle->data;
  s->handles--;
  give_back(s);
}

static void dial(struct lh_scrape *s);

/* Closed while it is still busy: the address refused, and there is another. */
static void on_tcp_closed(uv_handle_t *handle) {
  struct lh_scrape *s = handle->data;
  s->has_tcp = false;
  if (s->busy) dial(s);
  on_closed(handle);
}

static void close_tcp(struct lh_scrape *s) {
  if (!s->has_tcp || uv_is_closing((uv_handle_t *)&s->tcp)) return;
  uv_close((uv_handle_t *)&s->tcp, on_tcp_closed);
}

static void finish(struct lh_scrape *s, const char *page, const struct lh_err *err) {
  if (!s->busy) return;
  s->busy = false;
  uv_timer_stop(&s->deadline);
  close_tcp(s);
  forget_addresses(s);
  if (!s->closed) s->done(s->context, page, err);
}

static void fail(struct lh_scrape *s, int code, const char *words) {
  struct lh_err err;
  lh_err_set(&err, code, "%s cannot be fetched: %s", endpoint(s)->url_masked, words);
  finish(s, NULL, &err);
}

/* ---- the answer ---- */
static const char *body_of(char *answer) {
  char *end = strstr(answer, "\r\n\r\n"), *bare = strstr(answer, "\n\n");
  if (end && (!bare || end < bare)) return end + 4;
  return bare ? bare + 2 : NULL;
}

static void judge(struct lh_scrape *s) {
  int status = 0;
  char words[96];
  const char *body = lh_buf_add(&s->answer, "", 1) == 0 ? body_of(s->answer.data) : NULL;
  if (!body || sscanf(s->answer.data, "HTTP/1.%*1d %3d", &status) != 1) {
    fail(s, EPROTO, "the answer is not HTTP");
  } else if (status != 200) {
    snprintf(words, sizeof words, "the server answered with status %d", status);
    fail(s, EPROTO, words);
  } else {
    finish(s, body, NULL);
  }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char room[65536]; /* copied before the next read */
  (void)handle, (void)suggested;
  *buf = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
  struct lh_scrape *s = stream->data;
  if (count == UV_EOF)
    judge(s);
  else if (count < 0)
    fail(s, (int)count, uv_strerror((int)count));
  else if (lh_buf_add(&s->answer, buf->base, (size_t)count) < 0)
    fail(s, EFBIG, "the page is larger than 16 MiB");
}

/* ---- the question ---- */
static void on_written(uv_write_t *write, int status) {
  struct lh_scrape *s = write->data;
  if (status < 0 && status != UV_ECANCELED) fail(s, status, uv_strerror(status));
}

/* localhost is ::1 and 127.0.0.1, and most servers listen at one of them. */
static void refused(struct lh_scrape *s, int code) {
  if (s->next)
    close_tcp(s);
  else
    fail(s, code, uv_strerror(code));
}

static void on_connected(uv_connect_t *connect, int status) {
  struct lh_scrape *s = connect->data;
  if (status == UV_ECANCELED) return;
  if (status < 0) {
    refused(s, status);
    return;
  }
  uv_buf_t request = uv_buf_init(s->request.data, (unsigned)s->request.len);
  s->write.data = s;
  status = uv_write(&s->write, (uv_stream_t *)&s->tcp, &request, 1, on_written);
  if (status == 0) status = uv_read_start((uv_stream_t *)&s->tcp, on_room, on_read);
  if (status < 0) fail(s, status, uv_strerror(status));
}

static void dial(struct lh_scrape *s) {
  struct sockaddr *address = s->next->ai_addr;
  s->next = s->next->ai_next;
  if (lh_deny_address(&s->config->deny, address)) {
    fail(s, EPERM, "`deny` of the config matches where it leads to");
    return;
  }
  /* The port stands at the same place in both families. */
  ((struct sockaddr_in *)(void *)address)->sin_port = htons(endpoint(s)->port);
  uv_tcp_init(s->loop, &s->tcp);
  s->tcp.data = s->connect.data = s;
  s->has_tcp = true;
  s->handles++;
  int code = uv_tcp_connect(&s->connect, &s->tcp, address, on_connected);
  if (code < 0) refused(s, code);
}

static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found) {
  struct lh_scrape *s = lookup->data;
  s->is_looking = false;
  s->found = s->next = found;
  if (!s->busy || s->closed)
    forget_addresses(s);
  else if (status < 0)
    fail(s, status, uv_strerror(status));
  else
    dial(s);
  give_back(s);
}

static void on_deadline(uv_timer_t *timer) {
  fail(timer->data, ETIMEDOUT, "no whole answer in 5 s");
}

bool lh_scrape_begin(struct lh_scrape *s) {
  if (s->busy || s->is_looking || s->has_tcp) return false;
  s->busy = s->is_looking = true;
  lh_buf_reset(&s->answer);
  uv_timer_start(&s->deadline, on_deadline, LH_SCRAPE_MS_MAX, 0);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  s->lookup.data = s;
  int code = uv_getaddrinfo(s->loop, &s->lookup, on_found, endpoint(s)->host, NULL, &hints);
  if (code == 0) return true;
  s->is_looking = s->busy = false;
  uv_timer_stop(&s->deadline);
  return false;
}

int lh_scrape_new(struct lh_scrape **scrape, uv_loop_t *loop, const struct lh_config *config, lh_scrape_done *done,
                  void *context, struct lh_err *err) {
  struct lh_scrape *s = calloc(1, sizeof *s);
  if (!s) return lh_err_set(err, ENOMEM, "no memory to fetch the server's metrics");
  *s = (struct lh_scrape){.loop = loop, .config = config, .done = done, .context = context};
  s->request = (struct lh_buf)LH_BUF_INIT(1 << 16);
  s->answer = (struct lh_buf)LH_BUF_INIT(LH_SCRAPE_BYTES_MAX);
  bool v6 = strchr(endpoint(s)->host, ':') != NULL;
  int code = lh_buf_addf(&s->request,
                         "GET %s HTTP/1.0\r\nHost: %s%s%s:%u\r\nAccept: text/plain\r\nUser-Agent: longhaul\r\n"
                         "Connection: close\r\n\r\n",
                         endpoint(s)->path, v6 ? "[" : "", endpoint(s)->host, v6 ? "]" : "", endpoint(s)->port);
  if (code < 0) {
    lh_buf_free(&s->request);
    free(s);
    return lh_err_set(err, code, "no memory for the request of the server's metrics");
  }
  uv_timer_init(loop, &s->deadline);
  s->deadline.data = s;
  s->handles = 1;
  *scrape = s;
  return 0;
}

void lh_scrape_close(struct lh_scrape *s) {
  if (!s || s->closed) return;
  s->closed = true;
  s->busy = false;
  if (s->is_looking) uv_cancel((uv_req_t *)&s->lookup); /* its callback comes all the same */
  close_tcp(s);
  uv_close((uv_handle_t *)&s->deadline, on_closed);
}
