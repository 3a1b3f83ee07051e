#include "longhaul/config/data.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "longhaul/base/limits.h"
#include "longhaul/base/sha256.h"

#include "csv.h"
#include "text.h"

enum { DIGEST_ROOM = LH_SHA256_HEX + 8 };
static const uint32_t image_mark = 0x4c486463; /* "LHdc" */

/* What stands in the shared memory: this, then the longest cell of each column, then where each cell ends (names first, then row
 * by row), then the cells. */
struct image {
  uint32_t mark, columns, rows, unused;
  uint64_t size;
  char digest[DIGEST_ROOM];
  uint32_t words[];
};

struct lh_data {
  const struct image *image; /* mapped; read only */
  int fd;
  bool owns_fd;
};

static const uint32_t *ends_of(const struct image *image) {
  return image->words + image->columns;
}
static size_t cell_count(uint32_t columns, uint32_t rows) {
  return (size_t)columns * ((size_t)rows + 1);
}
static const char *cells_of(const struct image *image) {
  return (const char *)(ends_of(image) + cell_count(image->columns, image->rows));
}

/* ---- measuring and checking ---- */

struct measure {
  uint32_t columns, rows;
  uint64_t bytes;
};

static int ragged(uint64_t line, uint32_t fields, uint32_t columns, struct lh_err *err) {
  return lh_err_set(err, EINVAL, "line %" PRIu64 ": %" PRIu32 " field%s; expected %" PRIu32 ", as the first row has", line, fields,
                    fields == 1 ? "" : "s", columns);
}

/* Empty lines behind the last row say nothing, unless an empty line is a row. */
static bool only_empty_lines(const struct csv_field *field, const char *end) {
  for (const char *at = field->at; at < end; at++)
    if (*at != '\n' && *at != '\r') return false;
  return true;
}

static int measure(const char *text, size_t len, struct measure *out, struct lh_err *err) {
  struct csv csv = csv_begin(text, len);
  struct csv_field field;
  uint32_t fields = 0;
  bool named = false;
  int more;
  while ((more = csv_next(&csv, &field, err)) > 0) {
    if (named && out->columns > 1 && fields == 0 && only_empty_lines(&field, csv.end)) break;
    out->bytes += csv_copy(&field, NULL);
    fields++;
    if (!field.last) continue;
    if (named && fields != out->columns) return ragged(field.line, fields, out->columns, err);
    if (named && out->rows == UINT32_MAX - 1) return lh_err_set(err, EFBIG, "more rows than 4294967294");
    if (named) out->rows++;
    out->columns = fields;
    if (fields > LH_DATA_COLUMNS_MAX) return lh_err_set(err, EINVAL, "line 1: %" PRIu32 " columns; expected at most %d", fields, LH_DATA_COLUMNS_MAX);
    named = true;
    fields = 0;
  }
  if (more < 0) return more;
  if (!named) return lh_err_set(err, EINVAL, "the file is empty; expected a first row that names the columns");
  if (!out->rows) return lh_err_set(err, EINVAL, "the file has no rows below the names of its columns");
  return out->bytes > UINT32_MAX ? lh_err_set(err, EFBIG, "the file holds more than 4 GiB of cells") : 0;
}

static int check_names(const struct lh_data *data, struct lh_err *err) {
  for (uint32_t c = 0; c < data->image->columns; c++) {
    struct lh_cell name = lh_data_column_name(data, c);
    if (!name.len) return lh_err_set(err, EINVAL, "line 1: column %" PRIu32 " has no name", c + 1);
    if (lh_data_column(data, name.at, name.len) != c)
      return lh_err_set(err, EINVAL, "line 1: two columns are called '%.*s'", (int)(name.len < 60 ? name.len : 60), name.at);
  }
  return 0;
}

static int check_text(const char *bytes, size_t len, struct lh_err *err) {
  uint64_t line = 1;
  for (const char *at = bytes, *end = bytes + len; at < end; line++) {
    const char *feed = memchr(at, '\n', (size_t)(end - at)), *stop = feed ? feed : end;
    if (memchr(at, 0, (size_t)(stop - at))) return lh_err_set(err, EINVAL, "line %" PRIu64 ": a zero byte; expected text", line);
    if (!text_is_utf8(at, (size_t)(stop - at)))
      return lh_err_set(err, EINVAL, "line %" PRIu64 ": not UTF-8; expected the file in that encoding", line);
    at = stop + 1;
  }
  return 0;
}

/* ---- the image ---- */

