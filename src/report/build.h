/* The parts of the report model, each built from what was gathered.
 *
 * A builder returns a new jansson value and never fails half-way: a piece for which there was no memory sets `failed`, and
 * lh_report_model then gives up the whole model.
 */
#ifndef LONGHAUL_REPORT_BUILD_H
#define LONGHAUL_REPORT_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "longhaul/config/config.h"
#include "report/gather.h"
#include "report/tester.h"

struct lh_slo_result;

struct lh_build {
  struct lh_gather *g;
  const struct lh_config *config; /* its objectives alone; NULL when there are none */
  const struct lh_lateness *late; /* by interval */
  bool failed;                    /* no memory for some piece */
};

/* Takes over value. */
void lh_put(struct lh_build *b, json_t *object, const char *key, json_t *value);
void lh_push(struct lh_build *b, json_t *array, json_t *value);
/* Bytes that are not UTF-8 (a peer's close text) become U+FFFD. NULL gives null. */
json_t *lh_json_text(const char *text);
json_t *lh_json_count(uint64_t n);
/* Rounded to so many decimals, that reports stay short; null when it is not finite. */
json_t *lh_json_real(double value, int decimals);
json_t *lh_json_seconds(uint64_t ns); /* to the millisecond */
json_t *lh_json_utc(const struct lh_build *b, uint64_t since_start_ns);
json_t *lh_json_group(const struct lh_build *b, uint32_t group); /* its name; null for the whole run */

json_t *lh_build_run(struct lh_build *b, const char *path);
json_t *lh_build_totals(struct lh_build *b, const struct lh_lane *lane);
json_t *lh_build_groups(struct lh_build *b);
json_t *lh_build_latency(struct lh_build *b, const struct lh_snapshot *total);
json_t *lh_build_logins(struct lh_build *b, const struct lh_lane *lane);   /* null where there were none */
json_t *lh_build_incoming(struct lh_build *b, const struct lh_lane *lane); /* null where no pushes are checked */
json_t *lh_build_series(struct lh_build *b);
json_t *lh_build_events(struct lh_build *b);
/* Adds "storms" and "findings". */
void lh_build_findings(struct lh_build *b, json_t *model);
json_t *lh_build_tester(struct lh_build *b);
/* What a site watched of the server; null when nothing. */
json_t *lh_build_server(struct lh_build *b, const struct lh_site *site);
/* The same by interval, as arrays; only called when there is something. */
json_t *lh_build_server_series(struct lh_build *b, const struct lh_site *site);
bool lh_has_server(const struct lh_site *site);
/* The first that watched a server, else the first. */
const struct lh_site *lh_server_site(const struct lh_gather *g);
/* Adds "host", "limits" and "ladder", in a merged run of its first shard. */
void lh_build_host(struct lh_build *b, json_t *model);
json_t *lh_build_host_series(struct lh_build *b, const struct lh_site *site);
/* By shard in a merged run, which has series of theirs too; else null. */
json_t *lh_build_shards(struct lh_build *b);
json_t *lh_build_shard_series(struct lh_build *b);

/* Share of the wanted client time in which clients were open, in percent; NaN when none was wanted. */
double lh_availability_percent(uint64_t open_us, uint64_t wanted_us);
double lh_client_hours(uint64_t open_us);
/* Drops that count against the target. */
uint64_t lh_target_drops(const uint64_t counters[LH_COUNTER_COUNT]);

#endif
