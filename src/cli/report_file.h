/* Reports of a run file to files: which format a name asks for, and the writing. */
#ifndef LH_CLI_REPORT_FILE_H
#define LH_CLI_REPORT_FILE_H

#include "cli/cli.h"
#include "longhaul/report/report.h"

/* Rows of the option table of every command that lh_report_file_choose serves. `formats`: parted by spaces. */
#define LH_REPORT_FILE_OPTIONS(formats, format_help)                                                                           \
  {.name = "format", .letter = 'f', .argument = "FORMAT", .complete = LH_COMPLETE_WORDS, .words = (formats), .help = (format_help)}, \
      {.name = "json", .help = "the same as --format json"}, {                                                                 \
    .name = "output", .letter = 'o', .argument = "FILE", .complete = LH_COMPLETE_FILE,                                         \
    .help = "where to write (default -: standard output)"                                                                      \
  }

enum { LH_REPORT_FILE_BYTES_MAX = 256 << 20 };

/* html, md, json, txt, csv, xml (JUnit) and hlog by the ending of the name; -EINVAL with a sentence. */
int lh_report_file_format(const char *path, enum lh_report_format *format, struct lh_err *err);
/* The format that --format or --json names, else the one that the ending of `output` tells, text for "-". `known`: what this command writes,
 * for the sentence. 0, or an exit code after a sentence. */
int lh_report_file_choose(const struct lh_cli_args *args, const char *output, const char *known, enum lh_report_format *format);
/* Text rendered for `path` goes there in colour when it is a terminal. */
bool lh_report_file_color(const char *path, enum lh_report_format format);
/* Renders to a file ("-": stdout). */
int lh_report_file_write(const json_t *model, enum lh_report_format format, const char *path, struct lh_err *err);

#endif
