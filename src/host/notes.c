#include "host/notes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"

/* NULL: no room, which LH_NOTES_MAX is there to prevent. */
static void add(struct lh_ladder *ladder, const char *name, const char *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void add(struct lh_ladder *ladder, const char *name, const char *value, const char *format, ...) {
  if (ladder->note_count == LH_NOTES_MAX) return;
  struct lh_note *note = &ladder->notes[ladder->note_count++];
  note->name = name;
  snprintf(note->value, sizeof note->value, "%.95s", value);
  va_list args;
  va_start(args, format);
  vsnprintf(note->text, sizeof note->text, format, args);
  va_end(args);
}

static const char *text_of(const struct lh_maker *m, const char *name) {
  const struct lh_fact *fact = lh_facts_find(m->facts, name);
  return fact && !lh_fact_unreadable(fact) ? fact->value : NULL;
}

struct words {
  char text[96];
};

/* A number as people read it; other words as they are. */
static struct words words_of(const char *value) {
  struct words w;
  snprintf(w.text, sizeof w.text, "%.95s", value);
  if (*value != '\0' && strspn(value, "0123456789") == strlen(value))
    lh_format_count(strtoull(value, NULL, 10), w.text, sizeof w.text);
  return w;
}

/* ---- descriptors elsewhere ---- */
static void note_soft(struct lh_ladder *ladder, const struct lh_maker *m) {
  const char *soft = text_of(m, "nofile.soft"), *hard = text_of(m, "nofile.hard");
  if (soft && hard && strcmp(soft, hard) != 0)
    add(ladder, "RLIMIT_NOFILE, soft", words_of(soft).text, "longhaul raises it by itself, to the hard limit of %s",
        words_of(hard).text);
}

static void note_login(struct lh_ladder *ladder, const struct lh_maker *m) {
  const char *hard = text_of(m, "nofile.login.hard"), *unit = text_of(m, "nofile.unit.hard"), *own = text_of(m, "nofile.hard");
  if (hard && (!own || strcmp(hard, own) != 0))
    add(ladder, "RLIMIT_NOFILE of a new login", words_of(hard).text, "%s; this process has %s",
        strcmp(hard, "not set") == 0 ? "so a login has what started it" : "by limits.conf and limits.d",
        own ? words_of(own).text : "another");
  if (unit && (!own || strcmp(unit, own) != 0))
    add(ladder, "RLIMIT_NOFILE of a systemd unit", words_of(unit).text, "DefaultLimitNOFILE, where the unit sets no LimitNOFILE");
}

/* ---- ports ---- */
static void note_ports(struct lh_ladder *ladder, const struct lh_maker *m) {
  uint64_t reserved = lh_maker_number(m, "ports.reserved_in_range", 0);
  uint64_t range = lh_maker_range(m), taken = lh_maker_taken(m), passed = lh_maker_time_wait(m);
  char value[64], half[32], most[32];
  if (range == LH_ANY) return;
  uint64_t busiest = 0;
  for (size_t i = 0; i < m->needs->path_count; i++)
    if (m->needs->paths[i].clients > busiest) busiest = m->needs->paths[i].clients;
  lh_format_count(range / 2, half, sizeof half);
  lh_format_count(busiest, most, sizeof most);
  snprintf(value, sizeof value, "%s connections", half);
  if (busiest > range / 2 && busiest <= range)
    add(ladder, "half of the local ports", value,
        "%s from one source to one destination pass it: the kernel then searches long for each free port, and connecting slows "
        "down. More source_addresses avoid it",
        most);
  else if (busiest == 0)
    add(ladder, "half of the local ports", value,
        "past it, from one source to one destination, the kernel searches long for each free port, and connecting slows down");
  if (reserved != LH_ANY && reserved > 0 && reserved * 10 < range) {
    lh_format_count(reserved, value, sizeof value);
    add(ladder, "net.ipv4.ip_local_reserved_ports", value, "left out of what the range allows");
  }
  if (taken > 0 && taken * 10 < range) {
    lh_format_count(taken, value, sizeof value);
    add(ladder, "ports in use", value, "left out of what the range allows");
  }
  if (passed > 0 && passed * 10 < range) {
    lh_format_count(passed, value, sizeof value);
    add(ladder, "ports in TIME_WAIT", value, "left out of what the range allows, for a minute at most");
  }
}

/* ---- the target ---- */
/* Where one descriptor a connection would do and two would not; its own step says so where it has one. */
static void note_target(struct lh_ladder *ladder, const struct lh_maker *m) {
  const struct lh_rung *rung = lh_ladder_find(ladder, LH_LIMIT_TARGET_NOFILE);
  const struct lh_needs_server *fullest = lh_maker_fullest(m);
  char half[32];
  if (!rung || !fullest || fullest->measured || rung == ladder->rungs) return;
  if (rung->clients == LH_ANY || rung->clients < ladder->wanted || rung->clients / 2 >= ladder->wanted) return;
  add(ladder, "descriptors of the target", "one a connection is assumed",
      "%s, process %u, is taken for a server; a proxy takes two, and has room for %s clients: --probe --targets measures it",
      fullest->name, fullest->pids[0], lh_format_count(rung->clients / 2, half, sizeof half));
}

/* ---- settings ---- */
static void note_time_wait(struct lh_ladder *ladder, const struct lh_maker *m) {
  static const char *const meanings[] = {"no port in TIME_WAIT is used again before it is over, a minute",
                                         "a port in TIME_WAIT is used again after a second",
                                         "over loopback a port in TIME_WAIT is used again after a second, else after a minute"};
  uint64_t reuse = lh_maker_number(m, "net.ipv4.tcp_tw_reuse", 0);
  if (reuse < 3) add(ladder, "net.ipv4.tcp_tw_reuse", text_of(m, "net.ipv4.tcp_tw_reuse"), "%s", meanings[reuse]);
  const char *fin = text_of(m, "net.ipv4.tcp_fin_timeout");
  if (fin) add(ladder, "net.ipv4.tcp_fin_timeout", fin, "seconds in FIN_WAIT_2 for a peer that does not close its side");
}

static void note_keepalive(struct lh_ladder *ladder, const struct lh_maker *m) {
  uint64_t time = lh_maker_number(m, "net.ipv4.tcp_keepalive_time", 0);
  uint64_t every = lh_maker_number(m, "net.ipv4.tcp_keepalive_intvl", 0),
           probes = lh_maker_number(m, "net.ipv4.tcp_keepalive_probes", 0);
  char value[64], after[32];
  if (time > 1000000 || every > 100000 || probes > 1000) return;
  snprintf(value, sizeof value, "%" PRIu64 " s + %" PRIu64 " * %" PRIu64 " s", time, probes, every);
  lh_format_duration((time + every * probes) * LH_NS_PER_S, after, sizeof after);
  add(ladder, "net.ipv4.tcp_keepalive_*", value,
      "a silent peer is noticed after %s by TCP alone; a group's ping does it sooner", after);
}

/* Reading a clock that is not the processor's own is a system call, several times for each message. */
static void note_clock(struct lh_ladder *ladder, const struct lh_maker *m) {
  static const char *const fast[] = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "xen"};
  const char *clock = text_of(m, "clocksource");
  if (!clock) return;
  for (size_t i = 0; i < sizeof fast / sizeof *fast; i++)
    if (strcmp(clock, fast[i]) == 0) {
      add(ladder, "clock source", clock, "read without a system call");
      return;
    }
  add(ladder, "clock source", clock, "each reading is a system call: latencies are less exact, and messages cost more");
}

static void note_cpu(struct lh_ladder *ladder, const struct lh_maker *m) {
  const char *quota = text_of(m, "cgroup.cpu.max");
  if (quota && strcmp(quota, "max") != 0)
    add(ladder, "cpu.max", quota, "of the control group: past it the kernel stops every process of the group for a while");
}

void lh_ladder_add_notes(struct lh_ladder *ladder, const struct lh_maker *m) {
  note_soft(ladder, m);
  note_login(ladder, m);
  note_ports(ladder, m);
  note_target(ladder, m);
  note_time_wait(ladder, m);
  note_keepalive(ladder, m);
  note_clock(ladder, m);
  note_cpu(ladder, m);
}
