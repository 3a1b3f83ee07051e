#include "longhaul/run/mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "run/supervisor.h"

enum { PATH_MOST = 4096, LOOK_EVERY_MS = 1000, WAIT_STEP_MS = 50, FILE_MOST = LH_MARK_TEXT_MAX + 32 };

static const char ending[] = ".mark";

static int spool_of(const char *run_file, char *out) {
  int len = snprintf(out, PATH_MOST, "%s.marks", run_file);
  return len > 0 && len < PATH_MOST ? 0 : -ENAMETOOLONG;
}

/* ---- who marks ---- */

static int write_file(const char *path, int64_t at_wall_us, const char *text) {
  FILE *file = fopen(path, "wxe");
  if (file == NULL) return -errno;
  int failed = fprintf(file, "%" PRId64 "\n%s", at_wall_us, text) < 0;
  if (fclose(file) != 0) failed = 1;
  return failed ? -EIO : 0;
}

static int wait_until_taken(const char *path) {
  struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};
  for (int waited_ms = 0; waited_ms < LH_MARK_WAIT_MS; waited_ms += WAIT_STEP_MS) {
    if (access(path, F_OK) != 0) return 0;
    nanosleep(&step, NULL);
  }
  return unlink(path) == 0 ? -ETIMEDOUT : 0; /* taken at the last moment */
}

int lh_mark_send(const char *run_file, int64_t at_wall_us, const char *text, struct lh_err *err) {
  char spool[PATH_MOST], made[PATH_MOST + 80], path[PATH_MOST + 64];
  if (spool_of(run_file, spool) < 0) return lh_err_set(err, ENAMETOOLONG, "the path %s is too long", run_file);
  if (mkdir(spool, 0777) != 0 && errno != EEXIST)
    return lh_err_set(err, errno, "cannot make the folder %s for the mark: %s", spool, strerror(errno));
  snprintf(path, sizeof path, "%s/%020" PRId64 "-%ld%s", spool, lh_wall_us(), (long)getpid(), ending);
  snprintf(made, sizeof made, "%s.part", path);
  int code = write_file(made, at_wall_us, text);
  if (code == 0 && rename(made, path) != 0) code = -errno;
  if (code < 0) {
    unlink(made);
    rmdir(spool);
    return lh_err_set(err, code, "cannot put the mark into %s: %s", spool, strerror(-code));
  }
  if (wait_until_taken(path) == 0) return 0;
  rmdir(spool);
  return lh_err_set(err, ETIMEDOUT, "nobody took the mark within %d s: %s is no run in progress. To mark a run that is over, say when with --at",
                    LH_MARK_WAIT_MS / 1000, run_file);
}

/* ---- who is marked ---- */

void lh_supervisor_mark(struct lh_supervisor *sv, const char *text, int64_t at_wall_us) {
  char clean[LH_MARK_TEXT_MAX + 1];
  size_t len = 0;
  for (; text[len] != '\0' && len < LH_MARK_TEXT_MAX; len++)
    clean[len] = (unsigned char)text[len] < ' ' || text[len] == 0x7f ? ' ' : text[len];
  clean[len] = '\0';
  uint64_t now_ns = lh_now_ns();
  int64_t ago_us = at_wall_us != 0 ? lh_wall_us() - at_wall_us : 0;
  uint64_t ago_ns = ago_us > 0 ? (uint64_t)ago_us * LH_NS_PER_US : 0; /* what lies ahead stands at now */
  uint64_t at_ns = now_ns > ago_ns ? now_ns - ago_ns : 0;
  if (at_ns < sv->start_ns) at_ns = sv->start_ns;
  lh_log(LH_LOG_INFO, "mark: %s", clean);
  lh_journal_event(&sv->journal, at_ns, LH_EVENT_MARK, "%s", clean);
}

/* One file of the spool; what is none of ours is removed all the same, since nobody waits for it any more. */
static void take(struct lh_supervisor *sv, const char *path) {
  char bytes[FILE_MOST + 1], *end;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  ssize_t len = fd < 0 ? -1 : read(fd, bytes, FILE_MOST);
  if (fd >= 0) close(fd);
  unlink(path);
  if (len <= 0) return;
  bytes[len] = '\0';
  int64_t at_wall_us = strtoll(bytes, &end, 10);
  if (end == bytes || *end != '\n' || end[1] == '\0') {
    lh_log(LH_LOG_WARNING, "%s is no mark: it was removed", path);
    return;
  }
  lh_supervisor_mark(sv, end + 1, at_wall_us);
}

static int is_mark(const struct dirent *entry) {
  size_t len = strlen(entry->d_name), tail = sizeof ending - 1;
  return len > tail && strcmp(entry->d_name + len - tail, ending) == 0;
}

static void take_all(struct lh_supervisor *sv, const char *spool) {
  struct dirent **entries;
  int count = scandir(spool, &entries, is_mark, alphasort);
  for (int i = 0; i < count; i++) {
    char path[PATH_MOST + 300];
    snprintf(path, sizeof path, "%s/%s", spool, entries[i]->d_name);
    take(sv, path);
    free(entries[i]);
  }
  if (count >= 0) free(entries);
}

void lh_marks_look(struct lh_supervisor *sv, uint64_t now_ns) {
  char spool[PATH_MOST];
  if (now_ns - sv->marks_looked_ns < LOOK_EVERY_MS * LH_NS_PER_MS || sv->journal.store == NULL) return;
  sv->marks_looked_ns = now_ns;
  if (spool_of(lh_store_path(sv->journal.store), spool) == 0) take_all(sv, spool);
}

void lh_marks_close(struct lh_supervisor *sv) {
  char spool[PATH_MOST];
  if (sv->journal.store == NULL || spool_of(lh_store_path(sv->journal.store), spool) < 0) return;
  take_all(sv, spool);
  rmdir(spool);
}
