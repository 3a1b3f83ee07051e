/* Reading a push: its number and its time, wherever the config says they stand. Nothing is allocated for each message, but by
 * the C library for a regular expression. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "conn/json_pointer.h"
#include "longhaul/conn/incoming.h"

struct span {
  const char *at;
  size_t len;
};

enum { GROUPS = 2 }; /* what is matched, and its first group */

struct place {
  const struct lh_locator *config;
  regex_t *regex; /* owned; NULL: none */
};

struct lh_incoming_rules {
  const struct lh_incoming_config *config;
  struct place sequence, timestamp;
};

/* ---- making ---- */

static int compile(struct place *place, const struct lh_locator *config, struct lh_err *err) {
  place->config = config;
  if (!config->regex) return 0;
  place->regex = calloc(1, sizeof *place->regex);
  if (!place->regex) return lh_err_set(err, ENOMEM, "no memory for a regular expression");
  int failed = regcomp(place->regex, config->regex, REG_EXTENDED);
  if (!failed) return 0;
  char why[128];
  regerror(failed, place->regex, why, sizeof why);
  free(place->regex);
  place->regex = NULL;
  return lh_err_set(err, EINVAL, "'%s' is not an extended regular expression: %s", config->regex, why);
}

int lh_incoming_rules_new(struct lh_incoming_rules **rules, const struct lh_incoming_config *config, struct lh_err *err) {
  struct lh_incoming_rules *made = calloc(1, sizeof *made);
  if (!made) return lh_err_set(err, ENOMEM, "no memory for the checks of incoming messages");
  made->config = config;
  int failed = compile(&made->sequence, &config->sequence, err);
  if (!failed) failed = compile(&made->timestamp, &config->timestamp, err);
  if (failed)
    lh_incoming_rules_free(made);
  else
    *rules = made;
  return failed;
}

static void free_place(struct place *place) {
  if (place->regex) regfree(place->regex);
  free(place->regex);
}

void lh_incoming_rules_free(struct lh_incoming_rules *rules) {
  if (!rules) return;
  free_place(&rules->sequence);
  free_place(&rules->timestamp);
  free(rules);
}

static bool reads_bytes(const struct lh_locator *place) {
  return place->kind != LH_LOCATOR_NONE && place->kind != LH_LOCATOR_ID;
}

bool lh_incoming_reads_bytes(const struct lh_incoming_rules *rules) {
  return reads_bytes(&rules->config->sequence) || reads_bytes(&rules->config->timestamp);
}

/* ---- places ---- */

static bool narrow(const struct place *place, struct span *text) {
  if (!place->regex) return true;
  regoff_t starts[GROUPS], ends[GROUPS];
  struct re_registers registers = {.num_regs = GROUPS, .start = starts, .end = ends};
  place->regex->regs_allocated = REGS_FIXED; /* ours: the library neither grows nor frees them */
  /* Not regexec: its text ends with a NUL, and AddressSanitizer's stand-in looks for one even with REG_STARTEND. */
  if (re_search(place->regex, text->at, (regoff_t)text->len, 0, (regoff_t)text->len, &registers) < 0) return false;
  int group = place->regex->re_nsub > 0 ? 1 : 0;
  if (starts[group] < 0) return false;
  *text = (struct span){text->at + starts[group], (size_t)(ends[group] - starts[group])};
  return true;
}

/* The text of the value; a JSON string without its quotes. */
static bool find_text(const struct place *place, const struct lh_push *push, struct span *text) {
  struct lh_json_span value;
  *text = (struct span){push->bytes, push->len};
  switch (place->config->kind) {
  case LH_LOCATOR_ID:
    if (!push->id) return false;
    *text = (struct span){push->id, strlen(push->id)};
    break;
  case LH_LOCATOR_POINTER:
    if (!lh_json_pointer_find(place->config->field, push->bytes, push->len, &value)) return false;
    *text = (struct span){value.at, value.len};
    if (text->len >= 2 && text->at[0] == '"') *text = (struct span){text->at + 1, text->len - 2};
    break;
  case LH_LOCATOR_TEXT: break;
  case LH_LOCATOR_NONE:
  case LH_LOCATOR_BYTES: return false;
  }
  return narrow(place, text);
}

static bool read_bytes(const struct lh_locator *place, const struct lh_push *push, uint64_t *number) {
  if (push->len < place->width || place->offset > push->len - place->width) return false;
  const unsigned char *at = (const unsigned char *)push->bytes + place->offset;
  *number = 0;
  for (uint32_t i = 0; i < place->width; i++) *number = *number << 8 | at[place->little ? place->width - 1 - i : i];
  return true;
}

/* ---- numbers ---- */

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Digits from the start of the text on, which are taken from it; at least one, and no more than fit. */
static bool take_digits(struct span *text, uint64_t *number) {
  size_t len = 0;
  *number = 0;
  for (; len < text->len && is_digit(text->at[len]); len++) {
    uint64_t digit = (uint64_t)(text->at[len] - '0');
    if (*number > (UINT64_MAX - digit) / 10) return false;
    *number = *number * 10 + digit;
  }
  *text = (struct span){text->at + len, text->len - len};
  return len > 0;
}

