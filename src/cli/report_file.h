/* Reports of a run file to files: which format a name asks for, and the writing. */
#ifndef LH_CLI_REPORT_FILE_H
#define LH_CLI_REPORT_FILE_H

#include "cli/cli.h"
#include "longhaul/report/report.h"

enum { LH_REPORT_FILE_BYTES_MAX = 256 << 20 };

/* html, md, json, txt, csv, xml (JUnit) and hlog by the ending of the name; -EINVAL with a sentence. */
int lh_report_file_format(const char *path, enum lh_report_format *format, struct lh_err *err);
/* Renders to a file ("-": stdout). */
int lh_report_file_write(const json_t *model, enum lh_report_format format, const char *path, struct lh_err *err);

#endif
