/* Numbers as people read them; page.js says them in the same words. Each returns its text by value, so that
 * `lh_show_count(n).text` may stand in a printf. Locale-free.
 */
#ifndef LONGHAUL_REPORT_SHOW_H
#define LONGHAUL_REPORT_SHOW_H

#include <stdint.h>

#include <jansson.h>

struct lh_shown {
  char text[80];
};

struct lh_shown lh_show_count(double n);                                     /* "5,000" */
struct lh_shown lh_show_plural(double n, const char *one, const char *many); /* "1 drop", "37 drops", "no drops" */
struct lh_shown lh_show_us(double us);                                       /* "212 ms", "4.13 s", "8 h" */
struct lh_shown lh_show_seconds(double s); /* a time that was chosen, not measured: "10 s", not "10.0 s" */
/* Digits so that the distance to 0 or 100 shows two figures; cut, not rounded, above 50: 99.9996 never reads as 100. */
struct lh_shown lh_show_percent(double percent);                       /* "99.987 %" */
struct lh_shown lh_show_rate(double n);                                /* "0.0009", "4.13", "1,240" */
struct lh_shown lh_show_bytes(double bytes);                           /* "1.5 MiB" */
struct lh_shown lh_show_time(const char *rfc3339);                     /* "2026-11-22 20:03:28" (UTC) */
struct lh_shown lh_show_clock(const char *rfc3339);                    /* "20:03:28" */
struct lh_shown lh_show_when(const json_t *model, const char *rfc3339); /* the clock; with its date when the run saw more than one */
struct lh_shown lh_show_length(const json_t *storm);                   /* from its first drop to its last: "7.98 s", "< 1 ms" */
struct lh_shown lh_show_slo_value(const json_t *slo, const char *key); /* by the objective's unit; "none" for null */
/* What decided: the value of the whole run, or of the worst window where it has `for`, which the value may look better than:
 * "609 ms in the 1 min from 20:13:08 UTC"; with the date for days. */
struct lh_shown lh_show_slo_decisive(const json_t *model, const json_t *slo);

#endif
