/* Errors that a person can act on.
 *
 * Glossary
 *   err   where a failing function puts its sentence; the caller owns it
 *   code  a negative errno; outputs are untouched when one is returned
 *
 * What can fail takes `struct lh_err *err` last (NULL is allowed: the sentence is then not kept) and returns
 * 0 or a negative errno. The sentence says what was wrong, where, what was expected, and what to do.
 */
#ifndef LONGHAUL_BASE_ERR_H
#define LONGHAUL_BASE_ERR_H

enum { LH_ERR_TEXT_MAX = 1024 };

struct lh_err {
  int code;                   /* negative errno, 0 when nothing failed */
  char text[LH_ERR_TEXT_MAX]; /* one sentence without a final newline */
};

/* Sets code (its sign is made negative) and text; returns the negative code, so that `return lh_err_set(...)` reads well. */
int lh_err_set(struct lh_err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts `prefix: ` before the sentence that err already holds; returns err's code. Without err nobody knows it any more: -EINVAL. */
int lh_err_prefix(struct lh_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
