#include "cli/lookers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/base/log.h"

/* The first line of a file, or the word itself. */
static int read_token(const char *given, char **token) {
  char line[LH_LIVE_TOKEN_MOST + 2] = "";
  if (given[0] != '@') {
    *token = strdup(given);
    return *token != NULL ? 0 : lh_cli_fail(LH_EXIT_TESTER, "no memory for the token");
  }
  FILE *file = fopen(given + 1, "re");
  if (file == NULL) return lh_cli_usage_error("--dashboard-token: cannot read %s: %s", given + 1, strerror(errno));
  if (fgets(line, sizeof line, file) == NULL) line[0] = '\0';
  fclose(file);
  line[strcspn(line, "\r\n")] = '\0';
  *token = strdup(line);
  return *token != NULL ? 0 : lh_cli_fail(LH_EXIT_TESTER, "no memory for the token");
}

/* It travels in a cookie and in an address, and must not be guessed. */
static int check_token(const char *token) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  size_t len = strlen(token);
  if (len < LH_LIVE_TOKEN_LEAST || len > LH_LIVE_TOKEN_MOST)
    return lh_cli_usage_error("--dashboard-token has %zu letters, expected %d to %d; `openssl rand -hex 16` makes a good one",
                              len, LH_LIVE_TOKEN_LEAST, LH_LIVE_TOKEN_MOST);
  if (token[strspn(token, allowed)] != '\0')
    return lh_cli_usage_error(
        "--dashboard-token may hold letters, digits and - _ . ~ alone; `openssl rand -hex 16` makes a good "
        "one");
  return 0;
}

static int open_one(const struct lh_cli_args *args, const char *name, const char *preset, struct lh_live_address *address,
                    const struct lh_lookers *lookers, int *fd) {
  struct lh_err err = {0};
  if (!lh_cli_has(args, name)) return 0;
  const char *given = lh_cli_value(args, name);
  if (lh_live_address_parse(given != NULL ? given : preset, address, &err) < 0)
    return lh_cli_usage_error("--%s: %s", name, err.text);
  if (!address->loopback && lookers->token == NULL)
    return lh_cli_usage_error("--%s %s can be reached by others: set --dashboard-token, or listen on 127.0.0.1", name, given);
  if (lh_live_listen(address, fd, &err) < 0) return lh_cli_usage_error("--%s: %s", name, err.text);
  return 0;
}

/* The address in any case, as with port 0 nobody could know it. */
static void say(const char *what, const struct lh_live_address *address, char *url, size_t size) {
  lh_live_url(address, url, size);
  fprintf(stderr, "%s at %s\n", what, url);
  if (!address->loopback)
    lh_log(LH_LOG_WARNING,
           "--%s is plain HTTP: whoever is on the way can read its token and its figures. Beyond a network that you trust, "
           "listen on 127.0.0.1 and look through `ssh -L`, or put a proxy with TLS before it",
           what);
}

int lh_lookers_open(const struct lh_cli_args *args, struct lh_lookers *lookers) {
  struct lh_live_address dashboard = {0}, metrics = {0};
  const char *token = lh_cli_value(args, "dashboard-token");
  char url[96];
  *lookers = (struct lh_lookers){0};
  if (token != NULL && !lh_cli_has(args, "dashboard") && !lh_cli_has(args, "metrics"))
    return lh_cli_usage_error("--dashboard-token does nothing without --dashboard or --metrics");
  int exit_code = token != NULL ? read_token(token, &lookers->token) : 0;
  if (exit_code == 0 && token != NULL) exit_code = check_token(lookers->token);
  if (exit_code == 0)
    exit_code = open_one(args, "dashboard", LH_LIVE_DASHBOARD_ADDRESS, &dashboard, lookers, &lookers->live.dashboard_fd);
  if (exit_code == 0)
    exit_code = open_one(args, "metrics", LH_LIVE_METRICS_ADDRESS, &metrics, lookers, &lookers->live.metrics_fd);
  if (exit_code != 0) {
    if (lookers->live.dashboard_fd > 0) close(lookers->live.dashboard_fd);
    lh_lookers_close(lookers);
    return exit_code;
  }
  lookers->live.token = lookers->token;
  if (lookers->live.dashboard_fd > 0) {
    say("dashboard", &dashboard, lookers->url, sizeof lookers->url);
    lookers->live.dashboard_url = lookers->url;
  }
  if (lookers->live.metrics_fd > 0) say("metrics", &metrics, url, sizeof url);
  return 0;
}

void lh_lookers_close(struct lh_lookers *lookers) {
  free(lookers->token);
  lookers->token = NULL;
}
