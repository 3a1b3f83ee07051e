/* The fields of a CSV text (RFC 4180), one after the other. */
#ifndef CONFIG_CSV_H
#define CONFIG_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"

struct csv {
  const char *at, *end;
  uint64_t line; /* from 1, of `at` */
  bool in_row;   /* a comma came before `at`: a field must follow */
};

struct csv_field {
  const char *at; /* between the quotes, when there are any; borrowed from the text */
  size_t len;
  bool doubled; /* "" stands in it for " */
  bool last;    /* of its row */
  uint64_t line;
};

/* Past a byte order mark. */
struct csv csv_begin(const char *text, size_t len);
/* 1 and a field, 0 at the end, or -EINVAL with a sentence that begins with the line. */
int csv_next(struct csv *csv, struct csv_field *field, struct lh_err *err);
/* Writes what the field says; out may be NULL. Returns its length. */
size_t csv_copy(const struct csv_field *field, char *out);

#endif
