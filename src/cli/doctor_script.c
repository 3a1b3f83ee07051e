/* The remedies as a shell script that a person reads and then runs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "longhaul/base/units.h"

struct script {
  struct lh_buf *out;
  int code;
};

static void put(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct script *s, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (s->code == 0) s->code = lh_buf_vaddf(s->out, format, args);
  va_end(args);
}

/* As comment lines of at most 80 columns. */
static void put_comment(struct script *s, const char *text) {
  size_t at = 0;
  for (const char *word = text; *word != '\0';) {
    size_t len = strcspn(word, " \n");
    if (at > 0 && at + 1 + len > 80) at = 0, put(s, "\n");
    put(s, "%s%.*s", at == 0 ? "# " : " ", (int)len, word);
    at += len + (at == 0 ? 2 : 1);
    word += len;
    while (*word == ' ' || *word == '\n') word++;
  }
  put(s, "\n");
}

/* ulimit would reach the script's own shell alone: the limits of the shell that started it are set in its place. */
static void put_ulimit(struct script *s, const char *text) {
  static const struct {
    const char *command, *option;
    bool soft; /* the hard limit stays */
  } kinds[] = {{"ulimit -n ", "nofile", false},
               {"ulimit -u ", "nproc", false},
               {"ulimit -v ", "as", false},
               {"ulimit -S -u ", "nproc", true},
               {"ulimit -S -v ", "as", true}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    const char *at = strstr(text, kinds[i].command);
    if (at == NULL) continue;
    const char *value = at + strlen(kinds[i].command);
    if (at > text) put(s, "%.*s\n", (int)(at - text - 4), text); /* "sysctl ... && " */
    put(s, "prlimit --pid \"$shell\" --%s=%s:%s\n", kinds[i].option, value, kinds[i].soft ? "" : value);
  }
}

static void put_prlimit(struct script *s, const char *text) {
  const char *at = strstr(text, "$$");
  if (at == NULL) return;
  put(s, "%.*s\"$shell\"%s\n", (int)(at - text), text, at + 2);
}

/* Once: the same line is not added twice, and a line for the same key takes the place of an older one. */
static void put_line(struct script *s, const struct lh_remedy *remedy) {
  int key = (int)strcspn(remedy->text, "=0123456789");
  if (remedy->kind == LH_REMEDY_SYSCTL_D) {
    key = (int)strcspn(remedy->text, " ");
    put(s, "keep_line %s '%.*s =' '%s'\n", remedy->file, key, remedy->text, remedy->text);
  } else {
    const char *last = strrchr(remedy->text, ' ');
    key = last ? (int)(last - remedy->text) : key;
    put(s, "keep_line %s '%.*s ' '%s'\n", remedy->file, key, remedy->text, remedy->text);
  }
}

static void put_remedy(struct script *s, const struct lh_remedy *remedy) {
  switch (remedy->kind) {
  case LH_REMEDY_ULIMIT:
  case LH_REMEDY_SOFT: put_ulimit(s, remedy->text); break;
  case LH_REMEDY_PRLIMIT: put_prlimit(s, remedy->text); break;
  case LH_REMEDY_SYSCTL:
  case LH_REMEDY_CGROUP:
  case LH_REMEDY_TARGET: put(s, "%s\n", remedy->text); break;
  case LH_REMEDY_SYSCTL_D:
  case LH_REMEDY_LIMITS_D: put_line(s, remedy); break;
  default: {
    char text[512];
    int len = snprintf(text, sizeof text, "%s%s%s: ", lh_remedy_name(remedy->kind), remedy->file ? ", in " : "",
                       remedy->file ? remedy->file : "");
    snprintf(text + len, sizeof text - (size_t)len, "%s", remedy->text);
    put_comment(s, text);
  }
  }
}

static const char head[] = "#!/bin/sh\n"
                           "# Raises the limits of this host for longhaul. Read it first; then run it as root, from the\n"
                           "# shell that will start longhaul:  sudo sh FIX.sh\n"
                           "# What it does now lasts until the next boot or login; what it writes to files stays.\n"
                           "set -eu\n"
                           "if [ \"$(id -u)\" -ne 0 ]; then echo 'run this as root' >&2; exit 1; fi\n";

/* Only where a line is kept: an unused function is a warning of shell checkers. */
static const char keep_line[] = "\n# FILE, how the line begins, the line: takes the place of a line that begins so.\n"
                                "keep_line() {\n"
                                "  touch \"$1\"\n"
                                "  kept=$(awk -v begin=\"$2\" 'index($0, begin) != 1' \"$1\")\n"
                                "  printf '%s\\n' ${kept:+\"$kept\"} \"$3\" > \"$1\"\n"
                                "}\n";

/* The limit of the shell is to rise, not that of what lends it root's rights. */
static const char find_shell[] = "\n# The shell that started this.\n"
                                 "shell=$PPID\n"
                                 "while grep -qxE 'sudo|doas' \"/proc/$shell/comm\"; do\n"
                                 "  shell=$(awk '/^PPid:/ {print $2}' \"/proc/$shell/status\")\n"
                                 "done\n";

static bool has_remedy(const struct lh_doctor *doctor, unsigned kinds) {
  for (uint32_t i = 0; i < lh_doctor_shown(doctor); i++)
    for (uint32_t r = 0; r < doctor->ladder->rungs[i].remedy_count; r++) {
      enum lh_remedy_kind kind = doctor->ladder->rungs[i].remedies[r].kind;
      if (kinds >> kind & 1) return true;
    }
  return false;
}

int lh_doctor_script(const struct lh_doctor *doctor, struct lh_buf *out) {
  struct script s = {.out = out};
  uint32_t shown = lh_doctor_shown(doctor);
  put(&s, "%s%s%s", head, has_remedy(doctor, 1U << LH_REMEDY_ULIMIT | 1U << LH_REMEDY_SOFT | 1U << LH_REMEDY_PRLIMIT) ? find_shell : "",
      has_remedy(doctor, 1U << LH_REMEDY_SYSCTL_D | 1U << LH_REMEDY_LIMITS_D) ? keep_line : "");
  if (shown == 0) put(&s, "\n# Nothing binds: there is nothing to raise.\n");
  for (uint32_t i = 0; i < shown; i++) {
    const struct lh_rung *rung = &doctor->ladder->rungs[i];
    char clients[32], text[512];
    lh_format_count(rung->clients, clients, sizeof clients);
    snprintf(text, sizeof text, "%s, %s: allows %s clients (%s).%s%s%s", lh_limit_name(rung->limit), lh_limit_what(rung->limit),
             clients, rung->value, rung->raised[0] != '\0' ? " Raised to " : "", rung->raised,
             rung->raised[0] != '\0' ? "." : "");
    put(&s, "\n");
    put_comment(&s, text);
    for (uint32_t r = 0; r < rung->remedy_count; r++) put_remedy(&s, &rung->remedies[r]);
  }
  return s.code;
}
