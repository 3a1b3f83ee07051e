/* Whether a file can be a run file that this version reads, by its first 100 bytes (https://www.sqlite.org/fileformat2.html).
 *
 * SQLite would say "file is not a database" to all of it; a person wants to know which of five things it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/open.h"

enum {
  HEADER_BYTES = 100,
  AT_PAGE_SIZE = 16, /* 2 bytes; 1 stands for 65,536 */
  AT_CHANGES = 24,
  AT_PAGES = 28, /* valid when the two counts of changes agree */
  AT_USER_VERSION = 60,
  AT_APPLICATION_ID = 68,
  AT_VALID_FOR = 92,
};

static uint32_t be32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int read_header(const char *path, uint8_t header[HEADER_BYTES], uint64_t *size, struct lh_err *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return lh_err_set(err, errno, "cannot open the run file %s: %s", path, strerror(errno));
  struct stat stat_of;
  ssize_t got = -1;
  int failed = fstat(fd, &stat_of) == 0 ? 0 : errno;
  if (!failed && S_ISREG(stat_of.st_mode)) got = pread(fd, header, HEADER_BYTES, 0);
  if (!failed && got < 0 && S_ISREG(stat_of.st_mode)) failed = errno;
  close(fd);
  if (failed) return lh_err_set(err, failed, "cannot read the run file %s: %s", path, strerror(failed));
  if (!S_ISREG(stat_of.st_mode))
    return lh_err_set(err, EINVAL, "%s is %s, not a run file; give the path of a .longhaul file", path,
                      S_ISDIR(stat_of.st_mode) ? "a folder" : "no regular file");
  *size = (uint64_t)stat_of.st_size;
  if (got < HEADER_BYTES)
    return lh_err_set(err, EBADMSG, "%s is no run file: it has %" PRIu64 " bytes%s", path, *size,
                      *size == 0 ? " (its run was stopped before it had begun)" : ", fewer than any run file");
  return 0;
}

bool lh_reader_has_wal(const char *path) {
  char *wal = sqlite3_mprintf("%s-wal", path);
  struct stat stat_of;
  bool found = !wal || (stat(wal, &stat_of) == 0 && stat_of.st_size > 0);
  sqlite3_free(wal);
  return found;
}

int lh_reader_check(const char *path, struct lh_file_cut *cut, struct lh_err *err) {
  static const char magic[16] = "SQLite format 3";
  uint8_t header[HEADER_BYTES];
  uint64_t size = 0;
  int failed = read_header(path, header, &size, err);
  if (failed) return failed;
  if (memcmp(header, magic, sizeof magic) != 0)
    return lh_err_set(err, EBADMSG, "%s is no run file: it is not an SQLite database", path);
  uint32_t application = be32(header + AT_APPLICATION_ID);
  if (application != LH_APPLICATION_ID)
    return lh_err_set(err, EBADMSG,
                      "%s is an SQLite database, but no run file (application id 0x%08" PRIx32 ", expected 0x%08x)", path,
                      application, LH_APPLICATION_ID);
  uint32_t version = be32(header + AT_USER_VERSION);
  if (version > LH_SCHEMA_VERSION)
    return lh_err_set(err, EPROTO,
                      "%s was written by a newer longhaul: run file version %" PRIu32
                      ", and this longhaul (%s) reads up to %d. "
                      "Open it with a newer longhaul",
                      path, version, LH_VERSION, LH_SCHEMA_VERSION);
  if (version == 0) return lh_err_set(err, EBADMSG, "%s is no whole run file: it has no schema version", path);
  uint64_t page = (uint64_t)header[AT_PAGE_SIZE] << 8 | header[AT_PAGE_SIZE + 1];
  uint64_t expected = (page == 1 ? 65536 : page) * be32(header + AT_PAGES);
  bool counted = be32(header + AT_CHANGES) == be32(header + AT_VALID_FOR);
  bool is_cut = counted && size < expected && !lh_reader_has_wal(path);
  *cut = (struct lh_file_cut){size, is_cut ? expected : size};
  return 0;
}
