/* Configs for tests, from YAML text. */
#ifndef LONGHAUL_TESTS_UNIT_LOADED_H
#define LONGHAUL_TESTS_UNIT_LOADED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "longhaul/config/load.h"

/* A text with an error fails the test, with what is wrong. `settings` as of --set, NULL: none. */
static inline struct lh_config *load_with(const char *text, const struct lh_strings *settings) {
  struct lh_load_args args = {.path = "test.yaml", .text = text};
  struct lh_diagnostics diagnostics = {0};
  struct lh_config *config = NULL;
  if (settings) {
    args.settings = (const char *const *)settings->items;
    args.setting_count = settings->count;
  }
  if (lh_config_load(&args, &config, &diagnostics) < 0)
    for (size_t i = 0; i < diagnostics.count; i++) print_message("%s\n", diagnostics.items[i]);
  lh_diagnostics_free(&diagnostics);
  assert_non_null(config);
  return config;
}

static inline struct lh_config *load_text(const char *text) {
  return load_with(text, NULL);
}

#endif
