#include "run/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void lh_listener_stop(struct lh_listener *l) {
  if (l->pid <= 0) return;
  kill(l->pid, SIGKILL); /* its own children end with it */
  waitpid(l->pid, NULL, 0);
  close(l->pipe);
  l->pid = 0;
}

static int read_port(struct lh_listener *l) {
  char line[64];
  size_t len = 0;
  for (ssize_t got; len < sizeof line - 1 && (len == 0 || line[len - 1] != '\n'); len += (size_t)got)
    if ((got = read(l->pipe, line + len, 1)) <= 0) return -EIO;
  line[len] = '\0';
  return sscanf(line, "LISTEN 127.0.0.1:%u", &l->port) == 1 ? 0 : -EIO;
}

int lh_listener_start(struct lh_listener *l, const struct lh_listener_args *args, struct lh_err *err) {
  int ends[2];
  char count[24];
  *l = (struct lh_listener){0};
  snprintf(count, sizeof count, "%" PRIu64, args->processes);
  if (args->speaks_tls) snprintf(l->ca, sizeof l->ca, "%s/listener.pem", args->folder);
  if (pipe2(ends, O_CLOEXEC) < 0) return lh_err_set(err, errno, "no pipe for the probe's listener: %s", strerror(errno));
  l->pid = fork();
  if (l->pid == 0) {
    dup2(ends[1], 1);
    execl(args->program, "longhaul", "listener", count, args->speaks_tls ? l->ca : NULL, (char *)NULL);
    _exit(EXIT_FAILURE);
  }
  int code = l->pid < 0 ? -errno : 0;
  close(ends[1]);
  l->pipe = ends[0];
  if (code == 0) code = read_port(l);
  if (code == 0) return 0;
  if (l->pid > 0)
    lh_listener_stop(l);
  else
    close(ends[0]);
  return lh_err_set(err, code, "the probe's listener could not be started (%s listener): %s", args->program, strerror(-code));
}
