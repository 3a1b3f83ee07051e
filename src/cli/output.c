#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "longhaul/base/log.h"

/* Bytes of a whole UTF-8 character at `at`; 0: it is none. Overlong forms pass: nothing acts on them. */
static size_t character(const unsigned char *at) {
  size_t len = at[0] < 0x80 ? 1 : at[0] >= 0xf8 ? 0 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc2 ? 2 : 0;
  for (size_t i = 1; i < len; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  return len;
}

/* A sentence may quote bytes from a file or a peer: what a terminal would act on, and what is no UTF-8, becomes '?'. */
static void make_harmless(char *text) {
  for (unsigned char *at = (unsigned char *)text; *at != '\0';) {
    size_t len = character(at);
    bool control = (*at < ' ' && *at != '\n') || *at == 0x7f || (len == 2 && at[0] == 0xc2 && at[1] < 0xa0);
    if (len == 0 || control) *at = '?';
    if (control && len == 2) at[1] = '?';
    at += len == 0 ? 1 : len;
  }
}

static void complain(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static void complain(const char *format, va_list args) {
  static const char name[] = "longhaul: ";
  char text[4 * LH_ERR_TEXT_MAX];
  memcpy(text, name, sizeof name);
  vsnprintf(text + sizeof name - 1, sizeof text - sizeof name + 1, format, args);
  make_harmless(text);
  lh_log_sentence(text);
}

int lh_cli_usage_error(const char *format, ...) {
  va_list args;
  va_start(args, format);
  complain(format, args);
  va_end(args);
  return LH_EXIT_USAGE;
}

int lh_cli_fail(int exit_code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  complain(format, args);
  va_end(args);
  return exit_code;
}

static int write_to(FILE *file, const struct lh_buf *text) {
  if (text->len > 0 && fwrite(text->data, 1, text->len, file) != text->len) return -errno;
  return fflush(file) == 0 ? 0 : -errno;
}

int lh_cli_write(const char *path, const struct lh_buf *text, struct lh_err *err) {
  if (strcmp(path, "-") == 0) {
    int code = write_to(stdout, text);
    return code < 0 ? lh_err_set(err, code, "cannot write to standard output: %s", strerror(-code)) : 0;
  }
  struct stat there;
  bool beside = stat(path, &there) != 0 || S_ISREG(there.st_mode); /* /dev/stdout and pipes are written as they are */
  char temporary[4096];
  int len = snprintf(temporary, sizeof temporary, "%s%s", path, beside ? ".part" : "");
  if (len >= (int)sizeof temporary) return lh_err_set(err, ENAMETOOLONG, "the path %s is too long", path);
  FILE *file = fopen(temporary, "we");
  if (file == NULL) return lh_err_set(err, errno, "cannot write %s: %s", path, strerror(errno));
  int code = write_to(file, text);
  if (fclose(file) != 0 && code == 0) code = -errno;
  if (code == 0 && beside && rename(temporary, path) != 0) code = -errno;
  if (code < 0 && beside) unlink(temporary);
  return code < 0 ? lh_err_set(err, code, "cannot write %s: %s", path, strerror(-code)) : 0;
}

int lh_cli_exit_of_write(int code) {
  static const int of_the_path[] = {ENOENT, ENOTDIR, EISDIR, EACCES, EPERM, EROFS, ENAMETOOLONG, ELOOP};
  for (size_t i = 0; i < sizeof of_the_path / sizeof *of_the_path; i++)
    if (code == -of_the_path[i]) return LH_EXIT_USAGE;
  return LH_EXIT_TESTER;
}

int lh_cli_print(struct lh_buf *text, int code) {
  struct lh_err err = {0};
  if (code == 0)
    code = lh_cli_write("-", text, &err);
  else
    lh_err_set(&err, code, "%s", strerror(-code));
  lh_buf_free(text);
  return code < 0 ? lh_cli_fail(LH_EXIT_TESTER, "%s", err.text) : LH_EXIT_PASSED;
}

int lh_cli_print_text(const char *text) {
  struct lh_buf out = LH_BUF_INIT(SIZE_MAX);
  return lh_cli_print(&out, lh_buf_addstr(&out, text));
}

static bool wants_color(void) {
  const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
  return (no_color == NULL || no_color[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

bool lh_cli_stdout_color(void) {
  return isatty(STDOUT_FILENO) && wants_color();
}
bool lh_cli_stderr_color(void) {
  return isatty(STDERR_FILENO) && wants_color();
}

bool lh_cli_stderr_live(void) {
  const char *term = getenv("TERM");
  return isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

int lh_cli_add_word(struct lh_buf *line, const char *word) {
  bool plain = word[0] != '\0' && strpbrk(word, " \t\n'\"\\$`*?[]{}()<>|&;!#~") == NULL;
  int code = lh_buf_addstr(line, plain ? " " : " '");
  for (const char *c = word; *c != '\0' && code == 0; c++)
    code = !plain && *c == '\'' ? lh_buf_addstr(line, "'\\''") : lh_buf_add(line, c, 1);
  if (code == 0 && !plain) code = lh_buf_addstr(line, "'");
  return code;
}
