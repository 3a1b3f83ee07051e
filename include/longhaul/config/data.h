/* The rows of a CSV file that feed variables: read and checked once, then shared by every process of the run.
 *
 * Glossary
 *   cell   one field of one row, its quotes taken away
 *   image  all cells one behind the other and where each ends, in anonymous shared memory that cannot be written any more: what
 *          happens to the file during the run changes nothing, and a worker maps it instead of reading anything
 *
 * RFC 4180: comma, quotes, "" within quotes, line breaks within quotes; rows end with CRLF or LF; a byte order mark is skipped.
 * The first row names the columns. The bytes must be UTF-8.
 */
#ifndef LONGHAUL_CONFIG_DATA_H
#define LONGHAUL_CONFIG_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"

struct lh_data;

struct lh_cell {
  const char *at; /* within the image; no NUL follows */
  size_t len;
};

/* Makes the image from the bytes of a file. -EINVAL with a sentence that names the line, or another negative errno. */
int lh_data_new(struct lh_data **data, const char *bytes, size_t len, struct lh_err *err);
/* Maps an image that another process made, by its descriptor, which stays open and the caller's. */
int lh_data_attach(struct lh_data **data, int fd, struct lh_err *err);
void lh_data_free(struct lh_data *data); /* accepts NULL */

/* The image's descriptor, which no child inherits unless it is lent to it (run/crew.c): rows may be names and passwords. */
int lh_data_fd(const struct lh_data *data);
uint32_t lh_data_rows(const struct lh_data *data); /* at least 1 */
uint32_t lh_data_columns(const struct lh_data *data);
struct lh_cell lh_data_column_name(const struct lh_data *data, uint32_t column);
/* The number of a column by its name, UINT32_MAX when there is none. */
uint32_t lh_data_column(const struct lh_data *data, const char *name, size_t len);
struct lh_cell lh_data_cell(const struct lh_data *data, uint32_t row, uint32_t column);
/* Bytes of the column's longest cell. */
size_t lh_data_longest(const struct lh_data *data, uint32_t column);
/* SHA-256 of the file, in hexadecimal digits, as sha256sum prints it. */
const char *lh_data_digest(const struct lh_data *data);

#endif
