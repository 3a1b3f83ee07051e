/* The tables of a new run file: schema.sql, and the columns that follow the program's own lists. */
#include <string.h>

#include "longhaul/base/ending.h"
#include "longhaul/plan/plan.h"
#include "longhaul/stats/counters.h"
#include "longhaul/stats/second.h"
#include "longhaul/store/shard.h"
#include "store/columns.h"
#include "store/writer.h"

extern const unsigned char lh_embed_schema_sql[];
extern const size_t lh_embed_schema_sql_len;

/* What stands in schema.sql where the columns of a table follow. */
static const char columns_mark[] = "-- columns of ";

struct column {
  const char *table, *name, *sort, *help;
};

static const struct column columns[] = {
#define X(name, help) {"intervals", #name, "counter", help},
    LH_COUNTER_LIST(X)
#undef X
#define X(name, help) {"intervals", #name, "gauge", help},
        LH_GAUGE_LIST(X)
#undef X
#define X(name, source, help) {"seconds", #name, "counter", help},
            LH_SECOND_COUNTER_LIST(X)
#undef X
#define X(name, source, help) {"seconds", #name, "gauge", help},
                LH_SECOND_GAUGE_LIST(X)
#undef X
#define X(name, sort, help) {"workers", #name, sort, help},
                    LH_HEALTH_TIME_LIST(X) LH_HEALTH_LIST(X)
#undef X
#define X(name, sort, help) {"host", #name, sort, help},
                        LH_SAMPLE_LIST(X)
#undef X
#define X(name, help) {"histograms", #name, "histogram", help},
                            LH_HIST_LIST(X)
#undef X
#define X(name, help) {"shards", #name, "whole run", help},
                                LH_SHARD_COUNTER_LIST(X)
#undef X
#define X(name, hist, percentile, help) {"shards", #name, "whole run", help},
                                    LH_SHARD_LATENCY_LIST(X)
#undef X
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

int64_t lh_schema_reason_id(unsigned stage, unsigned reason) {
  return (int64_t)stage * 1000 + reason + 1;
}

static int fill_reasons(sqlite3 *db) {
  LH_SQL_SCOPED *insert = NULL;
  int code = lh_sql_prepare(db, "INSERT INTO reasons VALUES (?,?,?,?,?)", &insert);
  for (unsigned stage = 0; stage < LH_STAGE_COUNT; stage++)
    for (unsigned reason = 0; reason < LH_REASON_COUNT && code == SQLITE_OK; reason++)
      code =
          lh_sql_run(insert, "ittti", lh_schema_reason_id(stage, reason), lh_stage_name(stage),
                     lh_side_name(lh_reason_side(reason)), lh_reason_name(reason), (int64_t)lh_ending_is_drop(stage, reason));
  return code;
}

/* Their help goes with them as a comment, which `.schema` shows. */
static void append_columns(sqlite3_str *out, const char *table, size_t len) {
  for (size_t i = 0; i < COLUMNS; i++) {
    if (strlen(columns[i].table) != len || strncmp(columns[i].table, table, len) != 0) continue;
    sqlite3_str_appendf(out, "\n  , \"%w\" INTEGER NOT NULL DEFAULT 0 -- %s", columns[i].name, columns[i].help);
  }
}

static char *complete_schema(void) {
  sqlite3_str *out = sqlite3_str_new(NULL);
  const char *at = (const char *)lh_embed_schema_sql, *mark;
  while ((mark = strstr(at, columns_mark))) {
    const char *table = mark + sizeof columns_mark - 1;
    size_t len = strcspn(table, "\n");
    sqlite3_str_append(out, at, (int)(mark - at));
    append_columns(out, table, len);
    at = table + len;
  }
  sqlite3_str_appendall(out, at);
  return sqlite3_str_finish(out);
}

static int fill_glossary(sqlite3 *db) {
  LH_SQL_SCOPED *insert = NULL;
  int code = lh_sql_prepare(db, "INSERT INTO glossary VALUES (?,?,?,?)", &insert);
  for (size_t i = 0; i < COLUMNS && code == SQLITE_OK; i++)
    code = lh_sql_run(insert, "tttt", columns[i].table, columns[i].name, columns[i].sort, columns[i].help);
  return code;
}

static int fill_meta(sqlite3 *db) {
  LH_SQL_SCOPED *insert = NULL;
  char version[16];
  sqlite3_snprintf(sizeof version, version, "%d", LH_SCHEMA_VERSION);
  int code = lh_sql_prepare(db, "INSERT INTO meta VALUES (?,?)", &insert);
  if (code == SQLITE_OK) code = lh_sql_run(insert, "tt", "schema_version", version);
  return code == SQLITE_OK ? lh_sql_run(insert, "tt", "longhaul_version", LH_VERSION) : code;
}

int lh_schema_create(sqlite3 *db) {
  char *schema = complete_schema();
  int code = schema ? lh_sql_exec(db, schema) : SQLITE_NOMEM;
  sqlite3_free(schema);
  if (code == SQLITE_OK) code = fill_glossary(db);
  if (code == SQLITE_OK) code = fill_reasons(db);
  return code == SQLITE_OK ? fill_meta(db) : code;
}

/* The URL without what may be a secret: user information and every value of the query become "***". The masked config tells
 * harmless values apart; here a name is enough. For sqlite3_free. */
static char *harmless_url(const char *url) {
  sqlite3_str *out = sqlite3_str_new(NULL);
  const char *scheme_end = strstr(url, "://");
  const char *host = scheme_end ? scheme_end + 3 : url;
  const char *at = memrchr(host, '@', strcspn(host, "/?#"));
  sqlite3_str_append(out, url, (int)(host - url));
  if (at) sqlite3_str_appendall(out, "***");
  if (at) host = at;
  const char *query = host + strcspn(host, "?#");
  sqlite3_str_append(out, host, (int)(query - host));
  while (*query == '?' || *query == '&') {
    size_t part = 1 + strcspn(query + 1, "&#"), name = 1 + strcspn(query + 1, "=&#");
    sqlite3_str_append(out, query, (int)name);
    if (name < part) sqlite3_str_appendall(out, "=***");
    query += part;
  }
  sqlite3_str_appendall(out, query);
  return sqlite3_str_finish(out);
}

static const char *jitter_name(enum lh_backoff_jitter jitter) {
  static const char *const names[] = {[LH_BACKOFF_NONE] = "none", [LH_BACKOFF_EQUAL] = "equal", [LH_BACKOFF_FULL] = "full"};
  return names[jitter];
}

static int describe_groups(sqlite3 *db, const struct lh_run_facts *facts) {
  const struct lh_config *config = facts->config;
  LH_SQL_SCOPED *insert = NULL;
  int code = lh_sql_prepare(db, "INSERT INTO groups VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", &insert);
  for (size_t i = 0; i < config->group_count && code == SQLITE_OK; i++) {
    const struct lh_group *group = &config->groups[i];
    const struct lh_target *target = group->target == LH_NO_TARGET ? NULL : &config->targets[group->target];
    char *url = target ? harmless_url(target->url) : sqlite3_mprintf("");
    if (!url) return SQLITE_NOMEM;
    const struct lh_reconnect_config *reconnect = &group->reconnect;
    uint64_t enough = lh_plan_mass_drop(config->run.mass_drop, group->connections / (facts->shards ? facts->shards : 1));
    code = lh_sql_run(insert, "ittttiiiiiiidtt", (int64_t)i, group->name, lh_kind_name(group->kind), target ? target->name : "",
                      url, (int64_t)group->connections, (int64_t)(target && target->tls_scheme),
                      (int64_t)(target && target->tls_scheme && target->tls.verify), (int64_t)enough,
                      (int64_t)reconnect->enabled, (int64_t)reconnect->first_ns, (int64_t)reconnect->max_ns, reconnect->factor,
                      jitter_name(reconnect->jitter), group->incoming.words);
    sqlite3_free(url);
  }
  return code;
}

static int insert_facts(sqlite3 *db, uint32_t shard, const struct lh_facts *facts) {
  LH_SQL_SCOPED *insert = NULL;
  int code = lh_sql_prepare(db, "INSERT INTO facts VALUES (?,?,?,?)", &insert);
  for (uint32_t i = 0; i < facts->count && code == SQLITE_OK; i++)
    code = lh_sql_run(insert, "ittt", (int64_t)shard, facts->items[i].name, facts->items[i].source, facts->items[i].value);
  return code;
}

static int describe_host(sqlite3 *db, uint32_t shard, const struct lh_facts *known) {
  if (known) return insert_facts(db, shard, known);
  struct lh_facts facts = {0};
  if (lh_facts_read(&facts, "") < 0) return SQLITE_NOMEM;
  int code = insert_facts(db, shard, &facts);
  lh_facts_free(&facts);
  return code;
}

static int describe_ladder(sqlite3 *db, uint32_t shard, const struct lh_ladder *ladder) {
  LH_SQL_SCOPED *bound = NULL, *any = NULL;
  int code = lh_sql_prepare(db, "INSERT INTO ladder VALUES (?,?,?,?,?,?,?,?,?)", &bound);
  if (code == SQLITE_OK) code = lh_sql_prepare(db, "INSERT INTO ladder VALUES (?,?,?,?,?,NULL,?,?,?)", &any);
  for (uint32_t i = 0; ladder && i < ladder->count && code == SQLITE_OK; i++) {
    const struct lh_rung *r = &ladder->rungs[i];
    const char *remedy = r->remedy_count > 0 ? r->remedies[0].text : "";
    if (r->clients == LH_ANY)
      code = lh_sql_run(any, "iitttiit", (int64_t)shard, (int64_t)i, lh_limit_name(r->limit), r->value, r->detail, (int64_t)r->soft,
                        (int64_t)r->estimated, remedy);
    else
      code = lh_sql_run(bound, "iitttiiit", (int64_t)shard, (int64_t)i, lh_limit_name(r->limit), r->value, r->detail, (int64_t)r->clients,
                        (int64_t)r->soft, (int64_t)r->estimated, remedy);
  }
  return code;
}

int lh_schema_describe(sqlite3 *db, const struct lh_run_facts *facts) {
  const struct lh_run_config *run = &facts->config->run;
  LH_SQL_SCOPED *insert = NULL;
  int code =
      lh_sql_prepare(db,
                     "INSERT INTO run (id, name, version, command_line, config, shard, shards, workers, seed, duration_ns,"
                     " interval_ns, warmup_ns, connect_rate, process, start_ns, start_wall_us)"
                     " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                     &insert);
  if (code == SQLITE_OK)
    code = lh_sql_run(insert, "tttttiiiiiiidtii", facts->id, run->name, facts->version,
                      facts->command_line ? facts->command_line : "", facts->config->masked ? facts->config->masked : "",
                      (int64_t)facts->shard, (int64_t)facts->shards, (int64_t)facts->workers, (int64_t)run->seed,
                      (int64_t)run->duration_ns, (int64_t)run->interval_ns, (int64_t)run->warmup_ns, lh_plan_connect_rate(facts->config), facts->process ? facts->process : "",
                      (int64_t)facts->start_ns,
                      facts->start_wall_us);
  if (code == SQLITE_OK) code = describe_groups(db, facts);
  if (code == SQLITE_OK) code = describe_host(db, facts->shard, facts->host);
  return code == SQLITE_OK ? describe_ladder(db, facts->shard, facts->ladder) : code;
}

/* "INSERT INTO table (names) VALUES (?, ...)": named, so that a file whose columns stand in another order is written right. */
char *lh_schema_insert(enum lh_statement statement) {
  static const struct {
    const char *table, *first;
    int values; /* in `first` */
  } wide[] = {[LH_STATEMENT_INTERVAL] = {"intervals", "k, group_no, tallies_folded", 3},
              [LH_STATEMENT_WORKER] = {"workers", "k, worker", 2},
              [LH_STATEMENT_HOST] = {"host", "k, shard", 2},
              [LH_STATEMENT_SHARD] = {"shards", "shard, first_worker, workers, version, how, clients, start_wall_us, length_ns", 8},
              [LH_STATEMENT_SECOND] = {"seconds", "from_ns, group_no", 2}};
  const char *table = wide[statement].table;
  sqlite3_str *sql = sqlite3_str_new(NULL);
  sqlite3_str_appendf(sql, "INSERT INTO %s (%s", table, wide[statement].first);
  int values = wide[statement].values;
  for (size_t i = 0; i < COLUMNS; i++) {
    if (strcmp(columns[i].table, table) != 0) continue;
    sqlite3_str_appendf(sql, ", \"%w\"", columns[i].name);
    values++;
  }
  sqlite3_str_appendall(sql, ") VALUES (?");
  for (int i = 1; i < values; i++) sqlite3_str_appendall(sql, ",?");
  sqlite3_str_appendall(sql, ")");
  return sqlite3_str_finish(sql);
}
