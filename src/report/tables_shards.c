/* The shards of a merged run side by side. */
#include <stdlib.h>
#include <string.h>

#include "report/look.h"
#include "report/show.h"
#include "report/tables.h"

static struct lh_shown us_or_none(const json_t *shard, const char *path) {
  return lh_look_is_null(shard, path) ? (struct lh_shown){"-"} : lh_show_us(lh_look_number(shard, path));
}

static void add_row(struct lh_table *t, const json_t *shard) {
  bool available = !lh_look_is_null(shard, "availability_percent");
  lh_table_add(t, (const char *[]){lh_show_count(lh_look_number(shard, "shard")).text, lh_look_text(shard, "name"),
                                   lh_look_text(shard, "how"), lh_show_count(lh_look_number(shard, "clients")).text,
                                   available ? lh_show_percent(lh_look_number(shard, "availability_percent")).text : "-",
                                   lh_show_count(lh_look_number(shard, "drops")).text,
                                   lh_show_rate(lh_look_number(shard, "drops_per_client_hour")).text,
                                   us_or_none(shard, "latency.connect_p99_us").text, us_or_none(shard, "latency.rtt_p50_us").text,
                                   us_or_none(shard, "latency.response_p50_us").text,
                                   us_or_none(shard, "latency.response_p99_us").text,
                                   us_or_none(shard, "latency.service_p99_us").text,
                                   us_or_none(shard, "latency.send_lateness_p99_us").text,
                                   lh_show_percent(lh_look_number(shard, "tester.cpu_busiest_percent_max")).text});
}

void lh_table_shards(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "shard", .right = true},
                                             {.title = "host", .flexible = true, .verbatim = true},
                                             {.title = "ended", .wide = true},
                                             {.title = "clients", .right = true},
                                             {.title = "available", .right = true},
                                             {.title = "drops", .right = true},
                                             {.title = "/client-h", .right = true, .wide = true},
                                             {.title = "connect p99", .right = true, .wide = true},
                                             {.title = "TCP round trip", .right = true, .wide = true},
                                             {.title = "resp. p50", .right = true},
                                             {.title = "p99", .right = true},
                                             {.title = "service p99", .right = true, .wide = true},
                                             {.title = "sent late", .right = true},
                                             {.title = "CPU", .right = true}};
  static const char note[] = "Of the whole run, whatever part of it this report is about. CPU is the busiest worker's, of one core, within the part.";
  _Static_assert(sizeof columns / sizeof *columns <= LH_TABLE_COLUMNS_MAX, "raise LH_TABLE_COLUMNS_MAX");
  *t = (struct lh_table){.title = "Shards", .columns = columns, .column_count = sizeof columns / sizeof *columns};
  const json_t *shard;
  size_t i;
  json_array_foreach(lh_look(model, "shards"), i, shard) add_row(t, shard);
  if (t->rows == 0 || lh_look_true(model, "run.whole")) return;
  t->note = strdup(note);
  if (!t->note) t->failed = true;
}
