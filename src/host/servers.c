/* Whose listener a plan connects to, when that is a process of this host, and how many descriptors it has left. The listener is
 * found by its inode: /proc/net/tcp has it, and /proc/PID/fd of each process that holds it.
 *
 * A process that only hands the listener on to its children (a master, a shell) accepts nothing. Where one of several watches
 * it in an epoll set, those that do not are left out. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/files.h"
#include "host/rows.h"
#include "longhaul/host/ladder.h"

/* A server listens before it accepts: its listeners are looked for among its first descriptors alone, since each look costs a
 * microsecond, and servers of a hundred thousand connections may run here. */
enum { PATH_ROOM = 4096, EPOLLS_MAX = 64, LISTENS_BELOW = 4096 };

struct listener {
  uint64_t inode;
  size_t server;
  int rank; /* how well it fits the destination's address: the kernel hands a connection to the best */
};

struct search {
  struct lh_needs *needs;
  const char *root;
  struct listener *listeners; /* owned */
  size_t count;
  bool *watched;   /* by server, owned: a process of it watches its listener */
  int *descriptor; /* by listener, owned: which one of the process at hand it is, -1: none */
  bool hidden;   /* the descriptors of some process may not be seen */
  bool failed;   /* no memory */
};

/* ---- destinations ---- */
struct lh_needs_server *lh_needs_server_at(const struct lh_needs *needs, const char *host, uint16_t port) {
  for (size_t i = 0; i < needs->server_count; i++)
    if (needs->servers[i].port == port && strcmp(needs->servers[i].host, host) == 0) return &needs->servers[i];
  return NULL;
}

static struct lh_needs_server *server_of(struct lh_needs *needs, const struct lh_needs_path *path) {
  struct lh_needs_server *known = lh_needs_server_at(needs, path->host, path->port);
  if (known) return known;
  struct lh_needs_server *servers = realloc(needs->servers, (needs->server_count + 1) * sizeof *servers);
  if (!servers) return NULL;
  needs->servers = servers;
  servers[needs->server_count] = (struct lh_needs_server){.host = path->host, .port = path->port};
  return &servers[needs->server_count++];
}

static int add_destinations(struct lh_needs *needs) {
  for (size_t i = 0; i < needs->path_count; i++) {
    const struct lh_needs_path *path = &needs->paths[i];
    if (!path->local || path->host == NULL) continue;
    struct lh_needs_server *server = server_of(needs, path);
    if (!server) return -ENOMEM;
    server->clients += path->clients;
  }
  return 0;
}

/* ---- listeners ---- */
static bool is_any(const struct lh_ip *ip) {
  static const struct lh_ip any;
  size_t from = lh_ip_is_v4(ip) ? LH_IP_V4_AT : 0;
  return memcmp(ip->bytes + from, any.bytes + from, sizeof ip->bytes - from) == 0;
}

/* 0: not this destination's. A name is on this host by its pinned addresses: any listener of its port may be meant. */
static int rank_of(const struct lh_needs_server *server, const struct lh_ip *local) {
  struct lh_ip wanted;
  if (!lh_row_address(server->host, &wanted)) return 1;
  if (memcmp(&wanted, local, sizeof wanted) == 0) return 3;
  if (!is_any(local)) return 0;
  return lh_ip_is_v4(local) == lh_ip_is_v4(&wanted) ? 2 : 1;
}

static bool add_listener(struct search *s, const struct listener *listener) {
  struct listener *more = realloc(s->listeners, (s->count + 1) * sizeof *more);
  s->failed = s->failed || !more;
  if (!more) return false;
  s->listeners = more;
  s->listeners[s->count++] = *listener;
  return true;
}

/* Listeners stand first in the file: the rest need not be read. */
static bool see_row(void *context, const struct lh_socket_row *row) {
  struct search *s = context;
  if (row->state != TCP_LISTEN) return false;
  for (size_t i = 0; i < s->needs->server_count; i++) {
    int rank = row->local_port == s->needs->servers[i].port ? rank_of(&s->needs->servers[i], &row->local) : 0;
    if (rank > 0 && !add_listener(s, &(struct listener){row->inode, i, rank})) return false;
  }
  return true;
}

static int best_rank(const struct search *s, size_t server) {
  int best = 0;
  for (size_t i = 0; i < s->count; i++)
    if (s->listeners[i].server == server && s->listeners[i].rank > best) best = s->listeners[i].rank;
  return best;
}

