/* Any bytes as a config: refused with printable sentences, or read as something whose effective config is a config again.
 * What follows a zero byte is one --set. The words that the mutator puts in are those of the option table. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/config/load.h"
#include "longhaul/config/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

static void need(int holds, const char *what, const char *text) {
  if (holds) return;
  fprintf(stderr, "broken: %s\n%s\n", what, text ? text : "");
  abort();
}

/* Some are set, so that expansion is met; nothing of the real environment is read. */
static const char *fake_getenv(const char *name) {
  if (strcmp(name, "A") == 0) return "${token}$";
  if (strcmp(name, "N") == 0) return "7";
  return strcmp(name, "BAD") == 0 ? "\xff" : NULL;
}

static int load(const char *text, const char *const *settings, size_t count, struct lh_config **config) {
  struct lh_diagnostics diagnostics = {0};
  struct lh_load_args args = {
      .path = "f.yaml", .text = text, .settings = settings, .setting_count = count, .getenv = fake_getenv, .no_files = true};
  int failed = lh_config_load(&args, config, &diagnostics);
  need(!failed || failed == -EINVAL, "no other error is possible", text);
  need(!failed == (*config != NULL), "a config is made unless it failed", text);
  size_t errors = 0;
  for (size_t i = 0; i < diagnostics.count; i++) {
    errors += strncmp(diagnostics.items[i], "warning: ", 9) != 0;
    for (const unsigned char *at = (const unsigned char *)diagnostics.items[i]; *at; at++)
      need(*at >= 0x20 && *at != 0x7f, "a sentence has no control characters", text);
  }
  need(!failed == !errors || diagnostics.count > 100, "it fails when a sentence is no warning", text);
  lh_diagnostics_free(&diagnostics);
  return failed;
}

static void check_config(const struct lh_config *config) {
  for (size_t i = 0; i < config->group_count; i++) {
    const struct lh_group *g = &config->groups[i];
    need(g->connections > 0 && g->ramp.count > 0, "a group has clients and a line", config->masked);
    need(g->kind == LH_KIND_NULL || g->target < config->target_count, "a group has a target", config->masked);
    for (size_t j = 0; j < g->message_count; j++) {
      const struct lh_message *m = &g->messages[j];
      need(m->name && m->source != LH_PAYLOAD_NONE, "a message has a name and a payload", config->masked);
      need(m->every_ns || m->after != LH_AFTER_RUN, "a message has a schedule", config->masked);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = calloc(1, size + 1);
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  size_t len = strlen(text);
  const char *setting = len < size ? text + len + 1 : NULL;
  struct lh_config *config = NULL, *again = NULL;
  if (load(text, &setting, setting != NULL, &config) == 0) {
    check_config(config);
    /* A mask may stand where only something else can be read. */
    if (!strstr(config->masked, "***")) {
      need(load(config->masked, NULL, 0, &again) == 0, "the effective config is a config", config->masked);
      need(strcmp(config->masked, again->masked) == 0, "the effective config is its own", config->masked);
    }
  }
  lh_config_free(config);
  lh_config_free(again);
  free(text);
  return 0;
}

/* A key, an example, a default or a choice of some row. */
static size_t word_of_table(unsigned seed, char *out, size_t room) {
  size_t count;
  const struct lh_option *rows = lh_options(&count), *row = &rows[seed % count];
  const char *point = strrchr(row->key, '.'),
             *words[] = {point ? point + 1 : row->key, row->example, row->preset, row->choices};
  unsigned which = seed / 256 % 5;
  const char *word = which < 4 && words[which] ? words[which] : words[0];
  if (which == 3 && row->choices) { /* one of them */
    for (unsigned skip = seed / 4096 % 4; skip && strchr(word, '|'); skip--) word = strchr(word, '|') + 1;
    return (size_t)snprintf(out, room, "%.*s", (int)strcspn(word, "|"), word);
  }
  return (size_t)snprintf(out, room, which == 0 ? "\n  %s: " : which == 4 ? "%s: " : "%s", word);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed) {
  char word[256];
  size_t len = word_of_table(seed / 8, word, sizeof word);
  if (seed % 3 == 0 || len >= sizeof word || size + len > room) return LLVMFuzzerMutate(data, size, room);
  size_t at = size ? seed / 3 % size : 0;
  memmove(data + at + len, data + at, size - at);
  memcpy(data + at, word, len);
  return size + len;
}
