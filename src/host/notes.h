/* Settings that cap nothing, but colour a run. Private to the ladder. */
#ifndef LONGHAUL_SRC_HOST_NOTES_H
#define LONGHAUL_SRC_HOST_NOTES_H

#include "host/judge.h"

void lh_ladder_add_notes(struct lh_ladder *ladder, const struct lh_maker *maker);

#endif
