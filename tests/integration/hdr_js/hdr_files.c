/* Histograms for another implementation to read, and what it wrote, read back. For tests/integration/test_hdr_js.py.
 *
 *   hdr_files write    prints one line of JSON for each of our histograms: its payloads in hex, and what must be read there
 *   hdr_files read     reads lines of hex from stdin and prints what we read there, one line of JSON each
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/rng.h"
#include "longhaul/stats/hdr.h"

enum { HISTOGRAMS = 60, PAYLOAD_MAX = 1 << 20 };

static const double percentiles[] = {0, 0.1, 1, 5, 10, 25, 50, 66.6, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100};

static void print_hex(const char *name, const struct lh_buf *bytes) {
  printf("\"%s\": \"", name);
  for (size_t i = 0; i < bytes->len; i++) printf("%02x", (uint8_t)bytes->data[i]);
  printf("\", ");
}

/* The reference knows no exact values: its percentiles are the ends of slots. */
static uint64_t percentile_slot(const struct lh_hdr *h, double percentile) {
  if (h->count == 0) return 0;
  uint32_t slot = lh_hdr_slot(lh_hdr_percentile(h, percentile));
  return percentile > 0 ? lh_hdr_slot_high(slot) : lh_hdr_slot_low(slot);
}

static void print_facts(const struct lh_hdr *h, double mean) {
  printf("\"count\": %" PRIu64 ", \"mean\": %.17g, \"percentiles\": {", h->count, mean);
  for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
    printf("%s\"%g\": %" PRIu64, i ? ", " : "", percentiles[i], percentile_slot(h, percentiles[i]));
  printf("}}\n");
}

static uint64_t random_below(uint64_t i, uint64_t k, uint64_t n) {
  return lh_rng_below(lh_rng_at(99, LH_RNG_SIM, i, k), n);
}

/* From one value to every power of two, with counts of up to 2^40, the ends of the range, and nothing at all. */
static void record_number(struct lh_hdr *h, uint64_t n) {
  static const uint64_t ends[] = {0, 1, 2047, 2048, 2049, 4095, 4096, LH_HDR_HIGHEST_US - 1, LH_HDR_HIGHEST_US};
  if (n < 9) lh_hdr_record_n(h, ends[n], n + 1);
  if (n == 9)
    for (size_t i = 0; i < 9; i++) lh_hdr_record(h, ends[i]);
  if (n == 10) /* every slot there is */
    for (uint32_t slot = 0; slot <= lh_hdr_slot(LH_HDR_HIGHEST_US); slot++)
      lh_hdr_record_n(h, lh_hdr_slot_low(slot), 1 + slot % 70);
  for (uint64_t i = 0; n >= 12 && i < n * n * 4; i++) {
    uint64_t value = random_below(n, 3 * i, UINT64_C(1) << (1 + random_below(n, 3 * i + 1, 31)));
    lh_hdr_record_n(h, value, n % 3 ? 1 : 1 + random_below(n, 3 * i + 2, UINT64_C(1) << (i % 33)));
  }
}

static int write_all(void) {
  for (uint64_t n = 0; n < HISTOGRAMS; n++) {
    struct lh_hdr h = LH_HDR_INIT, slots = LH_HDR_INIT;
    struct lh_buf plain = LH_BUF_INIT(PAYLOAD_MAX), compressed = LH_BUF_INIT(PAYLOAD_MAX);
    record_number(&h, n);
    if (lh_hdr_encode(&h, &plain) || lh_hdr_encode_compressed(&h, &compressed)) return 1;
    if (lh_hdr_decode(&slots, plain.data, plain.len, NULL)) return 1; /* for the mean of the slots' middles */
    printf("{");
    print_hex("plain", &plain);
    print_hex("compressed", &compressed);
    print_facts(&h, lh_hdr_mean(&slots));
    lh_buf_free(&plain);
    lh_buf_free(&compressed);
    lh_hdr_free(&h);
    lh_hdr_free(&slots);
  }
  return 0;
}

static size_t read_hex(const char *text, uint8_t *out) {
  size_t len = 0;
  for (unsigned byte; sscanf(text + 2 * len, "%2x", &byte) == 1; len++) out[len] = (uint8_t)byte;
  return len;
}

static int read_all(void) {
  static char line[2 * PAYLOAD_MAX + 2];
  static uint8_t bytes[PAYLOAD_MAX];
  while (fgets(line, sizeof line, stdin)) {
    struct lh_hdr h = LH_HDR_INIT;
    struct lh_err err = {0};
    if (lh_hdr_decode(&h, bytes, read_hex(line, bytes), &err)) {
      fprintf(stderr, "hdr_files: %s\n", err.text);
      return 1;
    }
    printf("{");
    print_facts(&h, lh_hdr_mean(&h));
    lh_hdr_free(&h);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "write") == 0) return write_all();
  if (argc == 2 && strcmp(argv[1], "read") == 0) return read_all();
  fprintf(stderr, "usage: hdr_files write | hdr_files read\n");
  return 2;
}
