#include "text.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "longhaul/base/ip.h"

enum { PATH_BYTES_MAX = 2000 }; /* what the worker has room for in a request line */

/* Locale-free: isalnum would follow LC_CTYPE. */
static bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool all_of(const char *text, const char *besides_alnum) {
  for (; *text; text++)
    if (!is_alnum(*text) && !strchr(besides_alnum, *text)) return false;
  return true;
}

const char *text_not_empty(const char *text) {
  return *text ? NULL : "text that is not empty";
}

const char *text_name(const char *text) {
  return is_alnum(*text) && all_of(text, "_-") ? NULL : "letters, digits, - and _, beginning with a letter or digit";
}

const char *text_file_name(const char *text) {
  return is_alnum(*text) && all_of(text, "._-") ? NULL : "letters, digits, ., - and _, beginning with a letter or digit";
}

const char *text_host(const char *text) {
  size_t len = strlen(text);
  if (len > 127) return "a host name of at most 127 bytes";
  return len && all_of(text, ".-_:") ? NULL : "a host name or an address";
}

const char *text_address(const char *text) {
  struct lh_ip ip;
  return lh_ip_parse(text, &ip) ? NULL : "a numeric IPv4 or IPv6 address, such as 10.0.0.7";
}

const char *text_socket_path(const char *text) {
  if (strlen(text) >= sizeof((struct sockaddr_un *)0)->sun_path) return "a path of at most 107 bytes, which is what the kernel takes";
  return (*text == '/' || *text == '@') && text[1] ? NULL : "a path from the root, such as /run/app.sock, or @NAME";
}

const char *text_path(const char *text) {
  static const char expected[] = "a path that begins with / and holds no spaces, control characters or #; escape them as %XX";
  if (*text != '/') return expected;
  if (strlen(text) > PATH_BYTES_MAX) return "a path of at most 2000 bytes, which is what can be sent";
  for (; *text; text++)
    if ((unsigned char)*text <= ' ' || *text == 0x7f || *text == '#') return expected;
  return NULL;
}

const char *text_sha256(const char *text) {
  return strlen(text) == 64 && !text[strspn(text, "0123456789abcdef")] ? NULL : "64 digits 0-9 a-f, as sha256sum prints them";
}

const char *text_token(const char *text) {
  return *text && all_of(text, "!#$%&'*+-.^_`|~") ? NULL : "letters, digits and !#$%&'*+-.^_`|~";
}

const char *text_header_value(const char *text) {
  for (; *text; text++)
    if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f) return "text in one line, without control characters";
  return NULL;
}

const char *text_pointer(const char *text) {
  static const char expected[] =
      "a JSON pointer: nothing for the whole reply, or parts that each begin with /, ~ written as ~0";
  if (*text && *text != '/') return expected;
  for (; *text; text++)
    if (*text == '~' && text[1] != '0' && text[1] != '1') return expected;
  return NULL;
}

const char *text_field(const char *text) {
  if (strcmp(text, "id") == 0) return NULL;
  return text[0] == '/' && !text_pointer(text) ? NULL : "a JSON pointer such as /seq, parts that each begin with /, or id";
}

const char *text_pem_certificate(const char *text) {
  return strstr(text, "-----BEGIN") && strstr(text, "CERTIFICATE-----") ? NULL : "a PEM file with -----BEGIN CERTIFICATE-----";
}

const char *text_pem_key(const char *text) {
  return strstr(text, "-----BEGIN") && strstr(text, "PRIVATE KEY-----") ? NULL : "a PEM file with -----BEGIN PRIVATE KEY-----";
}

/* Length of the well-formed sequence at `s` (RFC 3629), 0 when there is none. */
static size_t sequence_len(const unsigned char *s, size_t room) {
  if (s[0] < 0x80) return 1;
  size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || len > room) return 0;
  for (size_t i = 1; i < len; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
  bool beyond = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
  return overlong || beyond ? 0 : len;
}

bool text_is_utf8(const char *bytes, size_t len) {
  const unsigned char *s = (const unsigned char *)bytes;
  for (size_t i = 0; i < len;) {
    size_t step = sequence_len(s + i, len - i);
    if (!step) return false;
    i += step;
  }
  return true;
}

/* ---- regular expressions ---- */

enum { REGEX_DEPTH_MAX = 100, REGEX_SIZE_MAX = 10000 };

/* Behind the bracket expression that begins here, or at the end of the text. */
static const char *skip_bracket(const char *at) {
  at += at[1] == '^' ? 2 : 1;
  if (*at == ']') at++;
  for (; *at && *at != ']'; at++) {
    if (*at != '[' || !at[1] || !strchr(":.=", at[1])) continue;
    const char end[] = {at[1], ']', 0}, *close = strstr(at + 2, end);
    if (close) at = close + 1;
  }
  return *at ? at + 1 : at;
}

/* The largest number of "{2,5}", which stands at *at; *at moves behind it. */
static size_t take_bound(const char **at) {
  char *end;
  size_t least = strtoul(*at + 1, &end, 10), most = *end == ',' ? strtoul(end + 1, &end, 10) : least;
  *at = *end == '}' ? end + 1 : *at + 1;
  return most > least ? most : least > 1 ? least : 1;
}

/* regcomp writes each repetition out, so that a few nested ones take all memory, and calls itself for each parenthesis, so
 * that many take the stack. */
static bool is_modest(const char *at) {
  size_t sizes[REGEX_DEPTH_MAX + 1] = {0}, depth = 0, last = 0; /* last: size of the atom before */
  while (*at) {
    if (*at == '(') {
      if (depth == REGEX_DEPTH_MAX) return false;
      sizes[++depth] = last = 0;
      at++;
      continue;
    }
    if (*at == '{') {
      size_t times = take_bound(&at), most = REGEX_SIZE_MAX + 1;
      if (times > most / (last + 1)) return false;
      sizes[depth] += last * (times - 1);
      last *= times;
    } else {
      if (*at == ')' && depth > 0) last = sizes[depth--] + 1;
      else last = 1;
      sizes[depth] += last;
      at = *at == '[' ? skip_bracket(at) : *at == '\\' && at[1] ? at + 2 : at + 1;
    }
    if (sizes[depth] > REGEX_SIZE_MAX) return false;
  }
  return true;
}

const char *text_regex(const char *text) {
  regex_t compiled;
  if (!is_modest(text)) return "one of at most 10000 characters once repetitions are written out, and 100 parentheses deep";
  if (!*text || regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) != 0) return "an extended regular expression (POSIX)";
  regfree(&compiled);
  return NULL;
}

const char *text_metric(const char *text) {
  static const char expected[] = "the name of a metric, as process_open_fds, or one with its labels, as requests{code=\"200\"}";
  size_t len = strcspn(text, "{");
  bool begins_well = (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z') || text[0] == '_' || text[0] == ':';
  for (size_t i = 0; i < len; i++)
    if (!is_alnum(text[i]) && !strchr("_:", text[i])) return expected;
  size_t whole = strlen(text);
  return begins_well && (text[len] == '\0' || text[whole - 1] == '}') ? NULL : expected;
}
