/* Tables only ever grew at their ends, so that what a shorter file lacks is mostly the end of each. A tree's inner pages may
 * lie behind the leaves they lead to, though, and then there are holes, as where a page is damaged: they are stepped over by
 * searching for the next key that can be read.
 *
 * The file is not opened but mapped, as many whole pages as there are, and its header says so: of half a page SQLite would
 * take the missing half for zeros, and make rows of them. */
#include "store/salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "longhaul/base/units.h"
#include "longhaul/stats/hdr.h"
#include "store/sql.h"

enum { AT_WRITE_VERSION = 18, AT_READ_VERSION = 19, AT_PAGES = 28, HOLES_MOST = 1000, SPANS_MOST = 5 };

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
  int64_t intervals;       /* that the run had */
  sqlite3_str *incomplete; /* names of further tables with holes, ", " before each */
};

/* One table on its way. */
struct passage {
  const char *name;
  sqlite3_stmt *select, *insert; /* select: the key, then every column */
  int columns, k_column;         /* k_column: among those of select; 0: it has none */
  int64_t key, k;                /* of the last row that was read; -1: none yet */
  bool seekable, after_hole, noted;
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
  if (code == SQLITE_OK) code = lh_sql_distrust(s->from);
  /* On disk where it grows large, and gone with its connection. */
  if (code == SQLITE_OK) code = sqlite3_open_v2("", &s->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK) code = sqlite3_extended_result_codes(s->to, 1);
  if (code == SQLITE_OK) code = lh_sql_distrust(s->to);
  return code;
}

static void close_from(struct salvage *s) {
  sqlite3_close(s->from);
  if (s->bytes) munmap(s->bytes, s->size);
  sqlite3_free(sqlite3_str_finish(s->incomplete));
}

/* ---- a table ---- */

static void add_hole(struct salvage *s, int64_t from_k, int64_t until_k) {
  if (s->hole_count < HOLES_MOST)
    s->holes[s->hole_count++] = (struct hole){from_k, until_k};
  else /* the last one takes all that follow */
    s->holes[HOLES_MOST - 1] = (struct hole){from_k < s->holes[HOLES_MOST - 1].from_k ? from_k : s->holes[HOLES_MOST - 1].from_k, INT64_MAX};
}

