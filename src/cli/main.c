#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"
#include "longhaul/config/load.h"
#include "longhaul/live/live.h"
#include "longhaul/worker/worker.h"

enum { HELP_BYTES_MAX = 1 << 16 };

static int print_help(const struct lh_cli_command *command) {
  struct lh_buf out = LH_BUF_INIT(HELP_BYTES_MAX);
  int code = command != NULL ? lh_cli_command_help(command, &out) : lh_cli_help(&out);
  return lh_cli_print(&out, code);
}

static int print_version(void) {
  struct lh_buf out = LH_BUF_INIT(HELP_BYTES_MAX);
  return lh_cli_print(&out, lh_buf_addstr(&out, "longhaul " LH_VERSION "\n"));
}

/* Nothing was asked for: the help is no result, so it goes to stderr. */
static int print_usage(void) {
  struct lh_buf out = LH_BUF_INIT(HELP_BYTES_MAX);
  if (lh_cli_help(&out) == 0) fputs(out.data, stderr);
  lh_buf_free(&out);
  return LH_EXIT_USAGE;
}

static int unknown_command(const char *name) {
  const char *nearest = lh_cli_nearest_command(name);
  if (nearest != NULL) return lh_cli_usage_error("there is no command \"%s\"; did you mean \"%s\"?", name, nearest);
  return lh_cli_usage_error("there is no command \"%s\"; see longhaul --help", name);
}

/* Where the value of a secret option begins in this word; NULL: it is none. *next: the next word is its value. */
static const char *secret_value(const struct lh_cli_command *command, const char *word, bool *next) {
  *next = false;
  if (strncmp(word, "--", 2) != 0) return NULL;
  for (const struct lh_cli_option *o = command->options; o->name != NULL; o++) {
    size_t len = strlen(o->name);
    if (!o->secret || strncmp(word + 2, o->name, len) != 0) continue;
    *next = word[2 + len] == '\0';
    if (word[2 + len] == '=') return word + 3 + len;
  }
  return NULL;
}

/* A file's name is no secret. */
static char *masked(const char *word, const char *value) {
  char *out = NULL;
  if (value[0] == '@') return strdup(word);
  return asprintf(&out, "%.*s***", (int)(value - word), word) < 0 ? NULL : out;
}

/* The command line as one text for the run file, without its secrets. */
static char *join(const struct lh_cli_command *command, int argc, char **argv) {
  struct lh_buf line = LH_BUF_INIT(LH_COMMAND_LINE_MAX);
  int code = lh_buf_addstr(&line, "longhaul");
  bool next = false;
  for (int i = 1; i < argc && code == 0; i++) {
    const char *value = next ? argv[i] : secret_value(command, argv[i], &next);
    if (value == argv[i]) next = false;
    char *shown = value != NULL ? masked(argv[i], value) : lh_config_mask_argument(argv[i]);
    code = shown != NULL ? lh_cli_add_word(&line, shown) : -ENOMEM;
    free(shown);
  }
  if (code == 0) return line.data;
  lh_buf_free(&line);
  return NULL;
}

static int run_command(const struct lh_cli_command *command, int argc, char **argv) {
  struct lh_cli_args args;
  struct lh_err err = {0};
  int code = lh_cli_parse(command, argc - 2, argv + 2, &args, &err);
  if (code < 0) {
    code = lh_cli_usage_error("%s", err.text);
  } else if (args.help) {
    code = print_help(command);
  } else {
    char *line = join(command, argc, argv);
    args.command_line = line != NULL ? line : command->name;
    code = command->run(&args);
    free(line);
  }
  lh_cli_args_free(&args);
  return code;
}

/* What the shell left open is none of a worker's or a hook's: it would count as descriptors, and keep alive what others wait to
 * see closed. What a worker is to inherit is opened later. */
static void keep_from_children(void) {
  enum { CLOEXEC = 4 };                        /* CLOSE_RANGE_CLOEXEC of linux/close_range.h */
  syscall(SYS_close_range, 3U, ~0U, CLOEXEC); /* before Linux 5.11 they are handed on */
}

static bool is_one_of(const char *text, const char *a, const char *b) {
  return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

/* Without them the run file would get the number 2, and log lines with it. */
static void open_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
      int null = open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
      (void)null; /* the lowest free number is fd itself */
    }
}

/* Worker and dashboard talk to `longhaul run` over sockets in the place of standard input and output. */
static bool is_talked_to(void) {
  struct stat in, out;
  return fstat(STDIN_FILENO, &in) == 0 && fstat(STDOUT_FILENO, &out) == 0 && S_ISSOCK(in.st_mode) && S_ISSOCK(out.st_mode);
}

int main(int argc, char **argv) {
  open_standard_descriptors();
  signal(SIGXFSZ, SIG_IGN); /* past `ulimit -f` a write fails, and says so, in place of ending us */
  keep_from_children();
  if (argc < 2) return print_usage();
  const char *word = argv[1];
  if (is_one_of(word, "worker", "live") && !is_talked_to())
    return lh_cli_usage_error("%s is no command: `longhaul run` starts it, as a process of its own", word);
  if (strcmp(word, "worker") == 0) return lh_worker_main();
  if (strcmp(word, "listener") == 0) return lh_listener_main(argc, argv);
  if (strcmp(word, "live") == 0) return lh_live_main();
  if (is_one_of(word, "--help", "-h")) return print_help(NULL);
  if (is_one_of(word, "--version", "version")) return print_version();
  if (strcmp(word, "help") == 0) {
    const struct lh_cli_command *command = argc > 2 ? lh_cli_find(argv[2]) : NULL;
    return argc > 2 && command == NULL ? unknown_command(argv[2]) : print_help(command);
  }
  const struct lh_cli_command *command = lh_cli_find(word);
  return command != NULL ? run_command(command, argc, argv) : unknown_command(word);
}
