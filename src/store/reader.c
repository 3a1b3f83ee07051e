/* Opening a run file, and what is read at once: the run's row, the groups and the reasons. */
#include "longhaul/store/reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/open.h"

static int read_failed(struct lh_reader *reader, int result, struct lh_err *err) {
  return lh_sql_fail(err, reader->db, result, reader->path, LH_SQL_READING);
}

static int damaged(const struct lh_reader *reader, struct lh_err *err, const char *what) {
  return lh_err_set(err, EBADMSG, "the run file %s is damaged: %s", reader->path, what);
}

/* Keeps a copy of the column's text until the reader is closed; NULL reads as "". NULL when memory is short. */
static const char *keep_text(struct lh_reader *reader, sqlite3_stmt *row, int column) {
  if (reader->text_count == reader->text_room) {
    size_t room = reader->text_room ? reader->text_room * 2 : 32;
    char **texts = sqlite3_realloc64(reader->texts, room * sizeof *texts);
    if (!texts) return NULL;
    reader->texts = texts;
    reader->text_room = room;
  }
  const char *text = (const char *)sqlite3_column_text(row, column);
  if (!text && sqlite3_column_type(row, column) != SQLITE_NULL) return NULL;
  char *copy = sqlite3_mprintf("%s", text ? text : "");
  if (copy) reader->texts[reader->text_count++] = copy;
  return copy;
}

static enum lh_run_end end_of(const char *name) {
  static const char *const names[] = {"complete", "interrupted", "aborted", "failed"};
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
    if (name && strcmp(name, names[i]) == 0) return (enum lh_run_end)i;
  return LH_RUN_UNFINISHED;
}

static int take_run(struct lh_reader *reader, sqlite3_stmt *row, struct lh_err *err) {
  struct lh_run_row *run = &reader->run;
  const char **texts[] = {&run->id, &run->name, &run->version, &run->command_line, &run->config_masked};
  for (int i = 0; i < 5; i++) {
    *texts[i] = keep_text(reader, row, i);
    if (!*texts[i]) return read_failed(reader, SQLITE_NOMEM, err);
  }
  if (!(run->process = keep_text(reader, row, 20))) return read_failed(reader, SQLITE_NOMEM, err);
  run->shard = (uint32_t)sqlite3_column_int64(row, 5);
  run->shards = (uint32_t)sqlite3_column_int64(row, 6);
  run->workers = (uint32_t)sqlite3_column_int64(row, 7);
  run->seed = (uint64_t)sqlite3_column_int64(row, 8);
  run->duration_ns = (uint64_t)sqlite3_column_int64(row, 9);
  run->interval_ns = (uint64_t)sqlite3_column_int64(row, 10);
  run->warmup_ns = (uint64_t)sqlite3_column_int64(row, 11);
  run->start_ns = (uint64_t)sqlite3_column_int64(row, 12);
  run->start_wall_us = sqlite3_column_int64(row, 13);
  run->how = end_of((const char *)sqlite3_column_text(row, 14));
  run->end_ns = run->start_ns + (uint64_t)sqlite3_column_int64(row, 15);
  run->end_wall_us = sqlite3_column_int64(row, 16);
  run->endings_left_out = (uint64_t)sqlite3_column_int64(row, 17);
  run->events_left_out = (uint64_t)sqlite3_column_int64(row, 18);
  run->connect_rate = sqlite3_column_double(row, 19);
  if (run->interval_ns == 0 || run->interval_ns > INT64_MAX / 2) return damaged(reader, err, "its interval makes no sense");
  return 0;
}

static int read_run(struct lh_reader *reader, struct lh_err *err) {
  LH_SQL_SCOPED *select = NULL, *last = NULL;
  int code = lh_sql_prepare(reader->db,
                            "SELECT id, name, version, command_line, config, shard, shards, workers, seed, duration_ns,"
                            " interval_ns, warmup_ns, start_ns, start_wall_us, how, end_ns, end_wall_us, endings_left_out,"
                            " events_left_out, connect_rate, process FROM run",
                            &select);
  if (code == SQLITE_OK) code = sqlite3_step(select);
  if (code == SQLITE_DONE) return damaged(reader, err, "table run is empty");
  if (code != SQLITE_ROW) return read_failed(reader, code, err);
  int failed = take_run(reader, select, err);
  if (failed) return failed;
  code = lh_sql_prepare(reader->db, "SELECT max(k), min(k) FROM intervals", &last);
  if (code == SQLITE_OK) code = sqlite3_step(last);
  if (code != SQLITE_ROW) return read_failed(reader, code, err);
  int64_t k = sqlite3_column_type(last, 0) == SQLITE_NULL ? -1 : sqlite3_column_int64(last, 0);
  if (sqlite3_column_int64(last, 1) < 0 || k >= UINT32_MAX || (uint64_t)(k + 1) > INT64_MAX / reader->run.interval_ns)
    return damaged(reader, err, "its intervals have numbers that make no sense");
  reader->run.interval_count = (uint32_t)(k + 1);
  if (reader->run.how == LH_RUN_UNFINISHED) {
    uint64_t length = (uint64_t)(k + 1) * reader->run.interval_ns;
    reader->run.end_ns = reader->run.start_ns + length;
    reader->run.end_wall_us = reader->run.start_wall_us + (int64_t)(length / 1000);
  }
  return 0;
}

