#include "resolve.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"

/* A name that is not found is asked for again at most once in this time, whatever the number of clients that want it. */
static const uint64_t retry_ms = 1000;

struct entry {
  struct lh_resolver *resolver;
  const struct lh_target *target;
  struct lh_book book;
  uv_getaddrinfo_t request;
  uv_timer_t timer; /* the next look-up; or, when a client asked and it is too soon, the answer to that */
  bool is_fixed;    /* pinned or numeric */
  bool looking;
  bool wanted;      /* a client waits for `settled` */
  int error;        /* of the last look-up */
  uint64_t asked_ms;
  int prefers;      /* address family, 0: the resolver's order */
};

struct lh_resolver {
  uv_loop_t *loop;
  lh_resolve_settled *settled;
  void *context;
  uint32_t count;
  struct entry *entries;
};

static uint32_t number_of(const struct entry *e) {
  return (uint32_t)(e - e->resolver->entries);
}

/* ---- books ---- */

static int family_of(const struct lh_address *a) {
  return a->any.sa_family;
}

static int compare(const void *left, const void *right) {
  const struct lh_address *a = left, *b = right;
  return memcmp(a, b, sizeof *a);
}

static bool holds(const struct lh_book *book, int family) {
  for (uint32_t i = 0; i < book->count; i++)
    if (family_of(&book->addresses[i]) == family) return true;
  return false;
}

/* Puts the preferred family in front, in the order there was, and sorts within each when clients are spread over them. One that
 * the name has lost is no preference. */
static void arrange(struct lh_book *book, int preferred) {
  uint32_t front = 0;
  if (!holds(book, preferred)) preferred = family_of(&book->addresses[0]);
  for (uint32_t i = 0; i < book->count; i++) {
    if (family_of(&book->addresses[i]) != preferred) continue;
    struct lh_address moved = book->addresses[i];
    memmove(&book->addresses[front + 1], &book->addresses[front], (i - front) * sizeof moved);
    book->addresses[front++] = moved;
  }
  book->first_count = front;
  if (book->spread == LH_TARGET_SPREAD_FIRST) return;
  qsort(book->addresses, front, sizeof *book->addresses, compare);
  qsort(book->addresses + front, book->count - front, sizeof *book->addresses, compare);
}

const struct lh_address *lh_book_pick(const struct lh_book *book, uint32_t client, uint32_t nth) {
  uint32_t second_count = book->count - book->first_count, turn = book->spread == LH_TARGET_SPREAD_FIRST ? 0 : client;
  if (nth == 0) return &book->addresses[turn % book->first_count];
  if (nth == 1 && second_count) return &book->addresses[book->first_count + turn % second_count];
  return NULL;
}

void lh_resolve_prefer(struct lh_resolver *resolver, uint32_t target, int family) {
  struct entry *e = &resolver->entries[target];
  if (e->prefers == family) return;
  e->prefers = family;
  arrange(&e->book, family);
}

/* Whom to connect to: the proxy knows the rest of the way. */
static char *const *host_of(const struct lh_target *target) {
  return target->proxy.host ? &target->proxy.host : &target->host;
}

static uint16_t port_of(const struct lh_target *target) {
  return target->proxy.host ? target->proxy.port : target->port;
}

static bool wanted_family(const struct lh_target *target, int family) {
  return (family == AF_INET && target->family != LH_FAMILY_6) || (family == AF_INET6 && target->family != LH_FAMILY_4);
}

/* ---- looking up ---- */

static void on_timer(uv_timer_t *timer);

static void arm(struct entry *e, uint64_t in_ms) {
  uv_timer_start(&e->timer, on_timer, in_ms, 0);
}

static void settle(struct entry *e) {
  e->wanted = false;
  e->resolver->settled(e->resolver->context, number_of(e), e->error);
}

static size_t count_wanted(const struct lh_target *target, const struct addrinfo *found) {
  size_t count = 0;
  for (const struct addrinfo *a = found; a; a = a->ai_next) count += wanted_family(target, a->ai_family);
  return count;
}

/* Copies what the resolver found, all of it; UV_EAI_ADDRFAMILY when it holds no address of a family that the target allows. */
static int copy_found(struct entry *e, const struct addrinfo *found) {
  uint32_t count = 0;
  size_t wanted = count_wanted(e->target, found);
  if (!wanted) return UV_EAI_ADDRFAMILY;
  struct lh_address *addresses = calloc(wanted, sizeof *addresses);
  if (!addresses) return UV_EAI_MEMORY;
  for (const struct addrinfo *a = found; a; a = a->ai_next) {
    if (!wanted_family(e->target, a->ai_family)) continue;
    struct lh_address *to = &addresses[count++];
    to->len = a->ai_addrlen;
    memcpy(&to->any, a->ai_addr, a->ai_addrlen);
    to->v4.sin_port = htons(port_of(e->target));
  }
  free(e->book.addresses);
  e->book = (struct lh_book){.addresses = addresses, .count = count, .spread = e->target->spread};
  arrange(&e->book, e->prefers); /* 0: of the first, in the resolver's order */
  return 0;
}

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *found) {
  struct entry *e = request->data;
  e->looking = false;
  int error = status ? status : copy_found(e, found);
  uv_freeaddrinfo(found);
  /* Known addresses outlive a look-up that fails: a name server's hiccup is not the target's. */
  if (error && e->book.count)
    lh_log(LH_LOG_WARNING, "target %s: looking up %s again failed (%s); keeping the %u addresses known", e->target->name,
           *host_of(e->target), uv_strerror(error), e->book.count);
  e->error = e->book.count ? 0 : error;
  if (e->target->resolve_every_ns) arm(e, e->target->resolve_every_ns / LH_NS_PER_MS);
  settle(e);
}