bool lh_incoming_number(const struct lh_incoming_rules *rules, const struct lh_push *push, uint64_t *number) {
  const struct place *place = &rules->sequence;
  struct span text;
  uint64_t read;
  if (place->config->kind == LH_LOCATOR_BYTES) return read_bytes(place->config, push, number);
  if (!find_text(place, push, &text) || !take_digits(&text, &read) || text.len > 0) return false;
  *number = read;
  return true;
}

/* ---- times ---- */

enum { FRACTION_DIGITS = 9 };

/* Up to nine digits behind a point as billionths; more of them say nothing to a clock. */
static bool take_fraction(struct span *text, uint64_t *billionths) {
  size_t digits = 0;
  *billionths = 0;
  if (text->len == 0 || (text->at[0] != '.' && text->at[0] != ',')) return true;
  size_t len = 1;
  for (; len < text->len && is_digit(text->at[len]); len++)
    if (digits < FRACTION_DIGITS) {
      *billionths = *billionths * 10 + (uint64_t)(text->at[len] - '0');
      digits++;
    }
  for (; digits < FRACTION_DIGITS; digits++) *billionths *= 10;
  *text = (struct span){text->at + len, text->len - len};
  return len > 1;
}

/* Whole units and billionths of one, as microseconds. */
static bool scale(enum lh_push_unit unit, uint64_t whole, uint64_t billionths, int64_t *wall_us) {
  static const uint64_t us[] = {[LH_PUSH_MS] = 1000, [LH_PUSH_US] = 1, [LH_PUSH_S] = 1000000};
  if (unit == LH_PUSH_NS) {
    *wall_us = (int64_t)(whole / 1000);
    return true;
  }
  if (whole > (uint64_t)INT64_MAX / us[unit] - 1) return false;
  *wall_us = (int64_t)(whole * us[unit] + billionths * us[unit] / 1000000000);
  return true;
}

/* Exactly so many digits. */
static bool take_fixed(struct span *text, size_t digits, int64_t *number) {
  if (text->len < digits) return false;
  *number = 0;
  for (size_t i = 0; i < digits; i++) {
    if (!is_digit(text->at[i])) return false;
    *number = *number * 10 + (text->at[i] - '0');
  }
  *text = (struct span){text->at + digits, text->len - digits};
  return true;
}

static bool take_one_of(struct span *text, const char *chars) {
  if (text->len == 0 || !text->at[0] || !strchr(chars, text->at[0])) return false;
  *text = (struct span){text->at + 1, text->len - 1};
  return true;
}

/* Days from 1970-01-01, by the Gregorian calendar: years counted from March, so that the leap day is the last of its year. */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
  if (month <= 2) year--;
  int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
  int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "Z", "+05:30" or "-08:00": seconds to be taken off. */
static bool take_zone(struct span *text, int64_t *seconds) {
  int64_t hours, minutes;
  *seconds = 0;
  if (take_one_of(text, "Zz")) return true;
  bool west = text->len && text->at[0] == '-';
  if (!take_one_of(text, "+-") || !take_fixed(text, 2, &hours) || !take_one_of(text, ":") || !take_fixed(text, 2, &minutes))
    return false;
  *seconds = (hours * 60 + minutes) * (west ? -60 : 60);
  return hours < 24 && minutes < 60;
}

static bool read_rfc3339(struct span text, int64_t *wall_us) {
  int64_t year, month, day, hour, minute, second, zone;
  uint64_t billionths;
  bool is_date = take_fixed(&text, 4, &year) && take_one_of(&text, "-") && take_fixed(&text, 2, &month) &&
                 take_one_of(&text, "-") && take_fixed(&text, 2, &day) && take_one_of(&text, "Tt ");
  bool is_time = is_date && take_fixed(&text, 2, &hour) && take_one_of(&text, ":") && take_fixed(&text, 2, &minute) &&
                 take_one_of(&text, ":") && take_fixed(&text, 2, &second) && take_fraction(&text, &billionths) &&
                 take_zone(&text, &zone);
  if (!is_time || text.len > 0) return false;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return false;
  int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
  *wall_us = seconds * 1000000 + (int64_t)(billionths / 1000);
  return true;
}

bool lh_incoming_time(const struct lh_incoming_rules *rules, const struct lh_push *push, int64_t *wall_us) {
  const struct place *place = &rules->timestamp;
  struct span text;
  uint64_t whole, billionths = 0;
  if (place->config->kind == LH_LOCATOR_BYTES)
    return read_bytes(place->config, push, &whole) && scale(rules->config->unit, whole, 0, wall_us);
  if (!find_text(place, push, &text)) return false;
  if (rules->config->unit == LH_PUSH_RFC3339) return read_rfc3339(text, wall_us);
  if (!take_digits(&text, &whole) || !take_fraction(&text, &billionths) || text.len > 0) return false;
  return scale(rules->config->unit, whole, billionths, wall_us);
}
