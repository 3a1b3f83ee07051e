/* Clocks. Only worker, live, run and cli read them; every other room gets time as a parameter.
 *
 * Glossary
 *   now_ns   nanoseconds of CLOCK_MONOTONIC: comparable between processes of one host, stops while it is suspended
 *   boot_ns  nanoseconds of CLOCK_BOOTTIME: as now_ns, but goes on while the machine is suspended
 *   wall_us  microseconds since 1970 UTC (CLOCK_REALTIME): for people, never for differences
 */
#ifndef LONGHAUL_BASE_CLOCK_H
#define LONGHAUL_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define LH_NS_PER_US UINT64_C(1000)
#define LH_NS_PER_MS UINT64_C(1000000)
#define LH_NS_PER_S UINT64_C(1000000000)
#define LH_NEVER UINT64_MAX /* a due time that does not come */

uint64_t lh_now_ns(void);
uint64_t lh_boot_ns(void);
int64_t lh_wall_us(void);

/* Writes RFC 3339 in UTC with milliseconds, "2026-11-22T20:03:28.123Z" (25 bytes with the NUL), into out; returns out. */
char *lh_format_utc(int64_t wall_us, char *out, size_t size);

#endif
