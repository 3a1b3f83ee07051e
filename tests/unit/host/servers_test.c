/* Whose listener a plan connects to: from a made-up /proc, and a listener of this very process. */
#include "made_up_root.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "longhaul/host/ladder.h"

static void put_link(unsigned pid, unsigned fd, const char *to) {
  char path[64], full[ROOT_PATH_BYTES];
  snprintf(path, sizeof path, "/proc/%u/fd/%u", pid, fd);
  make_folders(path, full);
  unlink(full);
  assert_int_equal(symlink(to, full), 0);
}

/* ---- a made-up host ---- */
struct process {
  unsigned pid;
  const char *name, *limit;
  unsigned files;         /* descriptors of no interest */
  const char *sockets[3]; /* what 10, 11 and 12 are */
  unsigned watched;       /* a descriptor that its epoll set, 20, watches; 0: it has none */
};

static void put_process(const struct process *p) {
  char path[64], text[128];
  snprintf(path, sizeof path, "/proc/%u/comm", p->pid);
  put(path, p->name);
  snprintf(path, sizeof path, "/proc/%u/limits", p->pid);
  snprintf(text, sizeof text, "Limit  Soft  Hard  Units\nMax processes  5 6 processes\nMax open files   %s  files\n", p->limit);
  put(path, text);
  for (unsigned i = 0; i < p->files; i++) put_link(p->pid, 100 + i, "/dev/null");
  for (unsigned i = 0; i < 3 && p->sockets[i]; i++) put_link(p->pid, 10 + i, p->sockets[i]);
  if (p->watched == 0) return;
  put_link(p->pid, 20, "anon_inode:[eventpoll]");
  snprintf(path, sizeof path, "/proc/%u/fdinfo/20", p->pid);
  snprintf(text, sizeof text, "pos:\t0\nflags:\t02\ntfd:        9 events: 19\ntfd: %8u events:       19 data: 5\n", p->watched);
  put(path, text);
}

/* "address:port inode", in hexadecimal as the kernel prints them. */
#define LISTEN(address, port, inode)                                                                                           \
  "   0: " address ":" port " 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 " inode " 1 0 100 0\n"
#define LISTEN6(address, port, inode)                                                                                          \
  "   0: " address ":" port                                                                                                    \
  " 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 " inode " 1 0 100 0\n"
#define HERE "0100007F"
#define ANY "00000000"
#define ANY6 "00000000000000000000000000000000"
#define CONNECTED "   9: 0100007F:1F90 0100007F:9C41 01 00000000:00000000 00:00000000 00000000 0 0 99 1\n"

/* What is to be found. */
struct found {
  uint32_t processes, first; /* first: one of them, 0: any */
  uint64_t open, room, soft, hard;
};

struct row {
  const char *name, *tcp, *tcp6; /* NULL: an empty file */
  struct process processes[4];
  const char *host; /* of the path; NULL: 127.0.0.1 */
  size_t servers;
  struct found found; /* of the first server */
};

/* A listener at 127.0.0.1:8080, the address that the rows' path connects to. */
#define AT_THE_PATH(inode) LISTEN(HERE, "1F90", inode)
#define HOLDS(inode) {"socket:[" inode "]"}
#define FOUND(...) .servers = 1, .found = {__VA_ARGS__}