static void note_hole(struct salvage *s, struct passage *p, int64_t from_k, int64_t until_k) {
  if (p->k_column)
    add_hole(s, from_k, until_k);
  else if (!p->noted)
    sqlite3_str_appendf(s->incomplete, ", %s", p->name);
  p->noted = true;
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

static int only_making(void *context, int action, const char *a, const char *b, const char *c, const char *d) {
  (void)context, (void)a, (void)b, (void)c, (void)d;
  switch (action) {
  case SQLITE_CREATE_TABLE:
  case SQLITE_CREATE_INDEX:
  case SQLITE_REINDEX:
  case SQLITE_FUNCTION:
  case SQLITE_READ:
  case SQLITE_INSERT:
  case SQLITE_UPDATE: return SQLITE_OK; /* the last three: of the list of tables */
  default: return SQLITE_DENY;
  }
}

/* What the file says of its tables is run here: nothing but the making of tables and indexes, since behind that its sender may
 * have put anything (an ATTACH that writes to a file of ours). */
static int make_as_said(sqlite3 *db, const char *sql) {
  sqlite3_set_authorizer(db, only_making, NULL);
  int code = lh_sql_exec(db, sql);
  sqlite3_set_authorizer(db, NULL, NULL);
  return code == SQLITE_AUTH ? SQLITE_CORRUPT : code;
}

static int copy_tables(struct salvage *s, const char *type) {
  LH_SQL_SCOPED *master = NULL;
  int code = lh_sql_prepare(s->from,
                            "SELECT name, sql FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%'"
                            " AND sql LIKE 'CREATE ' || type || ' %' OR type = ?1 AND sql LIKE 'CREATE UNIQUE INDEX %'",
                            &master);
  if (code == SQLITE_OK) code = lh_sql_bind(master, "t", type);
  while (code == SQLITE_OK && (code = sqlite3_step(master)) == SQLITE_ROW) {
    code = make_as_said(s->to, (const char *)sqlite3_column_text(master, 1));
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

/* A page may have kept its shape and lost its contents; sums over such a histogram would be refused. */
static int find_torn_histograms(struct salvage *s) {
  LH_SQL_SCOPED *select = NULL;
  struct lh_hdr hist;
  struct lh_err why;
  lh_hdr_init(&hist);
  int code = lh_sql_prepare(s->to, "SELECT k, count - overflow, payload FROM histograms", &select);
  if (code == SQLITE_OK) code = sqlite3_step(select);
  for (; code == SQLITE_ROW; code = sqlite3_step(select)) {
    lh_hdr_reset(&hist);
    const void *payload = sqlite3_column_blob(select, 2);
    int failed = lh_hdr_decode(&hist, payload ? payload : "", (size_t)sqlite3_column_bytes(select, 2), &why);
    if (failed == -ENOMEM) break;
    int64_t k = sqlite3_column_int64(select, 0);
    if (failed || hist.count - hist.overflow != (uint64_t)sqlite3_column_int64(select, 1)) add_hole(s, k, k);
  }
  lh_hdr_free(&hist);
  return code == SQLITE_DONE ? SQLITE_OK : code == SQLITE_ROW ? SQLITE_NOMEM : code;
}

static int by_start(const void *left, const void *right) {
  const struct hole *a = left, *b = right;
  return (a->from_k > b->from_k) - (a->from_k < b->from_k);
}

/* How many intervals there were: the run's own row tells, or else the last one that is there. */
static int64_t intervals_of(const struct salvage *s) {
  int64_t all = ask(s->to, "SELECT (end_ns + interval_ns - 1) / interval_ns FROM run", 0);
  int64_t last = ask(s->to, "SELECT max(k) + 1 FROM intervals", 0);
  return all > last ? all : last;
}

/* Rising, within the run, and no two of them touch. */
static void join_holes(struct salvage *s) {
  int64_t all = s->intervals;
  size_t kept = 0;
  qsort(s->holes, s->hole_count, sizeof *s->holes, by_start);
  for (size_t i = 0; i < s->hole_count; i++) {
    struct hole h = s->holes[i];
    if (h.from_k < 0) h.from_k = 0;
    if (h.until_k >= all) h.until_k = all - 1;
    if (kept && h.from_k <= s->holes[kept - 1].until_k + 1) {
      if (h.until_k > s->holes[kept - 1].until_k) s->holes[kept - 1].until_k = h.until_k;
    } else if (h.until_k >= h.from_k) {
      s->holes[kept++] = h;
    }
  }
  s->hole_count = kept;
}

/* An interval that may lack a row would give wrong sums: better none of it. */
static int leave_out_parts(struct salvage *s) {
  static const char *const tables[] = {"intervals", "histograms", "tallies", "workers", "host"};
  LH_SQL_SCOPED *insert = NULL;
  if (s->hole_count == 0) return SQLITE_OK;
  int code = lh_sql_exec(s->to, "CREATE TEMP TABLE holes (from_k, until_k)");
  if (code == SQLITE_OK) code = lh_sql_prepare(s->to, "INSERT INTO temp.holes VALUES (?,?)", &insert);
  for (size_t h = 0; h < s->hole_count && code == SQLITE_OK; h++)
    code = lh_sql_run(insert, "ii", s->holes[h].from_k, s->holes[h].until_k);
  for (size_t t = 0; t < sizeof tables / sizeof *tables && code == SQLITE_OK; t++) {
    char *sql = sqlite3_mprintf("DELETE FROM %s WHERE EXISTS (SELECT 1 FROM temp.holes WHERE k BETWEEN from_k AND until_k)", tables[t]);
    code = sql ? lh_sql_exec(s->to, sql) : SQLITE_NOMEM;
    sqlite3_free(sql);
  }
  if (code == SQLITE_OK) code = lh_sql_exec(s->to, "UPDATE run SET how = NULL, end_ns = NULL, end_wall_us = NULL");
  return code;
}

static const char *since_start(int64_t k, int64_t every, char out[32]) {
  return lh_format_duration(every > 0 && k < INT64_MAX / every ? (uint64_t)(k * every) : 0, out, 32);
}

/* "; missing are 10m to 12m, 1h to 1h5m and 3 more spans, from its start" */
static void add_spans(sqlite3_str *out, const struct salvage *s, int64_t every) {
  char from[32], until[32];
  for (size_t i = 0; i < s->hole_count && i < SPANS_MOST; i++)
    sqlite3_str_appendf(out, "%s%s to %s", i == 0 ? "; missing are " : ", ", since_start(s->holes[i].from_k, every, from),
                        since_start(s->holes[i].until_k + 1, every, until));
  if (s->hole_count > SPANS_MOST) sqlite3_str_appendf(out, " and %d more spans", (int)(s->hole_count - SPANS_MOST));
  if (s->hole_count > 0) sqlite3_str_appendall(out, ", from its start");
}

/* Ends the sentence: what else is missing, and what to do. */
static char *say_rest(const struct salvage *s, sqlite3_str *out) {
  const char *tables = sqlite3_str_value(s->incomplete);
  if (tables && *tables) sqlite3_str_appendf(out, "; rows are missing in %s", tables + 2);
  sqlite3_str_appendall(out, ". Copy it again from where it was written, if that is still there");
  return sqlite3_str_finish(out);
}

static char *say_damaged(const struct salvage *s, const char *path) {
  int64_t whole = ask(s->to, "SELECT count(DISTINCT k) FROM intervals", 0), every = ask(s->to, "SELECT interval_ns FROM run", 1);
  sqlite3_str *out = sqlite3_str_new(NULL);
  sqlite3_str_appendf(out, "%s is damaged in the middle: ", path);
  if (s->hole_count == 0)
    sqlite3_str_appendf(out, "all %lld intervals are whole", (long long)whole);
  else
    sqlite3_str_appendf(out, "%lld of %lld intervals are whole", (long long)whole, (long long)s->intervals);
  add_spans(out, s, every);
  return say_rest(s, out);
}

static char *say_cut(const struct salvage *s, const char *path, const struct lh_file_cut *cut) {
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
    int64_t first = s->holes[0].from_k;
    bool makes_sense = every > 0 && first < INT64_MAX / every;
    sqlite3_str_appendf(out, "%lld%s intervals are whole; what is missing begins %s after the start", (long long)whole, of,
                        lh_format_duration_brief(makes_sense ? (uint64_t)(first * every) : 0, since, sizeof since));
  }
  return say_rest(s, out);
}

/* Whether there is something to report, and nothing of it hangs in the air. */
static bool is_run(sqlite3 *db) {
  return ask(db, "SELECT count(*) FROM run", 0) == 1 && ask(db, "SELECT count(*) FROM intervals", 0) > 0 &&
         ask(db, "SELECT count(*) FROM (SELECT reason_id FROM tallies UNION SELECT reason_id FROM endings)"
                 " WHERE reason_id NOT IN (SELECT reason_id FROM reasons)", 1) == 0 &&
         ask(db, "SELECT count(*) FROM (SELECT group_no FROM intervals UNION SELECT group_no FROM endings UNION SELECT group_no FROM"
                 " seconds UNION SELECT group_no FROM events WHERE group_no IS NOT NULL UNION SELECT group_no FROM findings WHERE"
                 " group_no IS NOT NULL) WHERE group_no NOT IN (SELECT group_no FROM groups)", 1) == 0;
}

int lh_salvage(const char *path, const struct lh_file_cut *cut, sqlite3 **db, char **note, struct lh_err *err) {
  struct salvage s = {.incomplete = sqlite3_str_new(NULL)};
  int code = open_both(&s, path, cut->bytes);
  if (code == SQLITE_OK) code = lh_sql_exec(s.to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
  if (code == SQLITE_OK) code = copy_tables(&s, "table");
  if (code == SQLITE_OK) code = find_torn_histograms(&s);
  s.intervals = intervals_of(&s);
  join_holes(&s);
  if (code == SQLITE_OK) code = leave_out_parts(&s);
  if (code == SQLITE_OK) code = copy_tables(&s, "index");
  if (code == SQLITE_OK) code = lh_sql_exec(s.to, "COMMIT");
  bool found = code == SQLITE_OK && is_run(s.to), is_cut = cut->bytes < cut->bytes_whole;
  char *said = !found ? NULL : is_cut ? say_cut(&s, path, cut) : say_damaged(&s, path);
  close_from(&s);
  if (said) {
    *db = s.to;
    *note = said;
    return 0;
  }
  sqlite3_close(s.to);
  if (code == SQLITE_NOMEM || found) return lh_err_set(err, ENOMEM, "no memory is left to read the run file %s", path);
  if (!is_cut)
    return lh_err_set(err, EBADMSG,
                      "the run file %s is damaged, and too little of it is left to read. Copy it again from where it was "
                      "written, or try `sqlite3 FILE .recover`",
                      path);
  return lh_err_set(err, EBADMSG,
                    "the run file %s is cut off: it has %" PRIu64 " of %" PRIu64 " bytes, and too little of it is left to read. "
                    "Copy it again from where it was written",
                    path, cut->bytes, cut->bytes_whole);
}
