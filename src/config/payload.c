/* Payloads and the files that a config names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "longhaul/base/buf.h"

#include "row.h"
#include "text.h"
#include "variables.h"

static char *beside_config(const struct load *load, const char *path) {
  const char *config = load->config->path, *slash = strrchr(config, '/');
  char *joined;
  if (*path == '/' || !slash) return strdup(path);
  return asprintf(&joined, "%.*s/%s", (int)(slash - config), config, path) < 0 ? NULL : joined;
}

/* Only regular files: a pipe or a device could block or never end. */
static int read_regular(const char *path, struct lh_buf *out) {
  struct stat facts;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -errno;
  int failed = fstat(fd, &facts) != 0 ? -errno : 0;
  if (!failed && S_ISDIR(facts.st_mode)) failed = -EISDIR;
  if (!failed && !S_ISREG(facts.st_mode)) failed = -ENXIO;
  if (!failed) failed = lh_buf_addfd(out, fd);
  close(fd);
  return failed;
}

static void report_file(struct load *load, struct node *node, const char *path, int failed, size_t limit) {
  const char *shown = node->from_env ? quoted(load, node) : quoted_text(load, path);
  if (failed == -EFBIG)
    report_value(load, node, "%s is larger than %zu MiB; expected a smaller file", shown, limit >> 20);
  else if (failed == -ENXIO)
    report_value(load, node, "%s is not a regular file; expected one", shown);
  else if (failed == -ENOMEM)
    load->arena.out_of_memory = true;
  else
    report_value(load, node, "cannot read %s: %s; expected a file, relative to the config's folder", shown, strerror(-failed));
}

bool file_read(struct load *load, struct node *node, size_t limit, char **path, struct lh_buf *out) {
  char *written = value_string(load, node);
  char *joined = written ? beside_config(load, written) : NULL;
  bool done = false;
  if (!joined) {
    if (written) load->arena.out_of_memory = true;
  } else if (load->args->no_files) {
    report_value(load, node, "files are not read here; expected a config without them");
  } else {
    *out = (struct lh_buf)LH_BUF_INIT(limit);
    int failed = *written ? read_regular(joined, out) : -ENOENT;
    if (failed) report_file(load, node, joined, failed, limit);
    done = !failed;
    if (!done) lh_buf_free(out);
  }
  free(written);
  if (done)
    *path = joined;
  else
    free(joined);
  return done;
}

bool set_file(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_buf content;
  char *path;
  if (!value_has_text(load, node, type_expected(row->type)) || !file_read(load, node, LH_CONFIG_BYTES_MAX, &path, &content)) return false;
  const char *expected = row->landing->check(content.data ? content.data : "");
  lh_buf_free(&content);
  if (expected) {
    report_value(load, node, "%s is not what is needed here; expected %s", quoted(load, node), expected);
    free(path);
    return false;
  }
  char **at = (char **)(void *)((char *)base + row->landing->offset);
  *at = path;
  return true;
}

/* Takes over bytes. */
static void take(struct lh_message *message, enum lh_payload_source source, char *bytes, size_t len) {
  free(message->payload);
  message->source = source;
  message->payload = bytes;
  message->payload_len = len;
}

bool set_payload_text(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  if (!value_has_text(load, node, type_expected(row->type)) || !variables_check(load, node)) return false;
  char *copy = strdup(node->text);
  if (copy)
    take(base, LH_PAYLOAD_TEXT, copy, strlen(copy));
  else
    load->arena.out_of_memory = true;
  return copy != NULL;
}

static int base64_digit(char c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *at = c ? strchr(digits, c) : NULL;
  return at ? (int)(at - digits) : -1;
}

/* RFC 4648 with its padding; white space between digits is left out, so that long ones can be folded. Returns the length,
 * -1 when it is not base64. out has room for strlen(text) bytes. */
