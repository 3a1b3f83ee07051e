/* Whether the jitter of the backoff spread the attempts of a storm. */
#ifndef LONGHAUL_SRC_ANALYSIS_SPREAD_H
#define LONGHAUL_SRC_ANALYSIS_SPREAD_H

#include "longhaul/analysis/analysis.h"

/* The peak of attempts a second that the drops and failures of the storm would have led to with waits drawn evenly between
 * nothing and the full wait of the policy. 0 when that is not known, or there is no memory for it. */
double lh_spread_peak_per_s(const struct lh_series *series, const struct lh_storm *storm);

#endif
