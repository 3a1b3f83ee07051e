#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/units.h"

enum { SCRIPT_BYTES_MAX = 1 << 20 };

/* X(ID, name, argument or NULL, help) */
#define OPTION_LIST(X)                                                                                                         \
  X(LISTEN, "listen", "ADDR:PORT", "where to listen, several times; port 0 takes a free one (127.0.0.1:0)")                    \
  X(PROCESSES, "processes", "N", "processes that share the ports (1)")                                                         \
  X(SCRIPT, "script", "FILE", "rules, one a line; -: standard input")                                                          \
  X(SEED, "seed", "N", "what random choices follow from (1)")                                                                  \
  X(LOG, "log", "FILE", "one JSON line for each connection, appended")                                                         \
  X(PULSE, "pulse", "FILE", "messages and accepted connections of each 10 ms, JSON lines, appended")                           \
  X(FOR, "for", "TIME", "ends after this time (default: on SIGTERM)")                                                          \
  X(WITH_PARENT, "with-parent", NULL, "ends when the process that started it ends")                                            \
  X(BACKLOG, "backlog", "N", "connections the kernel may hold before they are accepted (4096)")                                \
  X(MESSAGE_MAX, "message-max", "SIZE", "largest message taken; longer ones are answered with close 1009 (64MiB)")             \
  X(TLS, "tls", NULL, "TLS with a certificate made at the start")                                                              \
  X(TLS_MAKE, "tls-make", "KIND", "of that certificate: good, expired, not-yet-valid, wrong-host, self-signed")                \
  X(TLS_CA, "tls-ca", "FILE", "writes the CA of that certificate to FILE")                                                     \
  X(TLS_CERT, "tls-cert", "FILE", "TLS with this certificate chain, PEM")                                                      \
  X(TLS_KEY, "tls-key", "FILE", "its key, PEM")                                                                                \
  X(TLS_CLIENT_CA, "tls-client-ca", "FILE", "asks for client certificates of this CA, PEM")                                    \
  X(HELP, "help", NULL, "this text")

enum option_id {
  OPTION_FIRST = 255, /* past the characters that getopt gives for short options */
#define X(id, name, argument, help) OPTION_##id,
  OPTION_LIST(X)
#undef X
};

static const struct {
  const char *name, *argument, *help;
} rows[] = {
#define X(id, name, argument, help) {name, argument, help},
    OPTION_LIST(X)
#undef X
};

static void print_help(void) {
  fputs("faultd: a WebSocket and HTTP server that breaks things on demand.\n\n"
        "Usage: faultd [OPTION]... [RULE]...\n\n"
        "Examples:\n"
        "  faultd                                        echoes\n"
        "  faultd --log end.jsonl 'at 20s drop all'      RST to every connection after 20 s\n"
        "  faultd 'from 30s to 38s delay 300ms' 'after 5s jitter 20% 10% close 1012 \"restarting\"' 'each 1% lose'\n\n"
        "Prints LISTEN ADDR:PORT for each address once it is ready, and a summary at its end.\n\nOptions:\n",
        stdout);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char name[40];
    snprintf(name, sizeof name, "--%s %s", rows[i].name, rows[i].argument ? rows[i].argument : "");
    printf("  %-23s %s\n", name, rows[i].help);
  }
  fputs("\nRules: [who] [when] action [arguments]\n"
        "  who   all, N%, first N, path PREFIX\n"
        "  when  from T, to T, at T, every T, after T [jitter N%], idle T, each N%, message N\n",
        stdout);
  script_print_words();
}

static int read_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *value,
                       struct lh_err *err) {
  char *end;
  errno = 0;
  unsigned long long n = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || n < least || n > most)
    return lh_err_set(err, EINVAL, "--%s %s: expected a whole number from %llu to %llu", option, text,
                      (unsigned long long)least, (unsigned long long)most);
  *value = n;
  return 0;
}

