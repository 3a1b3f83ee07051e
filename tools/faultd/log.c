#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"

enum { LOG_PENDING_MAX = 16 << 20, LOG_FLUSH_BYTES = 64 << 10 };

int log_open(struct log *log, const char *path, struct lh_err *err) {
  *log = (struct log){.fd = -1, .lines = LH_BUF_INIT(LOG_PENDING_MAX)};
  if (!path) return 0;
  log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  return log->fd < 0 ? lh_err_set(err, errno, "cannot write the log %s: %s", path, strerror(errno)) : 0;
}

static void add_times(struct lh_buf *line, const char *name, struct conn_times times) {
  if (times.mono_ns) lh_buf_addf(line, ",\"%s_us\":%" PRId64 ",\"%s_ns\":%" PRIu64, name, times.wall_us, name, times.mono_ns);
}

static void add_text(struct lh_buf *line, const char *name, const char *text) {
  if (!text || !*text) return;
  lh_buf_addf(line, ",\"%s\":", name);
  lh_buf_addjson(line, text);
}

static void add_flag(struct lh_buf *line, const char *name, bool value) {
  lh_buf_addf(line, ",\"%s\":%s", name, value ? "true" : "false");
}

static void add_peer(struct lh_buf *line, const struct conn *conn) {
  char text[INET6_ADDRSTRLEN] = "";
  const struct in6_addr *address = &conn->peer.sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(address))
    inet_ntop(AF_INET, address->s6_addr + 12, text, sizeof text);
  else
    inet_ntop(AF_INET6, address, text, sizeof text);
  lh_buf_addf(line, ",\"peer\":\"%s\",\"port\":%u", text, ntohs(conn->peer.sin6_port));
}

void log_conn(struct log *log, const struct conn *conn, unsigned process) {
  if (log->fd < 0) return;
  struct lh_buf *line = &log->lines;
  lh_buf_addf(line, "{\"conn\":%" PRIu64 ",\"process\":%u", conn->number, process);
  add_peer(line, conn);
  add_text(line, "path", conn->path);
  add_text(line, "protocol", conn->protocol);
  add_times(line, "accepted", conn->accepted);
  add_times(line, "upgraded", conn->upgraded);
  add_times(line, "first_message", conn->first_message);
  add_times(line, "caused", conn->caused);
  add_times(line, "ended", conn->ended);
  add_flag(line, "alive", conn->cause_how == NULL);
  lh_buf_addf(line, ",\"by\":\"%s\",\"how\":\"%s\"", conn->cause_by ? conn->cause_by : "none",
              conn->cause_how ? conn->cause_how : "alive");
  add_text(line, "rule", conn->cause_rule ? conn->cause_rule->source : NULL);
  add_text(line, "error", conn->error);
  lh_buf_addf(line, ",\"status\":%u,\"close_sent\":%u,\"close_received\":%u", conn->status, conn->close_sent,
              conn->close_received);
  add_text(line, "close_text", conn->close_text);
  add_flag(line, "fin_seen", conn->fin_seen);
  add_flag(line, "rst_seen", conn->rst_seen);
#define X(name) lh_buf_addf(line, ",\"" #name "\":%" PRIu64, conn->count.name);
  CONN_COUNT_LIST(X)
#undef X
  lh_buf_addstr(line, "}\n");
  if (line->len > LOG_FLUSH_BYTES) log_flush(log);
}

int log_flush(struct log *log) {
  size_t done = 0;
  int failed = 0;
  while (done < log->lines.len && !failed) {
    ssize_t n = write(log->fd, log->lines.data + done, log->lines.len - done);
    if (n >= 0)
      done += (size_t)n;
    else if (errno != EINTR)
      failed = -errno;
  }
  if (failed) fprintf(stderr, "faultd: cannot write the log: %s\n", strerror(-failed));
  lh_buf_reset(&log->lines);
  return failed;
}

void log_close(struct log *log) {
  log_flush(log);
  lh_buf_free(&log->lines);
  if (log->fd >= 0) close(log->fd);
  log->fd = -1;
}