static void keep_best(struct search *s) {
  size_t kept = 0;
  for (size_t i = 0; i < s->count; i++)
    if (s->listeners[i].rank == best_rank(s, s->listeners[i].server)) s->listeners[kept++] = s->listeners[i];
  s->count = kept;
}

/* ---- one process ---- */
struct holder {
  uint32_t pid;
  uint64_t open;
  unsigned epolls[EPOLLS_MAX];
  size_t epoll_count;
};

static void see_descriptor(const struct search *s, struct holder *h, int folder, const char *name) {
  char link[64] = "";
  uint64_t inode;
  if (readlinkat(folder, name, link, sizeof link - 1) < 0) return; /* closed meanwhile */
  if (strcmp(link, "anon_inode:[eventpoll]") == 0 && h->epoll_count < EPOLLS_MAX)
    h->epolls[h->epoll_count++] = (unsigned)strtoul(name, NULL, 10);
  if (sscanf(link, "socket:[%" SCNu64, &inode) != 1) return;
  for (size_t i = 0; i < s->count; i++)
    if (s->listeners[i].inode == inode) s->descriptor[i] = (int)strtoul(name, NULL, 10);
}

/* Since Linux 6.2 the folder's size is the number of its entries; before, they have to be counted. */
static void see_descriptors(struct search *s, struct holder *h) {
  char path[PATH_ROOM];
  struct stat st;
  if (snprintf(path, sizeof path, "%s/proc/%u/fd", s->root, h->pid) >= (int)sizeof path) return;
  DIR *folder = opendir(path);
  s->hidden = s->hidden || (!folder && (errno == EACCES || errno == EPERM));
  bool sized = folder && s->root[0] == '\0' && fstat(dirfd(folder), &st) == 0 && st.st_size > 0;
  for (const struct dirent *e; folder && (e = readdir(folder));) {
    if (!isdigit((unsigned char)e->d_name[0])) continue;
    bool early = strtoul(e->d_name, NULL, 10) < LISTENS_BELOW;
    if (early) see_descriptor(s, h, dirfd(folder), e->d_name);
    if (!early && sized) break; /* they come in order */
    h->open++;
  }
  if (sized) h->open = (uint64_t)st.st_size;
  if (folder) closedir(folder);
}

