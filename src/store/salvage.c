/* Tables only ever grew at their ends, so that what a shorter file lacks is mostly the end of each. A tree's inner pages may
 * lie behind the leaves they lead to, though, and then there are holes: they are stepped over by searching for the next key
 * that can be read.
 *
 * The file is not opened but mapped, as many whole pages as there are, and its header says so: of half a page SQLite would
 * take the missing half for zeros, and make rows of them. */
#include "store/salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "longhaul/base/units.h"
#include "store/sql.h"

enum { AT_WRITE_VERSION = 18, AT_READ_VERSION = 19, AT_PAGES = 28, HOLES_MOST = 1000, NAME_MOST = 64 };

/* Intervals k that may lack rows. */
struct hole {
  int64_t from_k, until_k; /* inclusive */
};

struct salvage {
  sqlite3 *from, *to;
  unsigned char *bytes; /* mapped */
  size_t size;
  struct hole holes[HOLES_MOST];
  size_t hole_count;
  sqlite3_str *incomplete; /* names of further tables with holes, ", " before each */
};

/* One table on its way. */
struct passage {
  const char *name;
  sqlite3_stmt *select, *insert; /* select: the key, then every column */
  int columns, k_column;         /* k_column: among those of select; 0: it has none */
  int64_t key, k;                /* of the last row that was read; -1: none yet */
  bool seekable, after_hole;
};

static bool is_damage(int code) {
  int kind = code & 0xff;
  return kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_FORMAT || kind == SQLITE_IOERR;
}

/* ---- the file ---- */

static uint32_t page_size_of(const unsigned char *header) {
  uint32_t size = (uint32_t)header[16] << 8 | header[17];
  return size == 1 ? 65536 : size;
}

static int map(struct salvage *s, const char *path, uint64_t bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SQLITE_CANTOPEN;
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  close(fd);
  if (at == MAP_FAILED) return SQLITE_NOMEM;
  s->bytes = at;
  s->size = bytes;
  uint32_t pages = (uint32_t)(bytes / page_size_of(s->bytes));
  for (int i = 0; i < 4; i++) s->bytes[AT_PAGES + i] = (unsigned char)(pages >> (24 - 8 * i));
  s->bytes[AT_WRITE_VERSION] = s->bytes[AT_READ_VERSION] = 1; /* no WAL, whatever it was in */
  return SQLITE_OK;
}

static int open_both(struct salvage *s, const char *path, uint64_t bytes) {
  int code = map(s, path, bytes);
  if (code == SQLITE_OK) code = sqlite3_open_v2(":memory:", &s->from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  uint64_t whole = s->bytes ? bytes / page_size_of(s->bytes) * page_size_of(s->bytes) : 0;
  if (code == SQLITE_OK)
    code = sqlite3_deserialize(s->from, "main", s->bytes, (sqlite3_int64)whole, (sqlite3_int64)whole, SQLITE_DESERIALIZE_READONLY);
  if (code == SQLITE_OK) code = lh_sql_exec(s->from, "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF");
  /* On disk where it grows large, and gone with its connection. */
  if (code == SQLITE_OK) code = sqlite3_open_v2("", &s->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK) code = sqlite3_extended_result_codes(s->to, 1);
  return code;
}

static void close_from(struct salvage *s) {
  sqlite3_close(s->from);
  if (s->bytes) munmap(s->bytes, s->size);
  sqlite3_free(sqlite3_str_finish(s->incomplete));
}

/* ---- a table ---- */

static void note_hole(struct salvage *s, const struct passage *p, int64_t from_k, int64_t until_k) {
  if (!p->k_column) {
    sqlite3_str_appendf(s->incomplete, ", %s", p->name);
  } else if (s->hole_count < HOLES_MOST) {
    s->holes[s->hole_count++] = (struct hole){from_k, until_k};
  } else { /* the last one takes all that follow */
    s->holes[HOLES_MOST - 1].until_k = INT64_MAX;
  }
}

static int take_row(struct passage *p) {
  int code = SQLITE_OK;
  for (int i = 0; i < p->columns && code == SQLITE_OK; i++)
    code = sqlite3_bind_value(p->insert, i + 1, sqlite3_column_value(p->select, i + 1));
  if (code == SQLITE_OK) code = lh_sql_run(p->insert, "");
  return code == SQLITE_CONSTRAINT ? SQLITE_OK : code;
}

/* Rows from key on, to the end (SQLITE_DONE) or to the first that cannot be read. */
static int take_rows(struct salvage *s, struct passage *p, int64_t from) {
  int code = lh_sql_bind(p->select, "i", from);
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(p->select);
    if (code != SQLITE_ROW) break;
    p->seekable = sqlite3_column_type(p->select, 0) == SQLITE_INTEGER;
    int64_t k = p->k_column ? sqlite3_column_int64(p->select, p->k_column) : 0;
    if (p->after_hole) note_hole(s, p, p->k, k);
    p->after_hole = false;
    p->key = sqlite3_column_int64(p->select, 0);
    p->k = k;
    code = take_row(p);
  }
  sqlite3_reset(p->select);
  return code;
}

