#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/files.h"

/* Field 22 of proc_pid_stat(5), in clock ticks since boot; field 3 is the state. The name before them may hold anything, so
 * counting begins behind its last parenthesis. -ESRCH for a process that has ended and only waits to be noticed. */
static int start_ticks(int64_t pid, uint64_t *out) {
  enum { STATE = 3, START = 22 };
  char path[64];
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
  int code = lh_files_read("", path, &text);
  char *at = code == 0 ? strrchr(text.data, ')') : NULL;
  if (code == 0 && (at == NULL || at[1] != ' ')) code = -EINVAL;
  if (code == 0 && (at[2] == 'Z' || at[2] == 'X')) code = -ESRCH;
  for (int field = STATE - 1; code == 0 && field < START; field++) {
    at = strchr(at + 1, ' ');
    if (at == NULL) code = -EINVAL;
  }
  if (code == 0) *out = strtoull(at + 1, NULL, 10);
  lh_buf_free(&text);
  return code;
}

/* What pids of this process mean: "BOOT-ID pid:[4026531836]". */
static int place(char *out, size_t size) {
  char boot[64], names[64];
  int code = lh_files_line("", "/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  ssize_t len = code == 0 ? readlink("/proc/self/ns/pid", names, sizeof names - 1) : -1;
  if (len < 0) return code < 0 ? code : -errno;
  names[len] = '\0';
  return snprintf(out, size, "%s %s", boot, names) < (int)size ? 0 : -ENOBUFS;
}

void lh_host_process(char out[LH_PROCESS_MAX]) {
  char here[LH_PROCESS_MAX / 2 + 32];
  uint64_t ticks;
  out[0] = '\0';
  if (place(here, sizeof here) < 0 || start_ticks(getpid(), &ticks) < 0) return;
  int len = snprintf(out, LH_PROCESS_MAX, "%s %d %" PRIu64, here, (int)getpid(), ticks);
  if (len >= LH_PROCESS_MAX) out[0] = '\0';
}

enum lh_process_state lh_host_process_state(const char *process) {
  char here[LH_PROCESS_MAX / 2 + 32];
  if (place(here, sizeof here) < 0) return LH_PROCESS_UNKNOWN;
  size_t len = strlen(here);
  int64_t pid;
  uint64_t began, ticks;
  if (strncmp(process, here, len) != 0 || sscanf(process + len, " %" SCNd64 " %" SCNu64, &pid, &began) != 2 || pid <= 0)
    return LH_PROCESS_UNKNOWN;
  int code = start_ticks(pid, &ticks);
  if (code == 0) return ticks == began ? LH_PROCESS_RUNS : LH_PROCESS_GONE;
  return code == -ENOENT || code == -ESRCH ? LH_PROCESS_GONE : LH_PROCESS_UNKNOWN;
}