static bool watches_one(const struct search *s, const struct holder *h, int descriptor) {
  bool found = false;
  for (size_t i = 0; i < h->epoll_count && !found; i++) {
    char path[96];
    struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
    snprintf(path, sizeof path, "/proc/%u/fdinfo/%u", h->pid, h->epolls[i]);
    const char *line = lh_files_read(s->root, path, &text) == 0 ? text.data : NULL;
    int fd;
    for (; line && !found; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
      found = sscanf(line, "tfd: %d", &fd) == 1 && fd == descriptor;
    lh_buf_free(&text);
  }
  return found;
}

static bool holds(const struct search *s, size_t server) {
  for (size_t i = 0; i < s->count; i++)
    if (s->listeners[i].server == server && s->descriptor[i] >= 0) return true;
  return false;
}

/* Workers may hold each other's listeners, and each watch its own (SO_REUSEPORT). */
static bool watches(const struct search *s, const struct holder *h, size_t server) {
  for (size_t i = 0; i < s->count; i++)
    if (s->listeners[i].server == server && s->descriptor[i] >= 0 && watches_one(s, h, s->descriptor[i])) return true;
  return false;
}

static bool is_foreign(const struct search *s, uint32_t pid) {
  char path[PATH_ROOM];
  struct stat st;
  int len = snprintf(path, sizeof path, "%s/proc/%u", s->root, pid);
  return len < (int)sizeof path && stat(path, &st) == 0 && st.st_uid != geteuid();
}

/* *hard is LH_ANY without one. */
static int read_limits(const struct search *s, uint32_t pid, uint64_t *soft, uint64_t *hard) {
  char path[64], hard_text[32];
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  snprintf(path, sizeof path, "/proc/%u/limits", pid);
  int code = lh_files_read(s->root, path, &text);
  const char *at = code == 0 ? lh_text_after(text.data, "Max open files") : NULL;
  if (code == 0 && (!at || sscanf(at, "%" SCNu64 " %31s", soft, hard_text) != 2)) code = -EINVAL;
  if (code == 0 && isdigit((unsigned char)hard_text[0])) *hard = strtoull(hard_text, NULL, 10);
  lh_buf_free(&text);
  return code;
}

/* ---- adding up ---- */
static void add_process(struct search *s, const struct holder *h, size_t at) {
  struct lh_needs_server *server = &s->needs->servers[at];
  uint64_t soft, hard = LH_ANY;
  char path[64];
  bool watch = watches(s, h, at);
  if (read_limits(s, h->pid, &soft, &hard) < 0 || (!watch && s->watched[at])) return;
  if (watch && !s->watched[at])
    *server = (struct lh_needs_server){.host = server->host, .port = server->port, .clients = server->clients};
  s->watched[at] = watch;
  if (server->processes == 0 || soft < server->soft) server->soft = soft;
  if (server->processes == 0 || hard < server->hard) server->hard = hard;
  server->foreign = server->foreign || is_foreign(s, h->pid);
  server->open += h->open;
  server->room += soft > h->open ? soft - h->open : 0;
  if (server->processes < LH_SERVER_PIDS) server->pids[server->processes] = h->pid;
  server->processes++;
  snprintf(path, sizeof path, "/proc/%u/comm", h->pid);
  if (lh_files_line(s->root, path, server->name, sizeof server->name) < 0) snprintf(server->name, sizeof server->name, "?");
}

static int search_processes(struct search *s) {
  char path[PATH_ROOM];
  snprintf(path, sizeof path, "%s/proc", s->root);
  DIR *folder = opendir(path);
  if (!folder) return -errno;
  for (const struct dirent *e; (e = readdir(folder));) {
    struct holder h = {.pid = (uint32_t)strtoul(e->d_name, NULL, 10)};
    if (h.pid == 0) continue;
    for (size_t i = 0; i < s->count; i++) s->descriptor[i] = -1;
    see_descriptors(s, &h);
    for (size_t i = 0; i < s->needs->server_count; i++)
      if (holds(s, i)) add_process(s, &h, i);
  }
  closedir(folder);
  return 0;
}

/* Two destinations of one process share what it has left. */
static void merge_shared(struct lh_needs *needs) {
  for (size_t i = 0; i < needs->server_count; i++)
    for (size_t j = i + 1; j < needs->server_count;) {
      const struct lh_needs_server *other = &needs->servers[j];
      if (other->processes == 0 || other->pids[0] != needs->servers[i].pids[0]) {
        j++;
        continue;
      }
      needs->servers[i].clients += other->clients;
      needs->servers[j] = needs->servers[--needs->server_count];
    }
}

/* A destination that nobody listens at is left out: it has no process yet. */
static void drop_absent(struct search *s) {
  size_t kept = 0;
  for (size_t i = 0; i < s->needs->server_count; i++) {
    struct lh_needs_server *server = &s->needs->servers[i];
    server->hidden = server->processes == 0 && s->hidden;
    if (best_rank(s, i) > 0) s->needs->servers[kept++] = *server;
  }
  s->needs->server_count = kept;
}

int lh_needs_find_servers(struct lh_needs *needs, const char *root, struct lh_err *err) {
  struct search s = {.needs = needs, .root = root};
  struct lh_err why = {0};
  int code = add_destinations(needs);
  if (code == 0 && needs->server_count == 0) return 0;
  s.watched = code == 0 ? calloc(needs->server_count, sizeof *s.watched) : NULL;
  if (!s.watched) code = lh_err_set(&why, ENOMEM, "no memory");
  if (code == 0) code = lh_socket_rows_visit(root, see_row, &s, &why);
  if (code == 0) keep_best(&s);
  if (code == 0) s.descriptor = calloc(s.count + 1, sizeof *s.descriptor);
  if (code == 0 && (s.failed || !s.descriptor)) code = lh_err_set(&why, ENOMEM, "no memory");
  if (code == 0 && s.count > 0 && (code = search_processes(&s)) < 0)
    lh_err_set(&why, code, "/proc cannot be read: %s", strerror(-code));
  if (code == 0) {
    drop_absent(&s);
    merge_shared(needs);
  } else {
    needs->server_count = 0;
    lh_err_set(err, code, "the descriptors of the target's process cannot be counted: %s", why.text);
  }
  free(s.listeners);
  free(s.watched);
  free(s.descriptor);
  return code;
}

uint64_t lh_needs_server_open(const struct lh_needs_server *server, const char *root) {
  struct search s = {.root = root};
  uint64_t open = 0;
  for (uint32_t i = 0; i < server->processes && i < LH_SERVER_PIDS; i++) {
    struct holder h = {.pid = server->pids[i]};
    see_descriptors(&s, &h);
    open += h.open;
  }
  return open;
}
