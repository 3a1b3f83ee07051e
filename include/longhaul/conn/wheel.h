/* A hierarchical timing wheel over a fixed array of timers: one timer for each client, and a few more.
 *
 * Glossary
 *   tick    2^LH_WHEEL_TICK_SHIFT ns; a timer fires at the first tick boundary at or past its due time, never early
 *   timer   a number 0 .. count-1; at most one due time each
 *
 * Arming, moving and cancelling are O(1); finding the next due time reads a bitmap for each level; 64 slots a level
 * (Varghese and Lauck, 1987, scheme 7). 16 bytes a timer. No one wakes up only to move timers from one level to the next: each
 * slot knows the earliest of its own.
 */
#ifndef LONGHAUL_CONN_WHEEL_H
#define LONGHAUL_CONN_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"

enum { LH_WHEEL_TICK_SHIFT = 17 }; /* 0.13 ms: what it adds to the lateness of a send is small beside a loop's other delays */

struct lh_wheel;

/* All timers start unarmed. start_ns: times before it count as due at once. */
int lh_wheel_new(struct lh_wheel **wheel, uint32_t count, uint64_t start_ns, struct lh_err *err);
void lh_wheel_free(struct lh_wheel *wheel);

/* Arms, or moves when armed. LH_NEVER cancels. */
void lh_wheel_set(struct lh_wheel *wheel, uint32_t timer, uint64_t due_ns);
/* The time of the next firing; an earlier one when its timer was moved or cancelled. LH_NEVER when empty. */
uint64_t lh_wheel_next_ns(const struct lh_wheel *wheel);
/* Takes one timer due at or before now_ns, or UINT32_MAX. It is unarmed then. Call until UINT32_MAX; timers armed
 * meanwhile for a time already past come out in the same turn only when `now_ns` moves on. */
uint32_t lh_wheel_pop(struct lh_wheel *wheel, uint64_t now_ns);
size_t lh_wheel_bytes(const struct lh_wheel *wheel);

#endif
