#include "longhaul/worker/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int lh_ledger_make(uint64_t cells, struct lh_err *err) {
  int fd = memfd_create("longhaul ledger", MFD_CLOEXEC);
  int failed = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)(cells * sizeof(uint64_t)));
  if (!failed) return fd;
  if (fd >= 0) close(fd);
  return lh_err_set(err, failed, "no memory for the counts of %llu schedules (messages with `count`): %s", (unsigned long long)cells,
                    strerror(failed));
}

uint64_t *lh_ledger_map(int fd, uint64_t cells, struct lh_err *err) {
  void *at = mmap(NULL, cells * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) return at;
  lh_err_set(err, errno, "the counts of messages with `count` cannot be mapped: %s", strerror(errno));
  return NULL;
}