static const struct row rows[] = {
    {.name = "nobody listens", .tcp = CONNECTED, .processes = {{7, "x", "100 100", 3, HOLDS("99"), 0}}},
    {.name = "one process",
     .tcp = AT_THE_PATH("77") CONNECTED,
     .processes = {{7, "server", "100 4000", 3, {"socket:[77]", "socket:[99]"}, 0}, {8, "other", "50 50", 9, HOLDS("78"), 0}},
     FOUND(1, 7, 5, 95, 100, 4000)},
    {.name = "a full one",
     .tcp = AT_THE_PATH("77"),
     .processes = {{7, "server", "4 unlimited", 5, HOLDS("77"), 0}},
     FOUND(1, 7, 6, 0, 4, LH_ANY)},
    {.name = "another port", .tcp = LISTEN(HERE, "1F91", "77"), .processes = {{7, "server", "100 100", 3, HOLDS("77"), 0}}},
    {.name = "the listener of the address before that of all addresses",
     .tcp = LISTEN(ANY, "1F90", "77") AT_THE_PATH("78"),
     .processes = {{7, "server", "100 100", 3, HOLDS("77"), 0}, {8, "nearer", "200 200", 3, HOLDS("78"), 0}},
     FOUND(1, 8, 4, 196, 200, 200)},
    {.name = "one of IPv6 that takes IPv4 as well",
     .tcp6 = LISTEN6(ANY6, "1F90", "77"),
     .processes = {{7, "node", "100 100", 3, HOLDS("77"), 0}},
     FOUND(1, 7, 4, 96, 100, 100)},
    {.name = "a name, whose address is pinned",
     .tcp = AT_THE_PATH("77"),
     .processes = {{7, "server", "100 100", 3, HOLDS("77"), 0}},
     .host = "gateway.test",
     FOUND(1, 7, 4, 96, 100, 100)},
    {.name = "two processes that share it",
     .tcp = AT_THE_PATH("77"),
     .processes = {{7, "server", "100 300", 3, HOLDS("77"), 0}, {8, "server", "200 200", 5, HOLDS("77"), 0}},
     FOUND(2, 0, 10, 96 + 194, 100, 200)},
    {.name = "a master that watches nothing",
     .tcp = AT_THE_PATH("77"),
     .processes = {{7, "master", "9000 9000", 3, HOLDS("77"), 0}, {8, "worker", "200 200", 4, HOLDS("77"), 10}},
     FOUND(1, 8, 6, 194, 200, 200)},
    {.name = "a master that watches something else",
     .tcp = AT_THE_PATH("77"),
     .processes = {{7, "master", "9000 9000", 3, HOLDS("77"), 11}, {8, "worker", "200 200", 4, HOLDS("77"), 10}},
     FOUND(1, 8, 6, 194, 200, 200)},
    {.name = "several listeners of one port",
     .tcp = AT_THE_PATH("77") AT_THE_PATH("78"),
     .processes = {{7, "server", "100 100", 3, HOLDS("77"), 10}, {8, "server", "100 100", 3, HOLDS("78"), 10}},
     FOUND(2, 0, 10, 190, 100, 100)},
    {.name = "workers that hold each other's listeners, and watch their own",
     .tcp = AT_THE_PATH("77") AT_THE_PATH("78"),
     .processes = {{6, "master", "900 900", 3, {"socket:[77]", "socket:[78]"}, 0},
                   {7, "worker", "100 100", 3, {"socket:[77]", "socket:[78]"}, 10},
                   {8, "worker", "100 100", 3, {"socket:[77]", "socket:[78]"}, 11}},
     FOUND(2, 0, 12, 188, 100, 100)},
    {.name = "a process that is not to be found",
     .tcp = AT_THE_PATH("77"),
     .processes = {{7, "other", "100 100", 3, HOLDS("5"), 0}},
     FOUND(0, 0, 0, 0, 0, 0)},
};

