#include "longhaul/base/rng.h"

static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t lh_rng_at(uint64_t seed, enum lh_rng_stream stream, uint64_t a, uint64_t b) {
  const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
  uint64_t z = mix(seed + step);
  z = mix(z + step * ((uint64_t)stream + 1));
  z = mix(z ^ (a + step));
  return mix(z ^ (b * step + 1));
}

double lh_rng_unit(uint64_t word) {
  return (double)(word >> 11) * 0x1p-53;
}

uint64_t lh_rng_below(uint64_t word, uint64_t n) {
  return (uint64_t)(((unsigned __int128)word * n) >> 64);
}
