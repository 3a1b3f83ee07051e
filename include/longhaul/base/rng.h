/* Random numbers that follow from a seed and a position, so that no client needs a generator of its own.
 *
 * lh_rng_at is counter-based: the same (seed, stream, a, b) gives the same number on every machine, in any order.
 * Mixing: SplitMix64's finaliser (Steele, Lea, Flood 2014), chained over the words.
 */
#ifndef LONGHAUL_BASE_RNG_H
#define LONGHAUL_BASE_RNG_H

#include <stdint.h>

/* What a number is for; keeps the streams of one seed apart. Append only: the order is part of what a seed means. */
enum lh_rng_stream {
  LH_RNG_JITTER,   /* message jitter */
  LH_RNG_BACKOFF,  /* reconnect backoff */
  LH_RNG_LIFETIME, /* planned lifetime */
  LH_RNG_PAYLOAD,  /* ${rand}, ${uuid}, fill bytes */
  LH_RNG_PING,     /* ping phase */
  LH_RNG_ACTION,   /* which clients a disturbance takes */
  LH_RNG_DATA,     /* feeder order */
  LH_RNG_SIM,      /* simulations and tests */
  LH_RNG_TOKEN,    /* the tag that marks a run's tokens */
  LH_RNG_LOGIN     /* how much sooner than asked a login is refreshed */
};

uint64_t lh_rng_at(uint64_t seed, enum lh_rng_stream stream, uint64_t a, uint64_t b);

/* Maps a random word to [0, 1) with 53 bits. */
double lh_rng_unit(uint64_t word);
/* Maps a random word to [0, n); n > 0. Multiply-shift: bias below n / 2^64. */
uint64_t lh_rng_below(uint64_t word, uint64_t n);

#endif
