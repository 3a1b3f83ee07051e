#include "run/screen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"

/* ---- a line that knows its width ---- */
enum style { PLAIN, BOLD, DIM, RED, GREEN };

struct page {
  struct lh_buf *out;
  struct lh_screen_size size;
  uint32_t *cells;
  uint32_t lines, at; /* lines done, cells used in this one */
  int failed;
};

static bool full(const struct page *p) {
  return p->lines + 1 >= p->size.rows;
}

static void end_line(struct page *p) {
  if (lh_buf_addstr(p->out, "\n") < 0) p->failed = -ENOMEM;
  if (p->cells != NULL) p->cells[p->lines] = p->at;
  p->lines++;
  p->at = 0;
}

/* Bytes from outside become '?', so that one byte is one cell and nothing acts on the terminal. */
static char printable(char c) {
  return c >= ' ' && c <= '~' ? c : '?';
}

static void put(struct page *p, enum style style, const char *text) {
  static const char *const codes[] = {"", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m"};
  bool styled = p->size.color && style != PLAIN;
  int code = styled ? lh_buf_addstr(p->out, codes[style]) : 0;
  for (; *text != '\0' && p->at < p->size.columns && code == 0; text++, p->at++) {
    char c = printable(*text);
    code = lh_buf_add(p->out, &c, 1);
  }
  if (styled && code == 0) code = lh_buf_addstr(p->out, "\x1b[0m");
  if (code < 0) p->failed = code;
}

__attribute__((format(printf, 3, 4))) static void putf(struct page *p, enum style style, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  put(p, style, text);
}

/* ---- words ---- */
static const char *clock_words(uint64_t ns, char out[32]) {
  uint64_t s = ns / LH_NS_PER_S;
  if (s >= 86400)
    snprintf(out, 32, "%" PRIu64 "d %02u:%02u:%02u", s / 86400, (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60),
             (unsigned)(s % 60));
  else
    snprintf(out, 32, "%02u:%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
  return out;
}

/* At most five cells: 99999, 123k, 4.56M. */
static const char *count_words(uint64_t n, char out[24]) {
  if (n < 100000)
    snprintf(out, 24, "%" PRIu64, n);
  else if (n < 1000000)
    snprintf(out, 24, "%" PRIu64 "k", n / 1000);
  else if (n < 100000000)
    snprintf(out, 24, "%.*fM", n < 10000000 ? 2 : 1, (double)n / 1e6);
  else
    snprintf(out, 24, "%.*fG", n < 10000000000 ? 2 : 0, (double)n / 1e9);
  return out;
}

static const char *rate_words(double rate, char out[24]) {
  if (rate < 99.95)
    snprintf(out, 24, "%.1f", rate);
  else
    count_words((uint64_t)(rate + 0.5), out);
  return out;
}

static const char *latency_words(const struct lh_recent_group *recent, uint64_t us, char out[32]) {
  if (recent->replied == 0) return "-";
  if (us >= 60000000) { /* "1 min 5 s" would not fit */
    snprintf(out, 32, "%" PRIu64 " s", us / 1000000);
    return out;
  }
  return lh_format_duration_brief(us * 1000, out, 32);
}

int lh_screen_ending_words(const struct lh_tally *t, struct lh_buf *out) {
  int code = lh_buf_addf(out, "%s: %s", lh_side_name(lh_reason_side(t->reason)), lh_reason_name(t->reason));
  /* A negative one is a library's own number, whose words are the text. */
  if (t->code > 0 && code == 0) code = lh_buf_addf(out, " %" PRId32, t->code);
  if (t->text[0] != '\0' && code == 0) {
    code = lh_buf_addstr(out, " '");
    for (const char *c = t->text; *c != '\0' && code == 0; c++) {
      char shown = printable(*c);
      code = lh_buf_add(out, &shown, 1);
    }
    if (code == 0) code = lh_buf_addstr(out, "'");
  }
  return code < 0 ? code : lh_buf_addf(out, " (%s)", lh_stage_name(t->stage));
}

/* ---- the head ---- */
static void put_bar(struct page *p, uint64_t part, uint64_t whole, uint32_t width, enum style style) {
  char bar[64];
  if (width > sizeof bar - 1) width = sizeof bar - 1;
  uint32_t filled = whole == 0 ? 0 : (uint32_t)((double)(part < whole ? part : whole) / (double)whole * width + 0.5);
  memset(bar, '#', filled);
  memset(bar + filled, '.', width - filled);
  bar[width] = '\0';
  put(p, style, bar);
}

static void put_head(struct page *p, const struct lh_screen_facts *f) {
  char elapsed[32], total[32], left[32];
  put(p, BOLD, f->name);
  putf(p, PLAIN, "  %s  %s of %s  ", f->phase, clock_words(f->elapsed_ns, elapsed), clock_words(f->duration_ns, total));
  uint32_t room = p->size.columns > p->at ? p->size.columns - p->at : 0;
  if (room >= 28) put_bar(p, f->elapsed_ns, f->duration_ns, room - 18 > 40 ? 40 : room - 18, PLAIN);
  uint64_t remaining = f->duration_ns > f->elapsed_ns ? f->duration_ns - f->elapsed_ns : 0;
  putf(p, PLAIN, "  %s left", clock_words(remaining, left));
  end_line(p);
}

/* ---- the table ---- */
enum column_id { NAME, BAR, OPEN, CONN, WAIT, DROPS, BACK, RATE, P50, P99, COLUMN_COUNT };

/* drop: columns go in this order when the terminal is narrow; 0 stays. */
static const struct {
  const char *title;
  uint32_t width, drop;
} columns[COLUMN_COUNT] = {
    [NAME] = {"group", 12, 0}, [BAR] = {"", 8, 1},        [OPEN] = {"open/wanted", 11, 0}, [CONN] = {"conn", 5, 4},
    [WAIT] = {"wait", 5, 5},   [DROPS] = {"drops", 5, 0}, [BACK] = {"back", 5, 2},         [RATE] = {"msg/s", 6, 6},
    [P50] = {"p50", 7, 3},     [P99] = {"p99", 7, 7},
};

struct layout {
  uint32_t width[COLUMN_COUNT]; /* 0: left out */
};

static uint32_t taken(const struct layout *l) {
  uint32_t sum = 0;
  for (int i = 0; i < COLUMN_COUNT; i++)
    if (l->width[i] > 0) sum += l->width[i] + (sum > 0 ? 1 : 0);
  return sum;
}

static struct layout lay_out(const struct lh_screen_facts *f, uint32_t room) {
  struct layout l;
  uint32_t longest = columns[NAME].width;
  for (uint32_t g = 0; g < f->group_count; g++)
    if (strlen(f->groups[g].name) > longest) longest = (uint32_t)strlen(f->groups[g].name);
  for (int i = 0; i < COLUMN_COUNT; i++) l.width[i] = columns[i].width;
  for (uint32_t next = 1; taken(&l) > room && next <= 7; next++)
    for (int i = 0; i < COLUMN_COUNT; i++)
      if (columns[i].drop == next) l.width[i] = 0;
  while (taken(&l) < room && l.width[NAME] < longest) l.width[NAME]++;
  while (l.width[BAR] > 0 && taken(&l) < room && l.width[BAR] < 30) l.width[BAR]++;
  while (l.width[OPEN] < 15 && taken(&l) < room) l.width[OPEN]++;
  return l;
}

static void put_cell(struct page *p, const struct layout *l, enum column_id id, enum style style, const char *text) {
  if (l->width[id] == 0) return;
  if (p->at > 0) put(p, PLAIN, " ");
  int width = (int)l->width[id];
  if (id == NAME)
    putf(p, style, "%-*.*s", width, width, text);
  else
    putf(p, style, "%*s", width, text);
}

static void put_titles(struct page *p, const struct layout *l) {
  for (int i = 0; i < COLUMN_COUNT; i++) put_cell(p, l, (enum column_id)i, DIM, columns[i].title);
  end_line(p);
}

static void put_group(struct page *p, const struct layout *l, const struct lh_screen_group *g) {
  char text[64], a[24], b[24], d[32];
  enum style open_style = g->open >= g->wanted ? GREEN : PLAIN;
  put_cell(p, l, NAME, PLAIN, g->name);
  if (l->width[BAR] > 0) {
    put(p, PLAIN, " ");
    put_bar(p, g->open, g->wanted, l->width[BAR], open_style);
  }
  snprintf(text, sizeof text, "%s/%s", count_words(g->open, a), count_words(g->wanted, b));
  put_cell(p, l, OPEN, open_style, text);
  put_cell(p, l, CONN, PLAIN, count_words(g->connecting, a));
  put_cell(p, l, WAIT, PLAIN, count_words(g->waiting, a));
  put_cell(p, l, DROPS, g->drops > 0 ? RED : PLAIN, count_words(g->drops, a));
  put_cell(p, l, BACK, PLAIN, count_words(g->reconnects, a));
  put_cell(p, l, RATE, PLAIN, rate_words(g->recent.sent_per_s, a));
  put_cell(p, l, P50, PLAIN, latency_words(&g->recent, g->recent.p50_us, d));
  put_cell(p, l, P99, PLAIN, latency_words(&g->recent, g->recent.p99_us, d));
  end_line(p);
}

/* The whole run; percentiles of different groups do not add up and are left out. */
static struct lh_screen_group sum_groups(const struct lh_screen_facts *f) {
  struct lh_screen_group all = {.name = "all"};
  for (uint32_t i = 0; i < f->group_count; i++) {
    const struct lh_screen_group *g = &f->groups[i];
    all.open += g->open;
    all.wanted += g->wanted;
    all.connecting += g->connecting;
    all.waiting += g->waiting;
    all.drops += g->drops;
    all.reconnects += g->reconnects;
    all.recent.sent_per_s += g->recent.sent_per_s;
  }
  return all;
}

static void put_table(struct page *p, const struct lh_screen_facts *f, uint32_t room) {
  struct layout l = lay_out(f, p->size.columns);
  put_titles(p, &l);
  uint32_t shown = f->group_count;
  uint32_t extra = shown > 1 ? 1 : 0;
  if (shown + extra > room) shown = room > extra + 1 ? room - extra - 1 : 1;
  for (uint32_t g = 0; g < shown && !full(p); g++) put_group(p, &l, &f->groups[g]);
  if (shown < f->group_count && !full(p)) {
    putf(p, DIM, "... and %u more groups: make the terminal taller to see them", f->group_count - shown);
    end_line(p);
  }
  struct lh_screen_group all = sum_groups(f);
  if (extra > 0 && !full(p)) put_group(p, &l, &all);
}

/* ---- the foot ---- */
static void put_endings(struct page *p, const struct lh_screen_facts *f, uint32_t most) {
  for (uint32_t i = 0; i < f->ending_count && i < most && !full(p); i++) {
    const struct lh_screen_ending *e = &f->endings[i];
    struct lh_buf words = LH_BUF_INIT(512);
    char count[24];
    if (lh_screen_ending_words(&e->tally, &words) < 0) p->failed = -ENOMEM;
    putf(p, DIM, "%s ", e->when);
    putf(p, PLAIN, "%s  %s x  %s", e->group, count_words(e->tally.count, count), words.data != NULL ? words.data : "");
    end_line(p);
    lh_buf_free(&words);
  }
}

static uint64_t open_sum(const struct lh_screen_facts *f) {
  uint64_t open = 0;
  for (uint32_t g = 0; g < f->group_count; g++) open += f->groups[g].open;
  return open;
}

static void put_tester(struct page *p, const struct lh_screen_facts *f) {
  char lag[32], rss[32], each[32];
  uint64_t open = open_sum(f);
  put(p, DIM, "tester ");
  if (f->workers_alive < f->workers)
    putf(p, RED, "%u of %u workers", f->workers_alive, f->workers);
  else
    putf(p, PLAIN, "%u worker%s", f->workers, f->workers == 1 ? "" : "s");
  putf(p, PLAIN, "  cpu %.1f %%", f->health.cpu_percent);
  if (f->host_cpu_percent >= 0) putf(p, PLAIN, "  host %.0f %%", f->host_cpu_percent);
  putf(p, PLAIN, "  lag %s  rss %s", lh_format_duration_brief(f->health.loop_lag_max_us * 1000, lag, sizeof lag),
       lh_format_size(f->health.rss_bytes, rss, sizeof rss));
  /* Whole or not at all: a number cut in the middle reads as another number. */
  char last[64];
  int len =
      snprintf(last, sizeof last, " (%s/client)", lh_format_size(open > 0 ? f->health.rss_bytes / open : 0, each, sizeof each));
  if (open > 0 && p->at + (uint32_t)len <= p->size.columns) put(p, PLAIN, last);
  end_line(p);
}

int lh_screen_render(const struct lh_screen_facts *facts, struct lh_screen_size size, struct lh_buf *out, uint32_t *cells) {
  struct page p = {.out = out, .size = size, .cells = cells};
  if (p.size.rows < 2) p.size.rows = 2;
  put_head(&p, facts);
  if (!full(&p)) {
    /* Of the rows: head, titles, tester line and the prompt's line are taken; endings get up to five of what groups leave. */
    uint32_t warned = facts->warning != NULL && facts->warning[0] != '\0' ? 1 : 0;
    uint32_t room = size.rows > 4 + warned ? size.rows - 4 - warned : 1;
    uint32_t wanted = facts->group_count + (facts->group_count > 1 ? 1 : 0);
    uint32_t most = room > wanted ? room - wanted : 0;
    if (most > 5) most = 5;
    put_table(&p, facts, room);
    put_endings(&p, facts, most);
    if (warned && !full(&p)) {
      putf(&p, RED, "warning ");
      put(&p, PLAIN, facts->warning);
      end_line(&p);
    }
  }
  if (!full(&p)) put_tester(&p, facts);
  return p.failed < 0 ? p.failed : (int)p.lines;
}

int lh_screen_line(const struct lh_screen_facts *f, struct lh_buf *out) {
  char elapsed[32], open[32], wanted[32], drops[32], back[32];
  struct lh_screen_group all = sum_groups(f);
  int code = lh_buf_addf(out, "%s open %s/%s connecting %" PRIu64 " waiting %" PRIu64 " drops %s back %s sent %.1f/s",
                         clock_words(f->elapsed_ns, elapsed), lh_format_count(all.open, open, sizeof open),
                         lh_format_count(all.wanted, wanted, sizeof wanted), all.connecting, all.waiting,
                         lh_format_count(all.drops, drops, sizeof drops), lh_format_count(all.reconnects, back, sizeof back),
                         all.recent.sent_per_s);
  const struct lh_screen_group *slowest = NULL;
  for (uint32_t g = 0; g < f->group_count; g++)
    if (f->groups[g].recent.replied > 0 && (slowest == NULL || f->groups[g].recent.p99_us > slowest->recent.p99_us))
      slowest = &f->groups[g];
  if (code == 0 && slowest != NULL) {
    char p50[32], p99[32];
    code = lh_buf_addf(out, " response %s%sp50 %s p99 %s", f->group_count > 1 ? slowest->name : "",
                       f->group_count > 1 ? " " : "", lh_format_duration_brief(slowest->recent.p50_us * 1000, p50, sizeof p50),
                       lh_format_duration_brief(slowest->recent.p99_us * 1000, p99, sizeof p99));
  }
  return code;
}
