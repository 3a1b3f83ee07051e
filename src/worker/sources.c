#include "sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const struct lh_address *lh_source_pick(const struct lh_sources *sources, uint32_t client, int family) {
  uint32_t fitting = 0;
  for (uint32_t i = 0; i < sources->count; i++) fitting += sources->items[i].any.sa_family == family;
  if (!fitting) return NULL;
  uint32_t turn = client % fitting;
  for (uint32_t i = 0;; i++)
    if (sources->items[i].any.sa_family == family && turn-- == 0) return &sources->items[i];
}

/* An address that is not this host's would fail for every client in turn; it is found out here instead. */
static int try_one(const struct lh_group *group, const char *text, const struct lh_address *source, struct lh_err *err) {
  int fd = socket(source->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return lh_err_set(err, errno, "groups.%s.source_addresses: no socket for %s: %s", group->name, text, strerror(errno));
  int failed = bind(fd, &source->any, source->len) ? errno : 0;
  close(fd);
  if (!failed) return 0;
  return lh_err_set(err, failed, "groups.%s.source_addresses: %s cannot be used: %s; expected an address of this host",
                    group->name, text, strerror(failed));
}

int lh_sources_open(struct lh_sources *sources, const struct lh_group *group, struct lh_err *err) {
  const struct lh_strings *texts = &group->source_addresses;
  if (!texts->count) return 0;
  sources->items = calloc(texts->count, sizeof *sources->items);
  if (!sources->items) return lh_err_set(err, ENOMEM, "no memory for source addresses of group %s", group->name);
  for (size_t i = 0; i < texts->count; i++) {
    if (lh_address_parse(texts->items[i], 0, &sources->items[i]))
      return lh_err_set(err, EINVAL, "groups.%s.source_addresses: '%s' is not a numeric IPv4 or IPv6 address", group->name,
                        texts->items[i]);
    int failed = try_one(group, texts->items[i], &sources->items[i], err);
    if (failed) return failed;
  }
  sources->count = (uint32_t)texts->count;
  return 0;
}