static enum lh_backoff_jitter jitter_of(const char *name) {
  if (name && strcmp(name, "none") == 0) return LH_BACKOFF_NONE;
  return name && strcmp(name, "equal") == 0 ? LH_BACKOFF_EQUAL : LH_BACKOFF_FULL;
}

static int take_group(struct lh_reader *reader, sqlite3_stmt *row, struct lh_err *err) {
  uint32_t n = reader->run.group_count;
  if (sqlite3_column_int64(row, 0) != n || n >= LH_GROUPS_MAX)
    return damaged(reader, err, "its groups are not numbered from 0 on");
  struct lh_group_row *groups = sqlite3_realloc64(reader->groups, (n + 1) * sizeof *groups);
  if (!groups) return read_failed(reader, SQLITE_NOMEM, err);
  reader->groups = groups;
  struct lh_group_row *group = &groups[n];
  const char **texts[] = {&group->name, &group->kind, &group->target, &group->url};
  for (int i = 0; i < 4; i++) {
    *texts[i] = keep_text(reader, row, i + 1);
    if (!*texts[i]) return read_failed(reader, SQLITE_NOMEM, err);
  }
  group->connections = (uint32_t)sqlite3_column_int64(row, 5);
  group->tls = sqlite3_column_int64(row, 6) != 0;
  group->tls_verify = sqlite3_column_int64(row, 7) != 0;
  group->mass_drop = (uint64_t)sqlite3_column_int64(row, 8);
  group->reconnect = (struct lh_reconnect_config){.enabled = sqlite3_column_int64(row, 9) != 0,
                                                  .first_ns = (uint64_t)sqlite3_column_int64(row, 10),
                                                  .max_ns = (uint64_t)sqlite3_column_int64(row, 11),
                                                  .factor = sqlite3_column_double(row, 12),
                                                  .jitter = jitter_of((const char *)sqlite3_column_text(row, 13))};
  group->incoming = NULL;
  if (sqlite3_column_type(row, 14) != SQLITE_NULL && !(group->incoming = keep_text(reader, row, 14)))
    return read_failed(reader, SQLITE_NOMEM, err);
  reader->run.group_count = n + 1;
  return 0;
}

static int read_groups(struct lh_reader *reader, struct lh_err *err) {
  LH_SQL_SCOPED *select = NULL;
  int code = lh_sql_prepare(
      reader->db, "SELECT group_no, name, kind, target, url, connections, tls, tls_verify, mass_drop, reconnect, reconnect_first_ns,"
                  " reconnect_max_ns, reconnect_factor, reconnect_jitter, incoming FROM groups ORDER BY group_no",
      &select);
  if (code == SQLITE_OK) code = sqlite3_step(select);
  for (; code == SQLITE_ROW; code = sqlite3_step(select)) {
    int failed = take_group(reader, select, err);
    if (failed) return failed;
  }
  return code == SQLITE_DONE ? 0 : read_failed(reader, code, err);
}

static unsigned stage_of(const char *name) {
  unsigned i = 0;
  while (i < LH_STAGE_COUNT && strcmp(lh_stage_name(i), name) != 0) i++;
  return i;
}

static unsigned reason_of(const char *name) {
  unsigned i = 0;
  while (i < LH_REASON_COUNT && strcmp(lh_reason_name(i), name) != 0) i++;
  return i;
}

/* What a newer longhaul named and this one does not know keeps its name in the text, and whether it is a drop in the stage. */
static void map_reason(struct lh_reason_row *row, const char *stage, const char *reason, bool is_drop) {
  unsigned s = stage_of(stage), r = reason_of(reason);
  row->unknown[0] = '\0';
  if (s == LH_STAGE_COUNT)
    snprintf(row->unknown, sizeof row->unknown, "%s, in stage %s", reason, stage);
  else if (r == LH_REASON_COUNT)
    snprintf(row->unknown, sizeof row->unknown, "%s", reason);
  bool known = row->unknown[0] == '\0';
  row->stage = (uint8_t)(s < LH_STAGE_COUNT ? s : is_drop ? LH_STAGE_OPEN : LH_STAGE_CONNECT);
  row->reason = (uint8_t)(known ? r : LH_REASON_UNCLASSIFIED);
}

