/* The objectives of a run, read back from the config text of its run file. */
#ifndef LONGHAUL_REPORT_OBJECTIVES_H
#define LONGHAUL_REPORT_OBJECTIVES_H

#include "longhaul/config/config.h"
#include "longhaul/store/reader.h"

/* A config whose `slo` is the run's and whose rest says nothing; free with lh_config_free. 0 (and NULL when the run had no
 * objective), -ENOMEM, or -EINVAL and an owned sentence in *note when this version cannot read them. */
int lh_objectives_read(const struct lh_reader *reader, struct lh_config **config, char **note);

#endif
