/* The floor client's modes and its one line of JSON. */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("floor: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(1);
}

/* ---- measures ---- */

static double cpu_s(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
         ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6;
}

static long rss_bytes(void) {
  long pages = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2) fail("cannot read /proc/self/statm");
  fclose(file);
  return resident * sysconf(_SC_PAGESIZE);
}

struct lateness {
  uint32_t *us; /* one for each message */
  size_t count, room;
};

static void add_lateness(struct lateness *lateness, uint64_t ns) {
  if (lateness->count == lateness->room) return;
  lateness->us[lateness->count++] = ns / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(ns / 1000);
}

static int compare_u32(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* Nearest rank. */
static uint32_t percentile(const struct lateness *lateness, double share) {
  if (lateness->count == 0) return 0;
  size_t rank = (size_t)(share * (double)lateness->count + 0.999999);
  return lateness->us[rank ? rank - 1 : 0];
}

/* ---- modes ---- */

static void hold(struct floor *f) {
  uint64_t end = now_ns() + f->options->time_ns;
  for (uint64_t now = now_ns(); now < end; now = now_ns()) floor_turn(f, (int)((end - now) / 1000000 + 1));
}

/* Client k mod N sends at start + k P / N: the schedule of many equal clients needs no queue. */
static void paced(struct floor *f, struct lateness *lateness) {
  double step_ns = (double)f->options->every_ns / f->options->clients;
  uint64_t start = now_ns(), k = 0, total = (uint64_t)((double)f->options->time_ns / step_ns);
  lateness->us = malloc(total * sizeof *lateness->us + 1);
  if (!lateness->us) fail("out of memory");
  lateness->room = total;
  while (k < total) {
    uint64_t now = now_ns(), due = start + (uint64_t)((double)k * step_ns);
    for (; k < total && due <= now; due = start + (uint64_t)((double)++k * step_ns)) {
      floor_send(f, (uint32_t)(k % f->options->clients));
      add_lateness(lateness, now_ns() - due);
    }
    now = now_ns();
    floor_turn(f, due <= now ? 0 : (int)((due - now + 999999) / 1000000));
  }
}

static void busy(struct floor *f) {
  uint64_t end = now_ns() + f->options->time_ns;
  f->is_busy = true;
  for (uint32_t i = 0; i < f->options->clients; i++) floor_send(f, i);
  for (f->now_ns = now_ns(); f->now_ns < end;) floor_turn(f, 1000);
  f->is_draining = true;
}

static void drain(struct floor *f) {
  uint64_t end = now_ns() + UINT64_C(5000000000);
  while (f->echoed < f->sent && now_ns() < end) floor_turn(f, 100);
}

/* ---- command line ---- */

static uint64_t read_number(const char *text, uint64_t least, uint64_t most) {
  char *end;
  unsigned long long n = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || n < least || n > most)
    fail("'%s': expected a whole number from %" PRIu64 " to %" PRIu64, text, least, most);
  return n;
}

static void read_server(const char *text, struct sockaddr_in *server) {
  char address[64];
  const char *colon = strrchr(text, ':');
  if (!colon || (size_t)(colon - text) >= sizeof address) fail("--connect %s: expected ADDR:PORT", text);
  memcpy(address, text, (size_t)(colon - text));
  address[colon - text] = 0;
  *server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)read_number(colon + 1, 1, 65535))};
  if (inet_pton(AF_INET, address, &server->sin_addr) != 1) fail("--connect %s: expected an IPv4 address", text);
}

