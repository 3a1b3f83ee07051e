/* Any bytes as a snapshot: refused with a sentence and nothing changed, or read as one whose encoding, once read, encodes to
 * the same bytes again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/stats/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds) {
  if (!holds) abort();
}

static struct lh_cursor cursor(const void *bytes, size_t len) {
  return (struct lh_cursor){.at = bytes, .end = (const uint8_t *)bytes + len};
}

static void check_round_trip(const struct lh_snapshot *s) {
  struct lh_buf first = LH_BUF_INIT(64 << 20), second = LH_BUF_INIT(64 << 20);
  struct lh_snapshot again;
  lh_snapshot_init(&again);
  check(lh_snapshot_encode(s, &first) == 0);
  struct lh_cursor in = cursor(first.data, first.len);
  check(lh_snapshot_decode(&again, &in, NULL) == 0 && in.at == in.end);
  check(lh_snapshot_encode(&again, &second) == 0);
  check(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
  lh_snapshot_free(&again);
  lh_buf_free(&first);
  lh_buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct lh_snapshot s, total;
  struct lh_err err = {0};
  struct lh_cursor in = cursor(data, size);
  lh_snapshot_init(&s);
  if (lh_snapshot_decode(&s, &in, &err)) {
    check(err.text[0] && s.tally_count == 0);
  } else {
    check(s.tally_count <= LH_TALLY_MAX);
    check_round_trip(&s);
    lh_snapshot_init(&total);
    check(lh_snapshot_merge_later(&total, &s) == 0 && lh_snapshot_merge_beside(&total, &s) == 0);
    check(total.tally_count == s.tally_count);
    lh_snapshot_check(&total, &err);
    lh_snapshot_free(&total);
  }
  lh_snapshot_free(&s);
  return 0;
}