static int read_script(struct script *script, const char *path, struct lh_err *err) {
  bool is_stdin = strcmp(path, "-") == 0;
  FILE *file = is_stdin ? stdin : fopen(path, "r");
  struct lh_buf text = LH_BUF_INIT(SCRIPT_BYTES_MAX);
  char piece[4096];
  size_t n;
  int failed = file ? 0 : lh_err_set(err, errno, "cannot read the script %s: %s", path, strerror(errno));
  while (!failed && (n = fread(piece, 1, sizeof piece, file)) > 0)
    if (lh_buf_add(&text, piece, n)) failed = lh_err_set(err, EFBIG, "the script %s is longer than 1 MiB", path);
  if (!failed && ferror(file)) failed = lh_err_set(err, EIO, "cannot read the script %s", path);
  if (!failed && text.data) failed = script_add(script, path, text.data, err);
  if (file && !is_stdin) fclose(file);
  lh_buf_free(&text);
  return failed;
}

static int take_listen(struct options *options, const char *text, struct lh_err *err) {
  if (options->listen_count == LISTEN_ADDRESSES_MAX)
    return lh_err_set(err, EINVAL, "--listen is given more than %d times", LISTEN_ADDRESSES_MAX);
  options->listen[options->listen_count++] = text;
  return 0;
}

static int take(struct options *options, struct script *script, int option, const char *value, struct lh_err *err) {
  uint64_t n = 0;
  int failed = 0;
  switch ((enum option_id)option) {
  case OPTION_LISTEN: return take_listen(options, value, err);
  case OPTION_PROCESSES:
    failed = read_number("processes", value, 1, PROCESSES_MAX, &n, err);
    options->processes = (unsigned)n;
    return failed;
  case OPTION_BACKLOG:
    failed = read_number("backlog", value, 0, INT32_MAX, &n, err);
    options->backlog = (int)n;
    return failed;
  case OPTION_SCRIPT: return read_script(script, value, err);
  case OPTION_SEED: return read_number("seed", value, 0, UINT64_MAX, &script->seed, err);
  case OPTION_LOG: options->log = value; return 0;
  case OPTION_PULSE: options->pulse = value; return 0;
  case OPTION_FOR:
    if (lh_parse_duration(value, &options->for_ns) == 0 && options->for_ns > 0) return 0;
    return lh_err_set(err, EINVAL, "--for %s: expected a time above 0, like 90s", value);
  case OPTION_MESSAGE_MAX:
    if (lh_parse_size(value, &options->message_max) == 0) return 0;
    return lh_err_set(err, EINVAL, "--message-max %s: expected a size, like 1MiB", value);
  case OPTION_WITH_PARENT: options->with_parent = true; return 0;
  case OPTION_TLS: options->tls = true; return 0;
  case OPTION_TLS_MAKE:
    options->tls = true;
    options->tls_make = value;
    return 0;
  case OPTION_TLS_CA:
    options->tls = true;
    options->tls_ca = value;
    return 0;
  case OPTION_TLS_CERT:
    options->tls = true;
    options->tls_cert = value;
    return 0;
  case OPTION_TLS_KEY: options->tls_key = value; return 0;
  case OPTION_TLS_CLIENT_CA:
    options->tls = true;
    options->tls_client_ca = value;
    return 0;
  case OPTION_HELP: print_help(); return 1;
  case OPTION_FIRST: break;
  }
  return lh_err_set(err, EINVAL, "see faultd --help");
}

int options_parse(struct options *options, struct script *script, int argc, char **argv, struct lh_err *err) {
  enum { COUNT = sizeof rows / sizeof *rows };
  struct option longs[COUNT + 1] = {{0}};
  for (int i = 0; i < COUNT; i++)
    longs[i] = (struct option){rows[i].name, rows[i].argument ? required_argument : no_argument, NULL, OPTION_FIRST + 1 + i};
  *options = (struct options){.processes = 1, .backlog = 4096, .message_max = UINT64_C(64) << 20, .tls_make = "good"};
  script->seed = 1;
  for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
    int result = option == '?' ? lh_err_set(err, EINVAL, "see faultd --help") : take(options, script, option, optarg, err);
    if (result) return result;
  }
  for (; optind < argc; optind++) {
    int failed = script_add(script, "rule", argv[optind], err);
    if (failed) return failed;
  }
  if (!options->tls_cert != !options->tls_key) return lh_err_set(err, EINVAL, "--tls-cert and --tls-key go together");
  if (options->listen_count == 0) options->listen[options->listen_count++] = "127.0.0.1:0";
  return 0;
}
