/* What the server kept once every client had left, and whether it lasted that long. */
#include "analysis/find.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_process(const struct lh_watched *w, const char *name) {
  return strcmp(w->source, "process") == 0 && strcmp(w->name, name) == 0;
}

bool lh_watched_is_processes(const struct lh_watched *watched) {
  return is_process(watched, "processes");
}

bool lh_watched_is_counter(const char *source, const char *name) {
  static const char *const endings[] = {"_total", "_count", "_sum", "_bucket"};
  if (strcmp(source, "process") == 0) return strcmp(name, "cpu_us") == 0;
  size_t len = strcspn(name, "{");
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t ending = strlen(endings[i]);
    if (len > ending && strncmp(name + len - ending, endings[i], ending) == 0) return true;
  }
  return false;
}

static bool is_memory(const char *name) {
  return strstr(name, "bytes") != NULL;
}

bool lh_watched_is_back(const char *source, const char *name, double before, double now) {
  bool memory = is_memory(name);
  double slack = fmax(fabs(before) * (memory ? 0.1 : 0.02), memory ? 16 << 20 : 2);
  return lh_watched_is_counter(source, name) || now <= before + slack;
}

static char *word_value(const struct lh_watched *w, double value, char *out) {
  if (is_memory(w->name)) return lh_format_size(value > 0 ? (uint64_t)value : 0, out, LH_WORD_SIZE);
  if (value < 0 || value != floor(value))
    snprintf(out, LH_WORD_SIZE, "%.4g", value);
  else
    lh_word_count((uint64_t)value, out);
  return out;
}

static void say_kept(struct lh_finder *finder, const struct lh_watched *w) {
  char kept[LH_WORD_SIZE], before[LH_WORD_SIZE], most[LH_WORD_SIZE], after[LH_WORD_SIZE], wait[LH_WORD_SIZE];
  word_value(w, w->after - w->before, kept);
  if (strcmp(w->source, "metrics") == 0)
    lh_say(finder, "The server's %s stayed %s above where it was after every client had left.", w->name, kept);
  else
    lh_say(finder, "The server kept %s%s%s after every client had left.", kept, is_memory(w->name) ? " of memory" : " ",
           is_memory(w->name) ? "" : w->name);
  lh_prove(finder, "%s before the first client, %s at the most, %s when last seen, %s after the last client", word_value(w, w->before, before),
           word_value(w, w->most, most), word_value(w, w->after, after),
           lh_word_duration(w->after_ns > finder->args->end_ns ? w->after_ns - finder->args->end_ns : 0, wait));
  lh_found(finder, &(struct lh_found){.id = "server-kept",
                                      .severity = is_memory(w->name) ? LH_SEVERITY_INFO : LH_SEVERITY_NOTICE,
                                      .confidence = is_memory(w->name) ? 0.5 : 0.9,
                                      .group = LH_NO_GROUP,
                                      .from_ns = finder->args->end_ns,
                                      .until_ns = w->after_ns});
}

/* How many processes were left when they were last seen, while there were clients or after. */
static double left_of(const struct lh_watched *w) {
  return w->has_after ? fmin(w->end, w->after) : w->end;
}

static void say_gone(struct lh_finder *finder, const struct lh_watched *w) {
  bool all = left_of(w) == 0;
  lh_say(finder, "%s of the watched processes of the server ended during the run.", all ? "All" : "Some");
  lh_prove(finder, "%.0f before the first client, %.0f at the most, %.0f at the end", w->before, w->most, left_of(w));
  lh_found(finder, &(struct lh_found){.id = "server-ended",
                                      .severity = all ? LH_SEVERITY_SERIOUS : LH_SEVERITY_NOTICE,
                                      .confidence = 1,
                                      .group = LH_NO_GROUP,
                                      .from_ns = 0,
                                      .until_ns = finder->args->end_ns});
}

/* Processor time since a process's start falls only when another process took its place. */
static void say_restarted(struct lh_finder *finder) {
  lh_say(finder, "Watched processes of the server were restarted or replaced during the run.");
  lh_prove(finder, "their processor time fell from one sample to the next");
  lh_found(finder, &(struct lh_found){.id = "server-restarted",
                                      .severity = LH_SEVERITY_NOTICE,
                                      .confidence = 0.9,
                                      .group = LH_NO_GROUP,
                                      .from_ns = 0,
                                      .until_ns = finder->args->end_ns});
}

void lh_find_kept(struct lh_finder *finder) {
  bool ended = false, fell = false;
  for (size_t i = 0; i < finder->args->watched_count && !finder->failed; i++) {
    const struct lh_watched *w = &finder->args->watched[i];
    if (strcmp(w->source, "supervisor") == 0) continue;
    if (is_process(w, "cpu_us")) fell = fell || w->fell;
    if (lh_watched_is_processes(w)) {
      if (w->has_before && left_of(w) < w->before) say_gone(finder, w);
      ended = ended || left_of(w) < w->before;
    } else if (w->has_before && w->has_after && !lh_watched_is_back(w->source, w->name, w->before, w->after)) {
      say_kept(finder, w);
    }
  }
  if (fell && !ended) say_restarted(finder);
}
