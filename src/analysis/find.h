/* What the finders share: words to build a sentence with, and where it goes.
 *
 * A finder says the sentence (lh_say) and its evidence (lh_prove) piece by piece, then hands both over (lh_found), or
 * drops them (lh_unsay). Memory that runs out is remembered and reported once, at the end.
 */
#ifndef LONGHAUL_SRC_ANALYSIS_FIND_H
#define LONGHAUL_SRC_ANALYSIS_FIND_H

#include "longhaul/analysis/analysis.h"
#include "longhaul/base/buf.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"

enum { LH_WORDS_MAX = 64 << 10, LH_WORD_SIZE = 160 };

struct lh_finder {
  const struct lh_find_args *args;
  struct lh_findings found;
  size_t room;
  struct lh_buf sentence, evidence;
  bool failed; /* no memory */
};

struct lh_found {
  const char *id;
  enum lh_severity severity;
  double confidence;
  uint32_t group;
  uint64_t from_ns, until_ns;
};

void lh_say(struct lh_finder *finder, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lh_prove(struct lh_finder *finder, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lh_unsay(struct lh_finder *finder);
void lh_found(struct lh_finder *finder, const struct lh_found *found);

/* ---- words; each writes into out (LH_WORD_SIZE bytes) and returns it ---- */
char *lh_word_count(uint64_t n, char *out);
char *lh_word_duration(uint64_t ns, char *out);
/* "3 clients", "1 client": the plural is `noun` with an s. */
char *lh_word_many(uint64_t n, const char *noun, char *out);
/* "12.5 %", "0.03 %", "under 0.001 %" */
char *lh_word_share(uint64_t part, uint64_t whole, char *out);
char *lh_word_us(double us, char *out);
/* "at 05:00:03 UTC", with the date from the second day on; "1 h 3 min into the run" when the wall clock is not known. */
char *lh_word_when(const struct lh_finder *finder, uint64_t at_ns, char *out);
/* "RST", "close frame 1012, service restart", "upgrade refused 503": the code where it says more than the reason. */
char *lh_word_reason(unsigned reason, int32_t code, char *out);

/* ---- series ---- */
uint64_t lh_series_end_ns(const struct lh_series *series, size_t interval); /* since the start of the run */
uint64_t lh_series_most_wanted(const struct lh_series *series);
uint64_t lh_counter(const struct lh_find_group *group, enum lh_counter_id id); /* of the group's total; 0 without one */
/* The span of the intervals in which values[i] is above 0; the whole series when there is none or values is NULL. */
void lh_series_span(const struct lh_series *series, const uint64_t *values, uint64_t *from_ns, uint64_t *until_ns);

/* ---- the finders, in the order they are asked ---- */
void lh_find_never_opened(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_ceiling(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_outages(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_storm_rhythm(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_drift(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_clusters(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_login_trouble(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_message_trouble(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_push_trouble(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_tester_trouble(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_unverified_tls(struct lh_finder *finder, const struct lh_find_group *group);
void lh_find_late_intervals(struct lh_finder *finder); /* of the whole run, as the next one */
void lh_find_shared_storms(struct lh_finder *finder);
void lh_find_kept(struct lh_finder *finder);

#endif
