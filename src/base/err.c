#include "longhaul/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int lh_err_set(struct lh_err *err, int code, const char *format, ...) {
  if (code > 0) code = -code;
  if (!err) return code;
  /* The text may quote err's own former sentence: format aside, then copy. */
  char text[LH_ERR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  memcpy(err->text, text, sizeof text);
  err->code = code;
  return code;
}

int lh_err_prefix(struct lh_err *err, const char *format, ...) {
  if (!err) return -EINVAL;
  char text[LH_ERR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (len < 0 || (size_t)len + 3 >= sizeof text) return err->code;
  int room = (int)(sizeof text - (size_t)len - 3); /* a long sentence loses its end rather than its beginning */
  snprintf(text + len, sizeof text - (size_t)len, ": %.*s", room, err->text);
  memcpy(err->text, text, sizeof text);
  return err->code;
}
