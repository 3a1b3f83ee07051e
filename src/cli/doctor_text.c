/* The ladder for people: 80 columns, readable without colour. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "longhaul/base/units.h"

#define BOLD "\x1b[1m"
#define RED "\x1b[31m"
#define GREEN "\x1b[32m"
#define YELLOW "\x1b[33m"
#define FAINT "\x1b[2m"
#define PLAIN "\x1b[0m"

struct words {
  char text[32];
};

static struct words clients_words(uint64_t clients) {
  struct words w = {"any"};
  if (clients != LH_ANY) lh_format_count(clients, w.text, sizeof w.text);
  return w;
}

struct page {
  const struct lh_doctor *doctor;
  struct lh_buf *out;
  bool color;
  int code; /* of the first failed addition */
};

static void put(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct page *p, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (p->code == 0) p->code = lh_buf_vaddf(p->out, format, args);
  va_end(args);
}

static void wrap(struct page *p, const char *text, size_t at, size_t indent) {
  if (p->code == 0) p->code = lh_buf_addwords(p->out, text, at, indent);
}

static const char *paint(const struct page *p, const char *color) {
  return p->color ? color : "";
}

/* ---- the verdict ---- */
/* "2,000 clients"; a burst bounds what connects at one moment. */
static void say_first(const struct lh_rung *rung, char *out, size_t size) {
  snprintf(out, size, "%s%s clients%s", rung->estimated ? "about " : "", clients_words(rung->clients).text,
           rung->burst ? " connecting at one moment" : "");
}

/* The target takes fewer than the plan wants, this host does not. */
static bool is_short_elsewhere(const struct lh_ladder *ladder) {
  for (uint32_t i = 0; i < lh_ladder_short(ladder); i++)
    if (lh_limit_is_theirs(ladder->rungs[i].limit)) return true;
  return false;
}

static void put_verdict(struct page *p) {
  const struct lh_ladder *ladder = p->doctor->ladder;
  const struct lh_rung *first = ladder->count > 0 ? &ladder->rungs[0] : NULL;
  char sentence[512], held[96];
  bool bound = first && first->clients != LH_ANY;
  if (bound) say_first(first, held, sizeof held);
  if (ladder->wanted == 0) {
    snprintf(sentence, sizeof sentence, "This host can hold %s%s%s.",
             bound ? held : "as many clients as there are addresses for",
             bound ? " to one address of another host: what binds first is " : "", bound ? lh_limit_name(first->limit) : "");
    put(p, "%s", paint(p, BOLD));
  } else {
    bool fits = lh_ladder_fits(ladder), elsewhere = fits && is_short_elsewhere(ladder);
    put(p, "%s%s%s  %s\n", paint(p, elsewhere ? BOLD YELLOW : fits ? BOLD GREEN : BOLD RED),
        elsewhere ? "FITS HERE, NOT THERE" : fits ? "FITS" : "DOES NOT FIT", paint(p, PLAIN), p->doctor->config->run.name);
    snprintf(sentence, sizeof sentence, "The plan wants %s clients; %s %s%s%s.", clients_words(ladder->wanted).text,
             bound && lh_limit_is_theirs(first->limit) ? "its target, on this host, takes" : "this host can hold",
             bound ? held : "any number", bound ? ": what binds first is " : "", bound ? lh_limit_name(first->limit) : "");
  }
  wrap(p, sentence, 0, 0);
  put(p, "%s", ladder->wanted == 0 ? paint(p, PLAIN) : "");
}

/* ---- the ladder ---- */
enum { CLIENTS_CELLS = 13, NAME_CELLS = 30, VALUE_AT = 3 + 1 + CLIENTS_CELLS + 2 + NAME_CELLS + 1 };

static void put_rung(struct page *p, const struct lh_rung *rung, bool is_short, bool is_first) {
  const char *color = is_short && !rung->soft ? RED : is_short || is_first ? YELLOW : rung->clients == LH_ANY ? FAINT : "";
  const char *mark = is_short ? (rung->soft ? " ? " : " ! ") : is_first ? " > " : "   ";
  put(p, "%s%s%s%*s  %-*s ", paint(p, color), mark, rung->estimated && rung->clients != LH_ANY ? "~" : " ", CLIENTS_CELLS,
      clients_words(rung->clients).text, NAME_CELLS, lh_limit_name(rung->limit));
  wrap(p, rung->value, VALUE_AT, VALUE_AT);
  put(p, "%s", paint(p, *color ? PLAIN : ""));
}