static int read_reasons(struct lh_reader *reader, struct lh_err *err) {
  enum { REASONS_MOST = 100000 };
  LH_SQL_SCOPED *select = NULL;
  int code = lh_sql_prepare(reader->db, "SELECT reason_id, stage, reason, is_drop FROM reasons ORDER BY reason_id", &select);
  if (code == SQLITE_OK) code = sqlite3_step(select);
  for (size_t room = 0; code == SQLITE_ROW; code = sqlite3_step(select)) {
    if (reader->reason_count == room) {
      room = room ? room * 2 : 256;
      struct lh_reason_row *rows = room > REASONS_MOST ? NULL : sqlite3_realloc64(reader->reasons, room * sizeof *rows);
      if (!rows) return read_failed(reader, SQLITE_NOMEM, err);
      reader->reasons = rows;
    }
    const char *stage = (const char *)sqlite3_column_text(select, 1);
    const char *reason = (const char *)sqlite3_column_text(select, 2);
    if (!stage || !reason) return damaged(reader, err, "table reasons has a row without names");
    struct lh_reason_row *row = &reader->reasons[reader->reason_count++];
    row->id = sqlite3_column_int64(select, 0);
    map_reason(row, stage, reason, sqlite3_column_int64(select, 3) != 0);
  }
  return code == SQLITE_DONE ? 0 : read_failed(reader, code, err);
}

static int salvage(struct lh_reader *reader, const struct lh_file_cut *cut, struct lh_err *err) {
  sqlite3_close(reader->db);
  sqlite3_free(reader->note);
  reader->db = NULL;
  reader->note = NULL;
  reader->is_salvaged = true;
  return lh_salvage(reader->path, cut, &reader->db, &reader->note, err);
}

/* Of a file that is cut off or damaged, what can be read of it. */
static int open_database(struct lh_reader *reader, const struct lh_file_cut *cut, struct lh_err *err) {
  if (cut->bytes < cut->bytes_whole) return salvage(reader, cut, err);
  int code = lh_reader_open_database(reader);
  if ((code & 0xff) == SQLITE_CORRUPT && !lh_reader_has_wal(reader->path)) return salvage(reader, cut, err);
  return code == SQLITE_OK ? 0 : read_failed(reader, code, err);
}

int lh_reader_open(struct lh_reader **out, const char *path, struct lh_err *err) {
  struct lh_file_cut cut;
  int failed = lh_reader_check(path, &cut, err), code;
  if (failed) return failed;
  struct lh_reader *reader = sqlite3_malloc64(sizeof *reader);
  if (!reader) return lh_err_set(err, ENOMEM, "no memory is left to read the run file %s", path);
  *reader = (struct lh_reader){.path = sqlite3_mprintf("%s", path)};
  failed = reader->path ? open_database(reader, &cut, err) : lh_sql_fail(err, NULL, SQLITE_NOMEM, path, LH_SQL_READING);
  if (!failed && (code = lh_sql_exec(reader->db, "BEGIN")) != SQLITE_OK) failed = read_failed(reader, code, err);
  if (!failed) failed = read_run(reader, err);
  if (!failed) failed = read_groups(reader, err);
  if (!failed) failed = read_reasons(reader, err);
  if (!failed && (code = lh_sql_exec(reader->db, "COMMIT")) != SQLITE_OK) failed = read_failed(reader, code, err);
  if (failed) {
    lh_reader_close(reader);
    return failed;
  }
  *out = reader;
  return 0;
}

void lh_reader_close(struct lh_reader *reader) {
  if (!reader) return;
  sqlite3_close(reader->db);
  for (size_t i = 0; i < reader->text_count; i++) sqlite3_free(reader->texts[i]);
  sqlite3_free(reader->texts);
  sqlite3_free(reader->groups);
  sqlite3_free(reader->reasons);
  sqlite3_free(reader->note);
  sqlite3_free(reader->path);
  sqlite3_free(reader);
}

const char *lh_reader_note(const struct lh_reader *reader) {
  return reader->note;
}

const struct lh_run_row *lh_reader_run(const struct lh_reader *reader) {
  return &reader->run;
}

const struct lh_group_row *lh_reader_group(const struct lh_reader *reader, uint32_t group) {
  return group < reader->run.group_count ? &reader->groups[group] : NULL;
}