static bool is_readable(struct passage *p, int64_t key, bool *row) {
  int code = lh_sql_bind(p->select, "i", key);
  if (code == SQLITE_OK) code = sqlite3_step(p->select);
  sqlite3_reset(p->select);
  *row = code == SQLITE_ROW;
  return !is_damage(code);
}

/* The first key past the hole: steps that double, then halving. False: nothing comes after it. */
static bool find_end_of_hole(struct passage *p, int64_t *key) {
  int64_t bad = p->key, good = p->key, step = 1;
  bool row = false;
  do {
    if (good > INT64_MAX - step) return false;
    bad = good;
    good = p->key + step;
    step = step > INT64_MAX / 4 ? INT64_MAX / 2 : step * 2;
  } while (good < INT64_MAX / 4 && !is_readable(p, good, &row));
  while (good - bad > 1) {
    int64_t middle = bad + (good - bad) / 2;
    bool middle_row;
    if (is_readable(p, middle, &middle_row)) {
      good = middle;
      row = middle_row;
    } else {
      bad = middle;
    }
  }
  *key = good;
  return row;
}

static int take_table(struct salvage *s, struct passage *p) {
  int64_t from = -1;
  for (;;) {
    int code = take_rows(s, p, from);
    if (code == SQLITE_DONE) break;
    if (!is_damage(code)) return code;
    p->after_hole = true;
    if ((!p->seekable && p->key >= 0) || !find_end_of_hole(p, &from)) break;
  }
  if (p->after_hole) note_hole(s, p, p->k, INT64_MAX);
  return SQLITE_OK;
}

/* The key is the rowid, or in a table without one its first column. */
static int prepare(struct salvage *s, struct passage *p) {
  static const char by_rowid[] = "SELECT rowid, * FROM \"%w\" WHERE rowid >= ? ORDER BY rowid";
  char *sql = sqlite3_mprintf(by_rowid, p->name), *first = NULL;
  LH_SQL_SCOPED *info = NULL;
  int code = sql ? lh_sql_prepare(s->from, sql, &p->select) : SQLITE_NOMEM;
  sqlite3_free(sql);
  if (code == SQLITE_ERROR) {
    code = lh_sql_prepare(s->from, "SELECT name FROM pragma_table_info(?) WHERE pk = 1", &info);
    if (code == SQLITE_OK) code = lh_sql_bind(info, "t", p->name);
    if (code == SQLITE_OK && (code = sqlite3_step(info)) == SQLITE_ROW) code = SQLITE_OK;
    if (code == SQLITE_OK) first = sqlite3_mprintf("SELECT \"%w\", * FROM \"%w\" WHERE \"%w\" >= ? ORDER BY 1",
                                                  sqlite3_column_text(info, 0), p->name, sqlite3_column_text(info, 0));
    if (code == SQLITE_OK) code = first ? lh_sql_prepare(s->from, first, &p->select) : SQLITE_NOMEM;
    sqlite3_free(first);
  }
  if (code != SQLITE_OK) return code;
  p->columns = sqlite3_column_count(p->select) - 1;
  for (int i = 1; i <= p->columns; i++)
    if (strcmp(sqlite3_column_name(p->select, i), "k") == 0) p->k_column = i;
  sqlite3_str *insert = sqlite3_str_new(s->to);
  sqlite3_str_appendf(insert, "INSERT INTO \"%w\" VALUES (?", p->name);
  for (int i = 1; i < p->columns; i++) sqlite3_str_appendall(insert, ",?");
  sqlite3_str_appendall(insert, ")");
  char *text = sqlite3_str_finish(insert);
  code = text ? lh_sql_prepare(s->to, text, &p->insert) : SQLITE_NOMEM;
  sqlite3_free(text);
  return code;
}

static int copy_table(struct salvage *s, const char *name) {
  struct passage p = {.name = name, .key = -1, .k = -1};
  int code = prepare(s, &p);
  if (code == SQLITE_OK) code = take_table(s, &p);
  sqlite3_finalize(p.select);
  sqlite3_finalize(p.insert);
  return code;
}

/* ---- all of them ---- */

