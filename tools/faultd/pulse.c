#include "pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/base/clock.h"

enum { PENDING_BYTES_MAX = 1 << 20, FLUSH_BYTES = 16 << 10 };

int pulse_open(struct pulse *pulse, const char *path, unsigned process, struct lh_err *err) {
  *pulse = (struct pulse){.fd = -1, .process = process, .lines = LH_BUF_INIT(PENDING_BYTES_MAX)};
  if (!path) return 0;
  pulse->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  return pulse->fd < 0 ? lh_err_set(err, errno, "cannot write the pulse to %s: %s", path, strerror(errno)) : 0;
}

static void flush(struct pulse *pulse) {
  size_t len = pulse->lines.len;
  if (len && write(pulse->fd, pulse->lines.data, len) != (ssize_t)len)
    fprintf(stderr, "faultd: cannot write the pulse: %s\n", strerror(errno));
  lh_buf_reset(&pulse->lines);
}

static void end_slot(struct pulse *pulse) {
  if (pulse->fd >= 0 && (pulse->messages || pulse->accepted))
    lh_buf_addf(&pulse->lines, "{\"slot\":%" PRIu64 ",\"process\":%u,\"messages\":%" PRIu64 ",\"accepted\":%" PRIu64 "}\n",
                pulse->slot, pulse->process, pulse->messages, pulse->accepted);
  if (pulse->lines.len > FLUSH_BYTES) flush(pulse);
  pulse->messages = pulse->accepted = 0;
}

void pulse_turn(struct pulse *pulse, uint64_t now_ns) {
  uint64_t slot = now_ns / (PULSE_SLOT_MS * LH_NS_PER_MS);
  if (slot == pulse->slot) return;
  end_slot(pulse);
  pulse->slot = slot;
}

void pulse_close(struct pulse *pulse) {
  end_slot(pulse);
  flush(pulse);
  lh_buf_free(&pulse->lines);
  if (pulse->fd >= 0) close(pulse->fd);
  pulse->fd = -1;
}