static long base64_decode(const char *text, char *out) {
  uint32_t bits = 0;
  unsigned digits = 0, padding = 0;
  size_t len = 0;
  for (; *text; text++) {
    if (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t') continue;
    int digit = *text == '=' ? 0 : base64_digit(*text);
    if (digit < 0 || (padding && *text != '=')) return -1;
    padding += *text == '=';
    bits = bits << 6 | (uint32_t)digit;
    if (++digits % 4) continue;
    for (int shift = 16; shift >= 0; shift -= 8) out[len++] = (char)(bits >> shift & 0xff);
    bits = 0;
  }
  if (digits % 4 || padding > 2 || (padding && len == 0)) return -1;
  return (long)(len - padding);
}

bool set_payload_base64(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  if (!value_has_text(load, node, type_expected(row->type))) return false;
  char *bytes = malloc(strlen(node->text) + 3);
  if (!bytes) {
    load->arena.out_of_memory = true;
    return false;
  }
  long len = base64_decode(node->text, bytes);
  if (len < 0) {
    report_value(load, node, "%s is not base64; expected groups of four of A-Z a-z 0-9 + / with = at the end",
                 quoted(load, node));
    free(bytes);
    return false;
  }
  bytes[len] = 0;
  take(base, LH_PAYLOAD_BINARY, bytes, (size_t)len);
  return true;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Pairs of digits, white space between them as you like; `${...}` stays as it is where variables are allowed. Bytes that happen
 * to be a variable's beginning are escaped for the template. Returns the length, -1 when it is no such text. out has room for
 * strlen(text) + 1 bytes. */
static long hex_decode(const char *text, bool variables, char *out) {
  size_t len = 0;
  bool after_dollar = false; /* the byte before it came from digits and is a $ */
  while (*text) {
    const char *end = variables && text[0] == '$' && text[1] == '{' ? strchr(text, '}') : NULL;
    if (is_space(*text)) {
      text++;
    } else if (end) {
      if (after_dollar) return -1;
      memcpy(out + len, text, (size_t)(end + 1 - text));
      len += (size_t)(end + 1 - text);
      text = end + 1;
    } else {
      int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
      if (low < 0) return -1;
      char byte = (char)(high << 4 | low);
      if (variables && byte == '{' && after_dollar) out[len++] = '$';
      out[len++] = byte;
      after_dollar = byte == '$';
      text += 2;
      continue;
    }
    after_dollar = after_dollar && is_space(text[-1]);
  }
  return (long)len;
}

/* Sets *bytes, owned. False when it was reported. */
static bool take_hex(struct load *load, struct node *node, bool variables, char **bytes, size_t *len) {
  char *room = malloc(strlen(node->text) + 1);
  if (!room) {
    load->arena.out_of_memory = true;
    return false;
  }
  long got = hex_decode(node->text, variables, room);
  if (got <= 0) {
    report_value(load, node, "%s is not hexadecimal; expected pairs of the digits 0-9 and a-f%s", quoted(load, node),
                 variables ? ", with ${variables} between them, and not right after a byte 24" : "");
    free(room);
    return false;
  }
  *bytes = room;
  *len = (size_t)got;
  return true;
}

bool set_payload_hex(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  char *bytes;
  size_t len;
  if (!value_has_text(load, node, type_expected(row->type)) || !variables_check(load, node) || !take_hex(load, node, true, &bytes, &len)) return false;
  take(base, LH_PAYLOAD_HEX, bytes, len);
  return true;
}

bool set_when_hex(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_when_config *when = &((struct lh_message *)base)->when;
  char *bytes;
  size_t len;
  if (!value_has_text(load, node, type_expected(row->type)) || !take_hex(load, node, false, &bytes, &len)) return false;
  free(when->hex);
  when->hex = bytes;
  when->hex_len = len;
  return true;
}

bool set_payload_file(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_buf content;
  char *path;
  if (!value_has_text(load, node, type_expected(row->type)) || !file_read(load, node, LH_PAYLOAD_BYTES_MAX, &path, &content)) return false;
  free(path);
  char *bytes = content.data ? content.data : strdup(""); /* an empty file is an empty payload */
  if (bytes)
    take(base, LH_PAYLOAD_FILE, bytes, content.len);
  else
    load->arena.out_of_memory = true;
  return bytes != NULL;
}
