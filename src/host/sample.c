/* Counters and gauges of the host at one time, from seven files of /proc. */
#include "longhaul/host/host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/files.h"

/* Takes what it knows from the file's text. 0, or -EINVAL when nothing of the expected form is there. */
typedef int sample_parser(char *text, struct lh_host_sample *sample);

static uint64_t after(const char *text, const char *key) {
  const char *at = lh_text_after(text, key);
  return at ? strtoull(at + strspn(at, " \t:"), NULL, 10) : 0;
}

/* cpu user nice system idle iowait irq softirq steal [guest guest_nice]; guest time is already within user and nice.
 * Waiting for a disk is idle time, and stolen time was never ours. */
static int parse_stat(char *text, struct lh_host_sample *sample) {
  const char *at = lh_text_after(text, "cpu ");
  uint64_t t[8] = {0};
  if (!at || sscanf(at, "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64, &t[0], &t[1],
                    &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 4)
    return -EINVAL;
  long hz = sysconf(_SC_CLK_TCK);
  uint64_t us = UINT64_C(1000000) / (uint64_t)(hz > 0 ? hz : 100);
  sample->cpu_busy_us = (t[0] + t[1] + t[2] + t[5] + t[6]) * us;
  sample->cpu_steal_us = t[7] * us;
  sample->cpu_total_us = sample->cpu_busy_us + sample->cpu_steal_us + (t[3] + t[4]) * us;
  sample->context_switches = after(text, "ctxt ");
  return 0;
}

static int parse_meminfo(char *text, struct lh_host_sample *sample) {
  sample->mem_total_bytes = after(text, "MemTotal:") * 1024;
  sample->mem_available_bytes = after(text, "MemAvailable:") * 1024;
  sample->slab_bytes = after(text, "Slab:") * 1024;
  return sample->mem_total_bytes ? 0 : -EINVAL;
}

/* Lines of "NAME: key value key value ...". */
static uint64_t pair_value(const char *line, const char *key) {
  size_t len = strlen(key);
  size_t end = line ? strcspn(line, "\n") : 0;
  for (size_t i = 0; i + len < end; i++)
    if (line[i] == ' ' && strncmp(line + i + 1, key, len) == 0 && line[i + 1 + len] == ' ')
      return strtoull(line + i + 1 + len, NULL, 10);
  return 0;
}

static int parse_sockstat(char *text, struct lh_host_sample *sample) {
  const char *tcp = lh_text_after(text, "TCP:");
  const char *all = lh_text_after(text, "sockets:");
  if (!tcp || !all) return -EINVAL;
  sample->sockets_used = pair_value(all, "used");
  sample->tcp_in_use = pair_value(tcp, "inuse") + pair_value(lh_text_after(text, "TCP6:"), "inuse");
  sample->tcp_time_wait = pair_value(tcp, "tw");
  sample->tcp_orphans = pair_value(tcp, "orphan");
  sample->tcp_mem_pages = pair_value(tcp, "mem");
  return 0;
}

static int parse_file_nr(char *text, struct lh_host_sample *sample) {
  return sscanf(text, "%" SCNu64, &sample->files_open) == 1 ? 0 : -EINVAL;
}

/* Two lines for each protocol: names, then values. */
static int paired_lines(char *text, const char *prefix, const char *key, uint64_t *out) {
  const char *names = lh_text_after(text, prefix);
  const char *values = names ? strchr(names, '\n') : NULL;
  values = values ? lh_text_after(values + 1, prefix) : NULL;
  if (!values) return -EINVAL;
  size_t len = strlen(key);
  while (*names == ' ' && *values == ' ') {
    names++, values++;
    size_t name_len = strcspn(names, " \n");
    if (name_len == len && strncmp(names, key, len) == 0) {
      *out = strtoull(values, NULL, 10);
      return 0;
    }
    names += name_len;
    values += strcspn(values, " \n");
  }
  return -EINVAL;
}

static int parse_snmp(char *text, struct lh_host_sample *sample) {
  int code = paired_lines(text, "Tcp:", "RetransSegs", &sample->tcp_retransmits);
  paired_lines(text, "Tcp:", "CurrEstab", &sample->tcp_established);
  return code ? code : paired_lines(text, "Tcp:", "OutSegs", &sample->tcp_out_segments);
}

/* ListenDrops includes ListenOverflows. */
static int parse_netstat(char *text, struct lh_host_sample *sample) {
  return paired_lines(text, "TcpExt:", "ListenDrops", &sample->tcp_listen_drops);
}

/* "  eth0: 8 receive columns, 8 transmit columns", after two lines of headings. */
static int parse_dev(char *text, struct lh_host_sample *sample) {
  int lines = 0;
  for (char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
    uint64_t in, out, in_drop, out_drop;
    char *colon = memchr(line, ':', strcspn(line, "\n"));
    if (!colon || sscanf(colon + 1, "%" SCNu64 " %*u %*u %" SCNu64 " %*u %*u %*u %*u %" SCNu64 " %*u %*u %" SCNu64, &in,
                         &in_drop, &out, &out_drop) != 4)
      continue;
    sample->net_bytes_in += in;
    sample->net_bytes_out += out;
    sample->net_drops += in_drop + out_drop;
    lines++;
  }
  return lines ? 0 : -EINVAL;
}

static const struct {
  const char *path, *more; /* more: a second file whose lines are read with the first's, when it is there */
  sample_parser *parse;
} sources[LH_SAMPLE_SOURCES] = {
    [LH_SAMPLE_STAT] = {"/proc/stat", NULL, parse_stat},
    [LH_SAMPLE_MEMINFO] = {"/proc/meminfo", NULL, parse_meminfo},
    [LH_SAMPLE_SOCKSTAT] = {"/proc/net/sockstat", "/proc/net/sockstat6", parse_sockstat},
    [LH_SAMPLE_FILE_NR] = {"/proc/sys/fs/file-nr", NULL, parse_file_nr},
    [LH_SAMPLE_SNMP] = {"/proc/net/snmp", NULL, parse_snmp},
    [LH_SAMPLE_NETSTAT] = {"/proc/net/netstat", NULL, parse_netstat},
    [LH_SAMPLE_DEV] = {"/proc/net/dev", NULL, parse_dev},
};

int lh_host_sample_at(const char *root, struct lh_host_sample *sample, uint32_t *unread) {
  struct lh_host_sample read = {0};
  uint32_t missing = 0;
  int first_failure = 0;
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  struct lh_buf more = LH_BUF_INIT(LH_HOST_FILE_MAX);
  for (int i = 0; i < LH_SAMPLE_SOURCES; i++) {
    int code = lh_files_read(root, sources[i].path, &text);
    if (code == 0 && sources[i].more && lh_files_read(root, sources[i].more, &more) == 0)
      code = lh_buf_addstr(&text, more.data);
    if (code == 0) code = sources[i].parse(text.data, &read);
    if (code == 0) continue;
    missing |= UINT32_C(1) << i;
    if (!first_failure) first_failure = code;
  }
  lh_files_number(root, "/proc/sys/net/netfilter/nf_conntrack_count", &read.conntrack_entries);
  lh_buf_free(&text);
  lh_buf_free(&more);
  if (unread) *unread = missing;
  if (missing == (UINT32_C(1) << LH_SAMPLE_SOURCES) - 1) return first_failure;
  *sample = read;
  return 0;
}

int lh_host_sample_read(struct lh_host_sample *sample, uint32_t *unread) {
  return lh_host_sample_at("", sample, unread);
}