/* What the file says of its tables is run here: nothing but the making of tables and indexes. */
static int copy_tables(struct salvage *s, const char *type) {
  LH_SQL_SCOPED *master = NULL;
  int code = lh_sql_prepare(s->from,
                            "SELECT name, sql FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%'"
                            " AND sql LIKE 'CREATE ' || type || ' %' OR type = ?1 AND sql LIKE 'CREATE UNIQUE INDEX %'",
                            &master);
  if (code == SQLITE_OK) code = lh_sql_bind(master, "t", type);
  while (code == SQLITE_OK && (code = sqlite3_step(master)) == SQLITE_ROW) {
    code = lh_sql_exec(s->to, (const char *)sqlite3_column_text(master, 1));
    if (code == SQLITE_OK && strcmp(type, "table") == 0) code = copy_table(s, (const char *)sqlite3_column_text(master, 0));
  }
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int64_t ask(sqlite3 *db, const char *sql, int64_t otherwise) {
  LH_SQL_SCOPED *select = NULL;
  int code = lh_sql_prepare(db, sql, &select);
  if (code == SQLITE_OK) code = sqlite3_step(select);
  return code == SQLITE_ROW && sqlite3_column_type(select, 0) != SQLITE_NULL ? sqlite3_column_int64(select, 0) : otherwise;
}

/* An interval that may lack a row would give wrong sums: better none of it. */
static int leave_out_parts(struct salvage *s) {
  static const char *const tables[] = {"intervals", "histograms", "tallies", "workers", "host"};
  int code = SQLITE_OK;
  for (size_t h = 0; h < s->hole_count; h++)
    for (size_t t = 0; t < sizeof tables / sizeof *tables && code == SQLITE_OK; t++) {
      char *sql = sqlite3_mprintf("DELETE FROM %s WHERE k BETWEEN %lld AND %lld", tables[t], (long long)s->holes[h].from_k,
                                  (long long)s->holes[h].until_k);
      code = sql ? lh_sql_exec(s->to, sql) : SQLITE_NOMEM;
      sqlite3_free(sql);
    }
  if (code == SQLITE_OK && s->hole_count > 0)
    code = lh_sql_exec(s->to, "UPDATE run SET how = NULL, end_ns = NULL, end_wall_us = NULL");
  return code;
}

/* When the first interval is missing, of the run's time. */
static int64_t first_missing(const struct salvage *s) {
  int64_t first = INT64_MAX;
  for (size_t h = 0; h < s->hole_count; h++)
    if (s->holes[h].from_k < first) first = s->holes[h].from_k;
  return first < 0 ? 0 : first;
}

static char *say(const struct salvage *s, const char *path, const struct lh_file_cut *cut) {
  int64_t whole = ask(s->to, "SELECT count(DISTINCT k) FROM intervals", 0), every = ask(s->to, "SELECT interval_ns FROM run", 1);
  int64_t all = ask(s->from, "SELECT (end_ns + interval_ns - 1) / interval_ns FROM run", 0);
  char since[32], of[32] = "";
  if (all >= whole) sqlite3_snprintf(sizeof of, of, " of %lld", (long long)all);
  sqlite3_str *out = sqlite3_str_new(NULL);
  sqlite3_str_appendf(out, "%s is cut off: it has %llu of %llu bytes. ", path, (unsigned long long)cut->bytes,
                      (unsigned long long)cut->bytes_whole);
  if (s->hole_count == 0) {
    sqlite3_str_appendf(out, "All%s intervals are whole", all > 0 ? of + 3 : "");
  } else {
    int64_t first = first_missing(s);
    bool makes_sense = every > 0 && first < INT64_MAX / every;
    sqlite3_str_appendf(out, "%lld%s intervals are whole; what is missing begins %s after the start", (long long)whole, of,
                        lh_format_duration_brief(makes_sense ? (uint64_t)(first * every) : 0, since, sizeof since));
  }
  const char *tables = sqlite3_str_value(s->incomplete);
  if (tables && *tables) sqlite3_str_appendf(out, "; rows are missing in %s", tables + 2);
  sqlite3_str_appendall(out, ". Copy it again from where it was written, if that is still there");
  return sqlite3_str_finish(out);
}

/* Whether there is something to report, and nothing of it hangs in the air. */
static bool is_run(sqlite3 *db) {
  return ask(db, "SELECT count(*) FROM run", 0) == 1 && ask(db, "SELECT count(*) FROM intervals", 0) > 0 &&
         ask(db, "SELECT count(*) FROM (SELECT reason_id FROM tallies UNION SELECT reason_id FROM endings)"
                 " WHERE reason_id NOT IN (SELECT reason_id FROM reasons)", 1) == 0;
}

int lh_salvage(const char *path, const struct lh_file_cut *cut, sqlite3 **db, char **note, struct lh_err *err) {
  struct salvage s = {.incomplete = sqlite3_str_new(NULL)};
  int code = open_both(&s, path, cut->bytes);
  if (code == SQLITE_OK) code = lh_sql_exec(s.to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
  if (code == SQLITE_OK) code = copy_tables(&s, "table");
  if (code == SQLITE_OK) code = leave_out_parts(&s);
  if (code == SQLITE_OK) code = copy_tables(&s, "index");
  if (code == SQLITE_OK) code = lh_sql_exec(s.to, "COMMIT");
  bool found = code == SQLITE_OK && is_run(s.to);
  char *said = found ? say(&s, path, cut) : NULL;
  close_from(&s);
  if (said) {
    *db = s.to;
    *note = said;
    return 0;
  }
  sqlite3_close(s.to);
  if (code == SQLITE_NOMEM || found) return lh_err_set(err, ENOMEM, "no memory is left to read the run file %s", path);
  return lh_err_set(err, EBADMSG,
                    "the run file %s is cut off: it has %" PRIu64 " of %" PRIu64 " bytes, and too little of it is left to read. "
                    "Copy it again from where it was written",
                    path, cut->bytes, cut->bytes_whole);
}