static void check_row(const struct row *row) {
  struct lh_needs_path paths[] = {
      {.host = row->host ? row->host : "127.0.0.1", .port = 8080, .local = true, .clients = 60},
      {.host = "192.0.2.7", .port = 8080, .clients = 40},
  };
  struct lh_needs needs = {.paths = paths, .path_count = 2};
  struct lh_err err = {0};
  put("/proc/net/tcp", row->tcp ? row->tcp : "");
  put("/proc/net/tcp6", row->tcp6 ? row->tcp6 : "");
  for (size_t i = 0; i < 4 && row->processes[i].pid > 0; i++) put_process(&row->processes[i]);
  assert_int_equal(lh_needs_find_servers(&needs, root, &err), 0);
  if (needs.server_count != row->servers) fail_msg("%s: %zu servers", row->name, needs.server_count);
  const struct lh_needs_server *s = needs.servers;
  const struct found *found = &row->found;
  if (row->servers > 0 &&
      (s->clients != 60 || s->processes != found->processes || s->open != found->open || s->room != found->room ||
       s->soft != found->soft || s->hard != found->hard || (found->first > 0 && s->pids[0] != found->first)))
    fail_msg("%s: %u processes (%u), %llu open, %llu left of %llu and %llu", row->name, s->processes, s->pids[0],
             (unsigned long long)s->open, (unsigned long long)s->room, (unsigned long long)s->soft, (unsigned long long)s->hard);
  free(needs.servers);
}

static void test_rows(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    make_root(state);
    check_row(&rows[i]);
    remove_root(state);
  }
}

/* A process that listens at two destinations has its descriptors once. */
static void test_two_destinations(void **state) {
  make_root(state);
  struct lh_needs_path paths[] = {
      {.host = "127.0.0.1", .port = 8080, .local = true, .clients = 60},
      {.host = "127.0.0.1", .port = 8081, .local = true, .clients = 20},
      {.host = "127.0.0.1", .port = 8082, .local = true, .clients = 5},
      {.host = "127.0.0.1", .source = "127.0.0.2", .port = 8081, .local = true, .clients = 20},
  };
  const struct process one = {7, "server", "100 100", 3, {"socket:[77]", "socket:[78]"}, 10};
  struct lh_needs needs = {.paths = paths, .path_count = 4};
  struct lh_err err = {0};
  put("/proc/net/tcp", LISTEN(HERE, "1F90", "77") LISTEN(HERE, "1F91", "78"));
  put_process(&one);
  assert_int_equal(lh_needs_find_servers(&needs, root, &err), 0); /* and no tcp6 */
  assert_int_equal(needs.server_count, 1);
  assert_int_equal(needs.servers[0].clients, 100);
  assert_int_equal(needs.servers[0].room, 100 - 6);
  assert_int_equal(needs.servers[0].processes, 1);
  assert_false(needs.servers[0].foreign);
  assert_int_equal(lh_needs_server_open(&needs.servers[0], root), 6);
  put_link(7, 99, "/dev/null");
  assert_int_equal(lh_needs_server_open(&needs.servers[0], root), 7);
  free(needs.servers);
  remove_root(state);
}

static void test_unreadable(void **state) {
  make_root(state);
  struct lh_needs_path path = {.host = "127.0.0.1", .port = 8080, .local = true, .clients = 60};
  struct lh_needs needs = {.paths = &path, .path_count = 1};
  struct lh_err err = {0};
  assert_int_equal(lh_needs_find_servers(&needs, root, &err), -ENOENT);
  assert_int_equal(needs.server_count, 0);
  assert_string_equal(err.text, "the descriptors of the target's process cannot be counted: /proc/net/tcp cannot be read: "
                                "No such file or directory");
  free(needs.servers);
  remove_root(state);
}

static void test_this_process(void **state) {
  (void)state;
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof here;
  struct rlimit limit;
  struct lh_err err = {0};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
  assert_int_equal(listen(fd, 1), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &len), 0);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  struct lh_needs_path path = {.host = "localhost", .port = ntohs(here.sin_port), .local = true, .clients = 1};
  struct lh_needs needs = {.paths = &path, .path_count = 1};
  assert_int_equal(lh_needs_find_servers(&needs, "", &err), 0);
  assert_int_equal(needs.server_count, 1);
  assert_int_equal(needs.servers[0].pids[0], getpid());
  assert_int_equal(needs.servers[0].soft, limit.rlim_cur);
  assert_true(needs.servers[0].open >= 4);
  free(needs.servers);
  close(fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_two_destinations),
                                     cmocka_unit_test(test_unreadable), cmocka_unit_test(test_this_process)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
