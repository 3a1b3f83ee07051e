/* faultd: sets up the listeners, then serves in this process or in several. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "longhaul/base/clock.h"
#include "server.h"
#include "tls.h"

enum { EXIT_USAGE = 2 };

/* What all processes start from. */
struct setup {
  struct options options;
  struct script script;
  struct listener listeners[PROCESSES_MAX][LISTEN_ADDRESSES_MAX];
  struct totals *totals; /* one for each process, shared */
  SSL_CTX *tls;
  uint64_t start_ns;
};

static struct setup setup; /* large, and needed to the end */

/* From the LISTEN line on a stop is never missed: it waits for the signalfd, or for the parent's sigwait. */
static void block_stops(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGINT);
  sigprocmask(SIG_BLOCK, set, NULL);
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* Splits ADDR:PORT, [ADDR]:PORT. */
static int split_address(const char *text, struct listener *listener, struct lh_err *err) {
  const char *colon = strrchr(text, ':');
  char *end = NULL;
  unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
  bool brackets = *text == '[' && colon && colon > text + 1 && colon[-1] == ']';
  size_t len = colon ? (size_t)(colon - text) - (brackets ? 2 : 0) : 0;
  if (!colon || end == colon + 1 || *end || port > 65535 || len == 0 || len >= sizeof listener->address)
    return lh_err_set(err, EINVAL, "--listen %s: expected ADDR:PORT, like 127.0.0.1:0 or [::1]:8080", text);
  snprintf(listener->address, sizeof listener->address, "%.*s", (int)len, text + (brackets ? 1 : 0));
  listener->port = (uint16_t)port;
  return 0;
}

/* The first process's sockets fix the ports; the others share them. */
static int listen_all(struct lh_err *err) {
  const struct options *options = &setup.options;
  bool shared = options->processes > 1;
  for (unsigned i = 0; i < options->listen_count; i++) {
    int failed = split_address(options->listen[i], &setup.listeners[0][i], err);
    for (unsigned p = 0; p < options->processes && !failed; p++) {
      if (p > 0) setup.listeners[p][i] = setup.listeners[0][i];
      failed = server_listen(&setup.listeners[p][i], options->backlog, shared, err);
    }
    if (failed) return failed;
  }
  return 0;
}

static void print_listeners(void) {
  for (unsigned i = 0; i < setup.options.listen_count; i++) {
    const struct listener *listener = &setup.listeners[0][i];
    bool v6 = strchr(listener->address, ':') != NULL;
    printf("LISTEN %s%s%s:%u\n", v6 ? "[" : "", listener->address, v6 ? "]" : "", listener->port);
  }
  fflush(stdout);
}

static void print_summary(void) {
  struct totals sum = {0};
  for (unsigned p = 0; p < setup.options.processes; p++) {
#define X(name) sum.name += setup.totals[p].name;
    TOTAL_LIST(X)
#undef X
    if (setup.totals[p].lag_us_max > sum.lag_us_max) sum.lag_us_max = setup.totals[p].lag_us_max;
  }
  printf("SUMMARY");
#define X(name) printf(" " #name "=%" PRIu64, sum.name);
  TOTAL_LIST(X)
#undef X
  printf(" lag_us_max=%" PRIu64 "\n", sum.lag_us_max);
  fflush(stdout);
}

static int serve(unsigned process) {
  struct server *server = calloc(1, sizeof *server);
  struct lh_err err = {0};
  if (!server) return EXIT_FAILURE;
  server->options = &setup.options;
  server->script = &setup.script;
  server->tls = setup.tls;
  server->start_ns = setup.start_ns;
  server->process = process;
  server->processes = setup.options.processes;
  server->totals = &setup.totals[process];
  server->listener_count = setup.options.listen_count;
  for (unsigned p = 0; p < setup.options.processes; p++)
    for (unsigned i = 0; i < setup.options.listen_count; i++) {
      if (p == process)
        server->listeners[i] = setup.listeners[p][i];
      else
        close(setup.listeners[p][i].fd);
    }
  int failed = server_run(server, &err);
  if (failed) fprintf(stderr, "faultd: %s\n", err.text);
  free(server);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Children die with this process; it waits for them and passes a stop on. */
static int serve_in_children(void) {
  sigset_t set;
  block_stops(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pid_t children[PROCESSES_MAX];
  unsigned alive = 0;
  pid_t parent = getpid();
  for (unsigned p = 0; p < setup.options.processes; p++) {
    children[p] = fork();
    if (children[p] == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      _exit(getppid() == parent ? serve(p) : EXIT_FAILURE);
    }
    if (children[p] > 0)
      alive++;
    else
      fprintf(stderr, "faultd: cannot fork: %s\n", strerror(errno));
  }
  int result = alive == setup.options.processes ? EXIT_SUCCESS : EXIT_FAILURE;
  /* The children have their own copies: one kept here would take connections that nobody accepts. */
  for (unsigned p = 0; p < setup.options.processes; p++)
    for (unsigned i = 0; i < setup.options.listen_count; i++) close(setup.listeners[p][i].fd);
  while (alive > 0) {
    int signal_number = 0, status;
    sigwait(&set, &signal_number);
    for (unsigned p = 0; p < setup.options.processes && signal_number != SIGCHLD; p++)
      if (children[p] > 0) kill(children[p], SIGTERM);
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0; alive--) {
      if (!WIFEXITED(status) || WEXITSTATUS(status)) result = EXIT_FAILURE;
      for (unsigned p = 0; p < setup.options.processes; p++)
        if (children[p] == pid) children[p] = 0;
    }
  }
  return result;
}

int main(int argc, char **argv) {
  struct lh_err err = {0};
  pid_t parent = getppid();
  int result = options_parse(&setup.options, &setup.script, argc, argv, &err);
  if (result > 0) return EXIT_SUCCESS;
  if (!result && setup.options.with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (!result && setup.options.with_parent && getppid() != parent) return EXIT_FAILURE;
  signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
  raise_descriptor_limit();
  if (!result && setup.options.tls) result = tls_context(&setup.tls, &setup.options, &err);
  if (!result) result = listen_all(&err);
  if (result) {
    fprintf(stderr, "faultd: %s\n", err.text);
    return EXIT_USAGE;
  }
  size_t bytes = setup.options.processes * sizeof *setup.totals;
  setup.totals = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (setup.totals == MAP_FAILED) {
    fprintf(stderr, "faultd: out of memory\n");
    return EXIT_FAILURE;
  }
  sigset_t stops;
  block_stops(&stops);
  setup.start_ns = lh_now_ns();
  print_listeners();
  result = setup.options.processes == 1 ? serve(0) : serve_in_children();
  print_summary();
  munmap(setup.totals, bytes);
  SSL_CTX_free(setup.tls);
  script_free(&setup.script);
  return result;
}
