/* The run's own facts and its events. */
#include <stdio.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "report/build.h"

static const char *const hows[] = {
    [LH_RUN_COMPLETE] = "complete", [LH_RUN_INTERRUPTED] = "interrupted", [LH_RUN_ABORTED] = "aborted",
    [LH_RUN_FAILED] = "failed",     [LH_RUN_UNFINISHED] = "unfinished",
};

/* Readers of JSON hold whole numbers up to 2^53; a larger seed is written as text, so that it can be used again. */
static json_t *seed_json(uint64_t seed) {
  char text[24];
  snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
  return seed > UINT64_C(1) << 53 ? json_string(text) : json_integer((json_int_t)seed);
}

json_t *lh_build_run(struct lh_build *b, const char *path) {
  const struct lh_run_row *run = b->g->run;
  json_t *out = json_object();
  lh_put(b, out, "name", lh_json_text(run->name));
  lh_put(b, out, "id", lh_json_text(run->id));
  lh_put(b, out, "started", lh_json_utc(b, 0));
  lh_put(b, out, "ended", lh_json_utc(b, run->end_ns > run->start_ns ? run->end_ns - run->start_ns : 0));
  lh_put(b, out, "how", lh_json_text(b->g->in_progress ? "in progress" : hows[run->how]));
  lh_put(b, out, "planned_s", lh_json_seconds(run->duration_ns));
  lh_put(b, out, "duration_s", lh_json_seconds(run->end_ns > run->start_ns ? run->end_ns - run->start_ns : 0));
  lh_put(b, out, "warmup_s", lh_json_seconds(run->warmup_ns));
  lh_put(b, out, "interval_s", lh_json_seconds(run->interval_ns));
  lh_put(b, out, "whole", json_boolean(b->g->whole)); /* false: --from or --until left a part out */
  lh_put(b, out, "from_s", lh_json_seconds(b->g->from_ns));
  lh_put(b, out, "until_s", lh_json_seconds(b->g->until_ns));
  lh_put(b, out, "from", lh_json_utc(b, b->g->from_ns));
  lh_put(b, out, "until", lh_json_utc(b, b->g->until_ns));
  lh_put(b, out, "seed", seed_json(run->seed));
  lh_put(b, out, "shard", lh_json_count(run->shard));
  lh_put(b, out, "shards", lh_json_count(run->shards));
  lh_put(b, out, "workers", lh_json_count(run->workers));
  lh_put(b, out, "version", lh_json_text(run->version));
  lh_put(b, out, "command_line", lh_json_text(run->command_line));
  lh_put(b, out, "file", lh_json_text(path));
  lh_put(b, out, "note", lh_json_text(lh_reader_note(b->g->reader)));
  return out;
}

json_t *lh_build_events(struct lh_build *b) {
  json_t *out = json_array();
  for (size_t i = 0; i < b->g->event_count; i++) {
    const struct lh_event_item *event = &b->g->events[i];
    json_t *item = json_object(), *details = event->details ? json_loads(event->details, 0, NULL) : NULL;
    lh_put(b, item, "t_s", lh_json_seconds(event->at_ns));
    lh_put(b, item, "at", lh_json_utc(b, event->at_ns));
    lh_put(b, item, "kind", lh_json_text(lh_event_name(event->kind)));
    lh_put(b, item, "group", lh_json_group(b, event->group));
    lh_put(b, item, "text", lh_json_text(event->text));
    lh_put(b, item, "details", details ? details : lh_json_text(event->details)); /* not JSON: as it stands */
    lh_push(b, out, item);
  }
  return out;
}