static void look_up(struct entry *e) {
  static const int families[] = {[LH_FAMILY_ANY] = AF_UNSPEC, [LH_FAMILY_4] = AF_INET, [LH_FAMILY_6] = AF_INET6};
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = families[e->target->family]};
  e->request.data = e;
  e->asked_ms = uv_now(e->resolver->loop);
  e->looking = true;
  int failed = uv_getaddrinfo(e->resolver->loop, &e->request, on_found, *host_of(e->target), NULL, &hints);
  if (!failed) return;
  e->looking = false;
  e->error = failed;
  arm(e, retry_ms);
}

static void on_timer(uv_timer_t *timer) {
  struct entry *e = timer->data;
  if (e->looking) return;
  bool is_too_soon = e->error && e->asked_ms + retry_ms > uv_now(e->resolver->loop);
  if (e->wanted && is_too_soon) {
    settle(e);
    arm(e, retry_ms);
  } else {
    look_up(e);
  }
}

void lh_resolve(struct lh_resolver *resolver, uint32_t target) {
  struct entry *e = &resolver->entries[target];
  assert(!e->is_fixed);
  if (e->wanted) return;
  e->wanted = true;
  if (!e->looking) arm(e, 0);
}

const struct lh_book *lh_resolve_book(const struct lh_resolver *resolver, uint32_t target) {
  const struct entry *e = &resolver->entries[target];
  return e->book.count ? &e->book : NULL;
}

/* ---- the start ---- */

static int pin(struct entry *e, char *const *texts, size_t count, struct lh_err *err) {
  const struct lh_target *t = e->target;
  struct lh_address *addresses = calloc(count, sizeof *addresses);
  if (!addresses) return lh_err_set(err, ENOMEM, "no memory for the addresses of target %s", t->name);
  e->book = (struct lh_book){.addresses = addresses, .spread = t->spread};
  for (size_t i = 0; i < count; i++) {
    struct lh_address *to = &addresses[e->book.count];
    if (lh_address_parse(texts[i], port_of(t), to))
      return lh_err_set(err, EINVAL, "targets.%s.addresses: '%s' is not a numeric IPv4 or IPv6 address", t->name, texts[i]);
    if (wanted_family(t, family_of(to))) e->book.count++;
  }
  if (!e->book.count)
    return lh_err_set(err, EINVAL, "targets.%s: none of its addresses is of the family that `family` asks for", t->name);
  arrange(&e->book, 0);
  e->is_fixed = true;
  return 0;
}

static int pin_socket(struct entry *e, struct lh_err *err) {
  struct lh_address *address = calloc(1, sizeof *address);
  if (!address) return lh_err_set(err, ENOMEM, "no memory for the address of target %s", e->target->name);
  lh_address_unix(e->target->unix_path, address);
  e->book = (struct lh_book){.addresses = address, .first_count = 1, .count = 1};
  e->is_fixed = true;
  return 0;
}

static int open_entry(struct entry *e, struct lh_err *err) {
  struct lh_address ignored;
  if (e->target->unix_path) return pin_socket(e, err);
  if (e->target->addresses.count) return pin(e, e->target->addresses.items, e->target->addresses.count, err);
  if (!lh_address_parse(*host_of(e->target), port_of(e->target), &ignored)) return pin(e, host_of(e->target), 1, err);
  return 0;
}

int lh_resolver_new(struct lh_resolver **resolver, uv_loop_t *loop, uint32_t targets_max, lh_resolve_settled *settled,
                    void *context, struct lh_err *err) {
  struct lh_resolver *r = calloc(1, sizeof *r);
  struct entry *entries = calloc(targets_max + 1, sizeof *entries);
  if (!r || !entries) {
    free(r);
    free(entries);
    return lh_err_set(err, ENOMEM, "no memory for %u targets", targets_max);
  }
  *r = (struct lh_resolver){.loop = loop, .settled = settled, .context = context, .entries = entries};
  *resolver = r;
  return 0;
}

int lh_resolver_add(struct lh_resolver *resolver, const struct lh_target *target, struct lh_err *err) {
  struct entry *e = &resolver->entries[resolver->count];
  *e = (struct entry){.resolver = resolver, .target = target};
  uv_timer_init(resolver->loop, &e->timer);
  uv_unref((uv_handle_t *)&e->timer);
  e->timer.data = e;
  int failed = open_entry(e, err);
  if (!failed) resolver->count++;
  return failed;
}
