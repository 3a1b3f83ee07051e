/* What a run file still holds that is cut off (an interrupted copy, a full disk, a file system that lost its end) or damaged
 * in the middle (bad sectors, a copy with holes).
 *
 * Glossary
 *   whole    an interval of which no row can be missing
 *   hole     rows of a table whose pages the file lacks or that make no sense, between two rows that do; or after the last one
 */
#ifndef LONGHAUL_SRC_STORE_SALVAGE_H
#define LONGHAUL_SRC_STORE_SALVAGE_H

#include <sqlite3.h>
#include <stdint.h>

#include "longhaul/base/err.h"

struct lh_file_cut {
  uint64_t bytes, bytes_whole; /* that there are, that there should be; equal: it is not cut off, but damaged */
};

/* Makes a database of its own (*db, for sqlite3_close) of the rows that can be read, whole intervals alone. A run that lost
 * intervals reads as one without an end. *note: what is missing, in a sentence that begins with the path; for
 * sqlite3_free. */
int lh_salvage(const char *path, const struct lh_file_cut *cut, sqlite3 **db, char **note, struct lh_err *err);

#endif