static void read_sources(char *list, struct options *options) {
  for (char *save, *at = strtok_r(list, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
    if (options->source_count == SOURCES_MAX) fail("--sources: more than %d addresses", SOURCES_MAX);
    if (inet_pton(AF_INET, at, &options->sources[options->source_count++]) != 1) fail("--sources %s: not an IPv4 address", at);
  }
}

static void read_options(struct options *options, int argc, char **argv) {
  static const struct option longs[] = {{"connect", 1, NULL, 'c'},  {"mode", 1, NULL, 'm'},       {"clients", 1, NULL, 'n'},
                                        {"every-ms", 1, NULL, 'e'}, {"time-ms", 1, NULL, 't'},    {"size", 1, NULL, 's'},
                                        {"sources", 1, NULL, 'a'},  {"connecting", 1, NULL, 'k'}, {NULL, 0, NULL, 0}};
  *options = (struct options){.mode = "hold",
                              .clients = 1,
                              .connecting_max = 128,
                              .every_ns = UINT64_C(1000000000),
                              .time_ns = UINT64_C(5000000000),
                              .size = 64};
  for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) switch (c) {
    case 'c': read_server(optarg, &options->server); break;
    case 'm': options->mode = optarg; break;
    case 'n': options->clients = (uint32_t)read_number(optarg, 1, 1000000); break;
    case 'e': options->every_ns = read_number(optarg, 1, 86400000) * 1000000; break;
    case 't': options->time_ns = read_number(optarg, 1, 86400000) * 1000000; break;
    case 's': options->size = (uint32_t)read_number(optarg, MESSAGE_MIN, MESSAGE_MAX - 8); break;
    case 'a': read_sources(optarg, options); break;
    case 'k': options->connecting_max = (uint32_t)read_number(optarg, 1, 100000); break;
    default:
      fail("usage: floor --connect ADDR:PORT [--mode hold|paced|busy] [--clients N] [--every-ms N] [--time-ms N] [--size N] "
           "[--sources A,B,...] [--connecting N]");
    }
  if (!options->server.sin_port) fail("--connect ADDR:PORT is required");
}

int main(int argc, char **argv) {
  struct options options;
  struct lateness lateness = {0};
  struct rlimit limit;
  read_options(&options, argc, argv);
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  long rss_before = rss_bytes();
  struct floor f = {.options = &options, .epoll = epoll_create1(EPOLL_CLOEXEC), .random = 0x9e3779b9};
  f.clients = calloc(options.clients, sizeof *f.clients);
  if (f.epoll < 0 || !f.clients) fail("out of memory or descriptors");

  uint64_t open_begin = now_ns();
  double open_cpu = cpu_s();
  floor_open_all(&f);
  double open_s = (double)(now_ns() - open_begin) / 1e9;
  double cpu_begin = cpu_s();
  uint64_t begin = now_ns();
  if (strcmp(options.mode, "hold") == 0)
    hold(&f);
  else if (strcmp(options.mode, "paced") == 0)
    paced(&f, &lateness);
  else if (strcmp(options.mode, "busy") == 0)
    busy(&f);
  else
    fail("--mode %s: expected hold, paced or busy", options.mode);
  double took_s = (double)(now_ns() - begin) / 1e9, cpu = cpu_s() - cpu_begin;
  uint64_t echoed = f.echoed;
  long rss_after = rss_bytes() - (long)(lateness.count * sizeof *lateness.us);
  drain(&f);
  floor_close_all(&f);
  qsort(lateness.us, lateness.count, sizeof *lateness.us, compare_u32);
  printf("{\"mode\":\"%s\",\"clients\":%u,\"open_s\":%.4f,\"open_cpu_s\":%.4f,\"time_s\":%.3f,\"cpu_s\":%.4f,\"sent\":%" PRIu64
         ",\"echoed\":%" PRIu64 ",\"unanswered\":%" PRIu64
         ",\"cpu_s_per_million\":%.4f,\"rss_bytes\":%ld,\"rss_bytes_per_client\":%.1f,"
         "\"lateness_us\":{\"count\":%zu,\"p50\":%u,\"p99\":%u,\"max\":%u}}\n",
         options.mode, options.clients, open_s, cpu_begin - open_cpu, took_s, cpu, f.sent, echoed, f.sent - f.echoed,
         echoed ? cpu * 1e6 / (double)echoed : 0.0, rss_after, (double)(rss_after - rss_before) / options.clients,
         lateness.count, percentile(&lateness, 0.5), percentile(&lateness, 0.99), percentile(&lateness, 1.0));
  free(lateness.us);
  free(f.clients);
  return f.echoed == f.sent ? 0 : 1;
}
