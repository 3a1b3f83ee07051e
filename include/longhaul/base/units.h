/* Durations, sizes, rates and shares as people write them. Locale-free.
 *
 * Grammar: a decimal number directly followed by its unit.
 *   duration  us, ms, s, m, h, d; parts may follow each other from large to small: "1h30m". "0" needs no unit.
 *   size      B, KiB, MiB, GiB (and KB, MB, GB as powers of 1000); a bare whole number is bytes
 *   rate      N/s, N/m, N/h
 *   share     N% or a bare fraction 0..1; the value is the fraction
 * Each parser returns 0, -EINVAL (not of that grammar), or -ERANGE (negative or too large), and leaves *out alone on failure.
 */
#ifndef LONGHAUL_BASE_UNITS_H
#define LONGHAUL_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

int lh_parse_duration(const char *text, uint64_t *ns);
int lh_parse_size(const char *text, uint64_t *bytes);
int lh_parse_rate(const char *text, double *per_second);
int lh_parse_share(const char *text, double *fraction);

/* Exact, as the parser above reads it back: "8h", "1h30m", "250ms", "1ms20.500us", "0s". Returns out. */
char *lh_format_duration(uint64_t ns, char *out, size_t size);
/* For people, three significant digits: "4.13 s", "212 ms", "63 us", "7 h 59 min". Returns out. */
char *lh_format_duration_brief(uint64_t ns, char *out, size_t size);
/* "1.5 KiB", "24 MiB". Returns out. */
char *lh_format_size(uint64_t bytes, char *out, size_t size);
/* Thousands grouped by commas: "18,000". Returns out. */
char *lh_format_count(uint64_t n, char *out, size_t size);

#endif
