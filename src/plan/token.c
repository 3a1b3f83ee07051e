#include <assert.h>
#include <errno.h>
#include <string.h>

#include "longhaul/base/rng.h"
#include "longhaul/plan/template.h"
#include "plan/digits.h"

/* "lh" tag client group seq check: where each begins, and in how many digits. */
enum { TAG_AT = 2, CLIENT_AT = 6, GROUP_AT = 12, SEQ_AT = 14, CHECK_AT = 22 };
enum { TAG_LEN = 4, CLIENT_LEN = 6, GROUP_LEN = 2, SEQ_LEN = 8, CHECK_LEN = 4 };

#define POWER_2 UINT64_C(1296)
#define POWER_4 UINT64_C(1679616)
#define POWER_6 UINT64_C(2176782336)
#define POWER_8 UINT64_C(2821109907456)

struct lh_token_tag lh_token_tag(uint64_t run_id) {
  struct lh_token_tag tag;
  write_base36(tag.text, lh_rng_below(lh_rng_at(run_id, LH_RNG_TOKEN, 0, 0), POWER_4), TAG_LEN);
  return tag;
}

/* Four digits that every digit after the tag has a part in. A random change passes once in 1.7 million. */
static uint64_t check_of(struct lh_token token) {
  uint64_t z = token.seq * UINT64_C(0x9e3779b97f4a7c15) ^ ((uint64_t)token.group << 32 | token.client);
  z = (z ^ (z >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 32)) * UINT64_C(0x94d049bb133111eb);
  return lh_rng_below(z, POWER_4);
}

void lh_token_write(struct lh_token_tag tag, struct lh_token token, char out[LH_TOKEN_LEN]) {
  assert(token.client < POWER_6 && token.group < POWER_2 && token.seq < POWER_8);
  out[0] = 'l';
  out[1] = 'h';
  memcpy(out + TAG_AT, tag.text, TAG_LEN);
  write_base36(out + CLIENT_AT, token.client, CLIENT_LEN);
  write_base36(out + GROUP_AT, token.group, GROUP_LEN);
  write_base36(out + SEQ_AT, token.seq, SEQ_LEN);
  write_base36(out + CHECK_AT, check_of(token), CHECK_LEN);
}

/* Whether these LH_TOKEN_LEN bytes, whose beginning is known to be ours, are a whole token. */
static bool read_token(const char *at, struct lh_token *token) {
  uint64_t client = read_base36(at + CLIENT_AT, CLIENT_LEN), group = read_base36(at + GROUP_AT, GROUP_LEN);
  uint64_t seq = read_base36(at + SEQ_AT, SEQ_LEN);
  if (client == UINT64_MAX || group == UINT64_MAX || seq == UINT64_MAX) return false;
  struct lh_token read = {.client = (uint32_t)client, .group = (uint32_t)group, .seq = seq};
  if (read_base36(at + CHECK_AT, CHECK_LEN) != check_of(read)) return false;
  *token = read;
  return true;
}

long lh_token_find(struct lh_token_tag tag, const void *bytes, size_t len, struct lh_token *token) {
  char begin[TAG_AT + TAG_LEN] = {'l', 'h'};
  memcpy(begin + TAG_AT, tag.text, TAG_LEN);
  const char *at = bytes, *end = at + len;
  long result = -ENOENT;
  while (at < end && (at = memmem(at, (size_t)(end - at), begin, sizeof begin))) {
    if (end - at >= LH_TOKEN_LEN && read_token(at, token)) return at - (const char *)bytes;
    result = -EBADMSG;
    at++;
  }
  return result;
}
