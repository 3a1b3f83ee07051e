/* Looking into a model by dotted path; what is not there reads as null, 0 or "". */
#ifndef LONGHAUL_REPORT_LOOK_H
#define LONGHAUL_REPORT_LOOK_H

#include <stdbool.h>

#include <jansson.h>

const json_t *lh_look(const json_t *from, const char *path); /* borrowed; NULL when it is not there */
double lh_look_number(const json_t *from, const char *path);
const char *lh_look_text(const json_t *from, const char *path);
bool lh_look_is_null(const json_t *from, const char *path); /* null or not there */
bool lh_look_true(const json_t *from, const char *path);

#endif
