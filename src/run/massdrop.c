#include "run/massdrop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"

static const uint64_t tenth_ns = LH_NS_PER_S / LH_MASSDROP_TENTHS;
static const uint64_t late_ns = LH_NS_PER_S; /* a worker's rows may come so much later than another's */
static const uint64_t longest_ns = 60 * LH_NS_PER_S;

/* Forgets the tenths that lie a second or more before this one. */
static void go_to(struct lh_massdrop *m, uint64_t tenth) {
  if (tenth <= m->tenth) return;
  if (tenth - m->tenth >= LH_MASSDROP_TENTHS) memset(m->tenths, 0, sizeof m->tenths);
  for (uint64_t t = m->tenth + 1; t <= tenth && t - m->tenth < LH_MASSDROP_TENTHS; t++) m->tenths[t % LH_MASSDROP_TENTHS] = 0;
  m->tenth = tenth;
}

static uint64_t last_second(const struct lh_massdrop *m) {
  uint64_t drops = 0;
  for (int i = 0; i < LH_MASSDROP_TENTHS; i++) drops += m->tenths[i];
  return drops;
}

static void forget(struct lh_massdrop *m) {
  m->on = false;
  m->drops = 0;
  memset(m->reasons, 0, sizeof m->reasons);
}

/* While none is on, what is kept is the last second alone; the reasons of what is left of it are not known apart. */
static void begin_later(struct lh_massdrop *m) {
  uint64_t first = m->tenth - (LH_MASSDROP_TENTHS - 1);
  forget(m);
  m->drops = last_second(m);
  while (m->drops && m->tenths[first % LH_MASSDROP_TENTHS] == 0) first++;
  m->from_ns = m->until_ns = first * tenth_ns;
}

void lh_massdrop_add(struct lh_massdrop *m, const struct lh_ending *drop, uint64_t count) {
  uint64_t tenth = drop->at_ns / tenth_ns;
  go_to(m, tenth);
  if (!m->on && m->drops && drop->at_ns >= m->from_ns + LH_NS_PER_S) begin_later(m);
  if (m->tenth - tenth >= LH_MASSDROP_TENTHS) tenth = m->tenth;
  m->tenths[tenth % LH_MASSDROP_TENTHS] += (uint32_t)count;
  if (m->drops == 0 || drop->at_ns < m->from_ns) m->from_ns = drop->at_ns;
  if (m->drops == 0 || drop->at_ns > m->until_ns) m->until_ns = drop->at_ns;
  m->drops += count;
  m->reasons[drop->reason] += count;
  m->codes[drop->reason] = drop->code;
  if (last_second(m) >= m->enough) m->on = true;
}

bool lh_massdrop_over(struct lh_massdrop *m, uint64_t now_ns, bool flush, char text[LH_MASSDROP_TEXT_MAX], uint64_t *from_ns) {
  if (!m->on) return false;
  bool quiet = now_ns >= m->until_ns + LH_NS_PER_S + late_ns;
  if (!quiet && !flush && m->until_ns - m->from_ns < longest_ns) return false;
  unsigned most = 0, kinds = 0;
  for (unsigned r = 0; r < LH_REASON_COUNT; r++) {
    if (m->reasons[r] > m->reasons[most]) most = r;
    kinds += m->reasons[r] > 0;
  }
  char length[32], code[16] = "";
  if (m->codes[most]) snprintf(code, sizeof code, " %d", m->codes[most]);
  uint64_t span_ns = (m->until_ns - m->from_ns) / LH_NS_PER_MS * LH_NS_PER_MS + LH_NS_PER_MS;
  snprintf(text, LH_MASSDROP_TEXT_MAX, "%" PRIu64 " drops within %s, %s%s: %s%s", m->drops,
           lh_format_duration_brief(span_ns, length, sizeof length), kinds > 1 ? "mostly " : "",
           lh_side_name(lh_reason_side(most)), lh_reason_name(most), code);
  *from_ns = m->from_ns;
  forget(m);
  return true;
}
