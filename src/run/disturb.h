/* The planned disturbances on the run's timeline: the workers carry them out, the supervisor knows their times from the
 * config and writes them down. */
#ifndef LH_RUN_DISTURB_H
#define LH_RUN_DISTURB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/config/config.h"

/* When the first one at or past from_ns is due, both since the start of the run; LH_NEVER: none. */
uint64_t lh_disturb_next_ns(const struct lh_config *config, uint64_t from_ns);
/* Whether this action happens at at_ns. */
bool lh_disturb_is_at(const struct lh_action *action, uint64_t at_ns);
/* "group chat: 20% of the clients dropped by RST" */
const char *lh_disturb_words(const struct lh_config *config, const struct lh_action *action, char *out, size_t size);

#endif
