#include "analysis/find.h"

#include <stdio.h>

char *lh_word_count(uint64_t n, char *out) {
  return lh_format_count(n, out, LH_WORD_SIZE);
}

char *lh_word_duration(uint64_t ns, char *out) {
  return lh_format_duration_brief(ns, out, LH_WORD_SIZE);
}

char *lh_word_us(double us, char *out) {
  return lh_word_duration(us > 0 ? (uint64_t)(us * 1000) : 0, out);
}

char *lh_word_many(uint64_t n, const char *noun, char *out) {
  char count[LH_WORD_SIZE];
  snprintf(out, LH_WORD_SIZE, "%.40s %.80s%s", lh_word_count(n, count), noun, n == 1 ? "" : "s");
  return out;
}

char *lh_word_share(uint64_t part, uint64_t whole, char *out) {
  double percent = whole ? 100.0 * (double)part / (double)whole : 0;
  if (part && percent < 0.001)
    snprintf(out, LH_WORD_SIZE, "under 0.001 %%");
  else
    snprintf(out, LH_WORD_SIZE, "%.*f %%",
             percent >= 10 || percent == 0 ? 0
             : percent >= 1                ? 1
             : percent >= 0.1              ? 2
                                           : 3,
             percent);
  return out;
}

/* RFC 3339 is YYYY-MM-DDTHH:MM:SS.mmmZ; a sentence needs the seconds, and the date only when the day is not the first. */
char *lh_word_when(const struct lh_finder *finder, uint64_t at_ns, char *out) {
  int64_t start = finder->args->start_wall_us;
  if (start == 0) {
    char brief[LH_WORD_SIZE];
    snprintf(out, LH_WORD_SIZE, "%s into the run", lh_word_duration(at_ns, brief));
    return out;
  }
  char first[32], utc[32];
  lh_format_utc(start, first, sizeof first);
  lh_format_utc(start + (int64_t)(at_ns / LH_NS_PER_US), utc, sizeof utc);
  bool same_day = true;
  for (int i = 0; i < 10; i++) same_day = same_day && first[i] == utc[i];
  if (same_day)
    snprintf(out, LH_WORD_SIZE, "at %.8s UTC", utc + 11);
  else
    snprintf(out, LH_WORD_SIZE, "on %.10s at %.8s UTC", utc, utc + 11);
  return out;
}

/* RFC 6455 section 7.4.1 and the IANA registry of close codes. */
static const char *close_code_name(int32_t code) {
  switch (code) {
  case 1000: return "normal closure";
  case 1001: return "going away";
  case 1002: return "protocol error";
  case 1003: return "unsupported data";
  case 1007: return "invalid data";
  case 1008: return "policy violation";
  case 1009: return "message too big";
  case 1010: return "extension missing";
  case 1011: return "internal error";
  case 1012: return "service restart";
  case 1013: return "try again later";
  case 1014: return "bad gateway";
  default: return NULL;
  }
}

char *lh_word_reason(unsigned reason, int32_t code, char *out) {
  const char *name = lh_reason_name(reason);
  const char *meaning = reason == LH_REASON_CLOSE_FRAME ? close_code_name(code) : NULL;
  bool telling = code != 0 && (reason == LH_REASON_CLOSE_FRAME || reason == LH_REASON_UPGRADE_REFUSED ||
                               reason == LH_REASON_STATUS_REFUSED || reason == LH_REASON_REDIRECT || reason == LH_REASON_TLS_ALERT);
  if (telling && meaning)
    snprintf(out, LH_WORD_SIZE, "%s %d, %s", name, code, meaning);
  else if (telling)
    snprintf(out, LH_WORD_SIZE, "%s %d", name, code);
  else
    snprintf(out, LH_WORD_SIZE, "%s", name);
  return out;
}
