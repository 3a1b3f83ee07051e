#include "spare.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void lh_spare_begin(struct lh_spare *spare) {
  struct rlimit limit;
  bool limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  *spare = (struct lh_spare){.limit_bytes = limited ? limit.rlim_cur : UINT64_MAX};
}

/* The first number of statm: pages of address space. 0: not known, as when no descriptor is left. */
static uint64_t space_bytes(void) {
  char text[64];
  int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[len > 0 ? len : 0] = '\0';
  return strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool lh_spare_is_left(const struct lh_spare *spare, uint64_t bytes) {
  if (spare->limit_bytes == UINT64_MAX) return true;
  uint64_t used = space_bytes(), left = used < spare->limit_bytes ? spare->limit_bytes - used : 0;
  return left >= bytes || left + mallinfo2().fordblks >= bytes;
}
