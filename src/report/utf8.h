/* Text from peers may be any bytes; JSON and HTML take UTF-8 alone. */
#ifndef LONGHAUL_REPORT_UTF8_H
#define LONGHAUL_REPORT_UTF8_H

#include <stddef.h>

/* Length of the well-formed sequence at `text` (RFC 3629: no overlong forms, no surrogates), 0 when there is none. */
size_t lh_utf8_len(const char *text);
/* A copy in which each byte that is no part of one is U+FFFD; owned by the caller, NULL when there is no memory. */
char *lh_utf8_clean(const char *text);
/* Columns on a terminal: one for each character. (Wide characters are counted as one: tables may then lean.) */
size_t lh_utf8_columns(const char *text);

#endif
