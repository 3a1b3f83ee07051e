/* Care with targets, before a run. */
#include <stdio.h>

#include "cli/source.h"
#include "longhaul/base/units.h"
#include "longhaul/run/care.h"

static void say_charge(const struct lh_care_target *t) {
  char clients[32];
  lh_cli_fail(LH_EXIT_USAGE, "target %s (%s) is outside of loopback and private networks: %s clients, at most %.0f connects/s, "
              "%.1f messages/s", t->target->name, t->address, lh_format_count(t->clients, clients, sizeof clients),
              t->connects_per_second, t->messages_per_second);
}

int lh_source_care(struct lh_source *source, bool yes) {
  if (yes && lh_source_authorize(source) != 0) return LH_EXIT_TESTER;
  struct lh_care care;
  struct lh_err err = {0};
  if (lh_care_look(&care, source->config, &err) < 0) {
    lh_care_free(&care);
    return lh_cli_fail(LH_EXIT_TESTER, "%s", err.text);
  }
  size_t unauthorized = 0;
  for (size_t i = 0; i < care.count; i++) {
    const struct lh_care_target *t = &care.targets[i];
    if (t->reach == LH_REACH_DENIED) {
      lh_cli_fail(LH_EXIT_USAGE, "target %s leads to %s, which `deny` of the config never lets be connected to (%s)",
                  t->target->name, t->address, t->pattern);
    } else {
      say_charge(t);
      unauthorized++;
    }
  }
  if (unauthorized > 0)
    fprintf(stderr,
            "longhaul: nothing was connected. When you may load %s: put `authorized: true` into the target (for a login's url: into "
            "the login), or give --yes for this run\n",
            unauthorized == 1 ? "it" : "them");
  int exit_code = care.count > 0 ? LH_EXIT_USAGE : 0;
  lh_care_free(&care);
  return exit_code;
}