static void put_ladder(struct page *p) {
  const struct lh_ladder *ladder = p->doctor->ladder;
  uint32_t short_count = lh_ladder_short(ladder);
  bool soft = false, hard = false, estimated = false;
  put(p, "\n%s    %*s  %-*s now%s\n", paint(p, BOLD), CLIENTS_CELLS, "clients", NAME_CELLS, "limit", paint(p, PLAIN));
  for (uint32_t i = 0; i < ladder->count; i++) {
    const struct lh_rung *rung = &ladder->rungs[i];
    put_rung(p, rung, i < short_count, i == 0 && rung->clients != LH_ANY);
    hard = hard || (i < short_count && !rung->soft);
    soft = soft || (i < short_count && rung->soft);
    estimated = estimated || (rung->estimated && rung->clients != LH_ANY);
  }
  if (hard) put(p, " ! fewer than the plan wants\n");
  if (soft) put(p, " ? fewer than the plan wants: the run begins, but may be slow or fail by turns\n");
  if (estimated) put(p, " ~ from the measured memory or processor time of a client\n");
}

/* ---- how to raise ---- */
uint32_t lh_doctor_shown(const struct lh_doctor *doctor) {
  const struct lh_ladder *ladder = doctor->ladder;
  uint32_t count = lh_ladder_short(ladder);
  return count > 0 ? count : ladder->count > 0 && ladder->rungs[0].clients != LH_ANY ? 1 : 0;
}

bool lh_doctor_is_root(const struct lh_doctor *doctor) {
  uint64_t user;
  return lh_facts_number(&doctor->facts, "user", 0, &user) == 0 && user == 0;
}

/* Commands stand alone on their line, unbroken, so that they can be copied. */
enum { INDENT = 14 };

/* One may be two, each of which takes root: "sysctl ... && prlimit ...". */
static void put_command(struct page *p, const char *text, bool sudo) {
  static const char both[] = " && ";
  const char *next;
  put(p, "%s", paint(p, BOLD));
  for (; (next = strstr(text, both)) != NULL; text = next + sizeof both - 1)
    put(p, "%s%.*s%s", sudo ? "sudo " : "", (int)(next - text), text, both);
  put(p, "%s%s%s\n", sudo ? "sudo " : "", text, paint(p, PLAIN));
}

static void put_remedy(struct page *p, const struct lh_remedy *remedy) {
  bool command = remedy->kind == LH_REMEDY_SYSCTL || remedy->kind == LH_REMEDY_PRLIMIT;
  bool sudo = command && !lh_doctor_is_root(p->doctor);
  const char *when = lh_remedy_is_for_good(remedy->kind) ? "for good" : "now";
  const char *takes = lh_remedy_takes(remedy->kind);
  if (remedy->kind == LH_REMEDY_ADVICE || remedy->kind == LH_REMEDY_CONFIG) {
    put(p, "   %-11s", remedy->kind == LH_REMEDY_CONFIG ? "config" : "else");
    wrap(p, remedy->text, INDENT, INDENT);
    return;
  }
  bool container = remedy->kind == LH_REMEDY_CONTAINER;
  put(p, "   %-11s", container ? "container" : when);
  if (remedy->file == NULL) {
    put_command(p, remedy->text, sudo);
  } else {
    put(p, "in %s:\n", remedy->file);
    for (const char *line = remedy->text; *line != '\0';) {
      int len = (int)strcspn(line, "\n");
      put(p, "%*s%s%.*s%s\n", INDENT + 2, "", paint(p, BOLD), len, line, paint(p, PLAIN));
      line += len + (line[len] == '\n');
    }
  }
  if (!container) put(p, "%*s%s(%s)%s\n", INDENT, "", paint(p, FAINT), takes, paint(p, PLAIN));
}