static void fill(struct image *image, const char *text, size_t len) {
  struct csv csv = csv_begin(text, len);
  struct csv_field field;
  uint32_t *longest = image->words, *ends = image->words + image->columns, end = 0;
  char *cells = (char *)(ends + cell_count(image->columns, image->rows));
  for (size_t i = 0, count = cell_count(image->columns, image->rows); i < count; i++) {
    int more = csv_next(&csv, &field, NULL);
    assert(more > 0);
    (void)more;
    uint32_t size = (uint32_t)csv_copy(&field, cells + end);
    uint32_t *most = &longest[i % image->columns];
    if (i >= image->columns && size > *most) *most = size;
    ends[i] = end += size;
  }
}

static int map(struct lh_data *data, size_t size, struct lh_err *err) {
  void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, data->fd, 0);
  if (at == MAP_FAILED) return lh_err_set(err, errno, "the shared memory of its rows cannot be mapped: %s", strerror(errno));
  data->image = at;
  return 0;
}

/* The writable mapping must be gone before the memory can be sealed. */
static int write_image(struct lh_data *data, const struct measure *m, const char *bytes, size_t len, struct lh_err *err) {
  size_t words = m->columns + cell_count(m->columns, m->rows);
  size_t size = sizeof(struct image) + words * sizeof(uint32_t) + m->bytes;
  void *at = MAP_FAILED;
  data->fd = memfd_create("longhaul data", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  if (data->fd >= 0 && posix_fallocate(data->fd, 0, (off_t)size) == 0)
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, data->fd, 0);
  if (at == MAP_FAILED) return lh_err_set(err, ENOMEM, "no memory for its rows, which take %zu bytes", size);
  struct image *image = at;
  image->mark = image_mark;
  image->columns = m->columns;
  image->rows = m->rows;
  image->size = size;
  lh_sha256_hex(bytes, len, image->digest);
  fill(image, bytes, len);
  munmap(at, size);
  fcntl(data->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return map(data, size, err);
}

int lh_data_new(struct lh_data **out, const char *bytes, size_t len, struct lh_err *err) {
  struct measure m = {0};
  int failed = check_text(bytes, len, err);
  if (!failed) failed = measure(bytes, len, &m, err);
  if (failed) return failed;
  struct lh_data *data = calloc(1, sizeof *data);
  if (!data) return lh_err_set(err, ENOMEM, "no memory for its rows");
  data->owns_fd = true;
  failed = write_image(data, &m, bytes, len, err);
  if (!failed) failed = check_names(data, err);
  if (failed)
    lh_data_free(data);
  else
    *out = data;
  return failed;
}

int lh_data_attach(struct lh_data **out, int fd, struct lh_err *err) {
  struct stat facts;
  if (fstat(fd, &facts)) return lh_err_set(err, errno, "the supervisor's rows cannot be read: %s", strerror(errno));
  struct lh_data *data = calloc(1, sizeof *data);
  if (!data) return lh_err_set(err, ENOMEM, "no memory for rows");
  data->fd = fd;
  int failed = facts.st_size < (off_t)sizeof(struct image) ? -EBADMSG : map(data, (size_t)facts.st_size, err);
  if (!failed && (data->image->mark != image_mark || data->image->size != (uint64_t)facts.st_size)) failed = -EBADMSG;
  if (failed == -EBADMSG) lh_err_set(err, EBADMSG, "descriptor %d holds no rows of this program", fd);
  if (failed)
    lh_data_free(data);
  else
    *out = data;
  return failed;
}

void lh_data_free(struct lh_data *data) {
  if (!data) return;
  if (data->image) munmap((void *)(uintptr_t)data->image, data->image->size);
  if (data->owns_fd && data->fd >= 0) close(data->fd);
  free(data);
}

/* ---- looking in ---- */

int lh_data_fd(const struct lh_data *data) {
  return data->fd;
}

uint32_t lh_data_rows(const struct lh_data *data) {
  return data->image->rows;
}

uint32_t lh_data_columns(const struct lh_data *data) {
  return data->image->columns;
}

static struct lh_cell cell_at(const struct image *image, size_t number) {
  const uint32_t *ends = ends_of(image);
  uint32_t begin = number ? ends[number - 1] : 0;
  return (struct lh_cell){cells_of(image) + begin, ends[number] - begin};
}

struct lh_cell lh_data_column_name(const struct lh_data *data, uint32_t column) {
  return cell_at(data->image, column);
}

uint32_t lh_data_column(const struct lh_data *data, const char *name, size_t len) {
  for (uint32_t c = 0; c < data->image->columns; c++) {
    struct lh_cell known = cell_at(data->image, c);
    if (known.len == len && memcmp(known.at, name, len) == 0) return c;
  }
  return UINT32_MAX;
}

struct lh_cell lh_data_cell(const struct lh_data *data, uint32_t row, uint32_t column) {
  return cell_at(data->image, ((size_t)row + 1) * data->image->columns + column);
}

size_t lh_data_longest(const struct lh_data *data, uint32_t column) {
  return data->image->words[column];
}

const char *lh_data_digest(const struct lh_data *data) {
  return data->image->digest;
}