static void put_next(struct page *p, const struct lh_rung *rung) {
  char text[256];
  if (rung->raised[0] == '\0') return;
  if (rung->next_limit < 0)
    snprintf(text, sizeof text, "Raised to %s: nothing else binds.", rung->raised);
  else
    snprintf(text, sizeof text, "Raised to %s: %s clients, then %s binds.", rung->raised,
             clients_words(rung->next_clients).text, lh_limit_name((enum lh_limit)rung->next_limit));
  put(p, "   ");
  wrap(p, text, 3, 3);
}

static void put_steps(struct page *p) {
  uint32_t shown = lh_doctor_shown(p->doctor);
  for (uint32_t i = 0; i < shown; i++) {
    const struct lh_rung *rung = &p->doctor->ladder->rungs[i];
    char head[400];
    put(p, "\n%s%u. %s%s:", paint(p, BOLD), i + 1, lh_limit_name(rung->limit), paint(p, PLAIN));
    snprintf(head, sizeof head, "%s%s%s", lh_limit_what(rung->limit), rung->detail[0] != '\0' ? "; " : "", rung->detail);
    wrap(p, head, 4 + strlen(lh_limit_name(rung->limit)), 3);
    for (uint32_t r = 0; r < rung->remedy_count; r++) put_remedy(p, &rung->remedies[r]);
    put_next(p, rung);
  }
}

/* ---- beside it ---- */
static void put_notes(struct page *p) {
  const struct lh_ladder *ladder = p->doctor->ladder;
  if (ladder->note_count > 0) put(p, "\n%sWorth knowing%s\n", paint(p, BOLD), paint(p, PLAIN));
  for (uint32_t i = 0; i < ladder->note_count; i++) {
    const struct lh_note *note = &ladder->notes[i];
    char line[512];
    int len = snprintf(line, sizeof line, "%s: %s", note->name, note->value);
    if (note->text[0] != '\0' && len > 0 && (size_t)len < sizeof line)
      snprintf(line + len, sizeof line - (size_t)len, ", %s", note->text);
    put(p, "   ");
    wrap(p, line, 3, 5);
  }
}

static void put_gaps(struct page *p) {
  const struct lh_ladder *ladder = p->doctor->ladder;
  if (ladder->gap_count > 0) put(p, "\n%sUnreadable, so not judged%s\n", paint(p, BOLD), paint(p, PLAIN));
  for (uint32_t i = 0; i < ladder->gap_count; i++) {
    char line[512];
    snprintf(line, sizeof line, "%s: %s (%s)", ladder->gaps[i].name, ladder->gaps[i].reason, ladder->gaps[i].source);
    put(p, "   ");
    wrap(p, line, 3, 5);
  }
}

static void put_changes(struct page *p) {
  const struct lh_doctor *d = p->doctor;
  if (d->compared == NULL) return;
  /* "2026-11-22T20:03:28.123Z" as reports write it */
  put(p, "\n%sSince the run of %.10s %.8s UTC%s\n", paint(p, BOLD), d->compared_at, d->compared_at + 11, paint(p, PLAIN));
  for (size_t i = 0; i < d->change_count; i++) {
    const struct lh_doctor_change *c = &d->changes[i];
    put(p, "   %s\n     was  ", c->name);
    wrap(p, c->was ? c->was : "not read", 10, 10);
    put(p, "     now  ");
    wrap(p, c->now ? c->now : "not read", 10, 10);
  }
  put(p, d->change_count == 0 ? "   Nothing changed: %zu facts read the same.\n" : "   %zu other facts read the same.\n",
      d->same_count);
}

int lh_doctor_text(const struct lh_doctor *doctor, bool color, struct lh_buf *out) {
  struct page p = {.doctor = doctor, .out = out, .color = color};
  put_verdict(&p);
  if (doctor->probe != NULL && p.code == 0) p.code = lh_doctor_probe_text(doctor->probe, color, out);
  put_ladder(&p);
  put_steps(&p);
  put_notes(&p);
  put_gaps(&p);
  put_changes(&p);
  return p.code;
}
