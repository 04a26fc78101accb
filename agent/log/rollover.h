/* What becomes of a full log. log.c's own; the caller holds the file's lock. */
#ifndef AGENT_LOG_ROLLOVER_H
#define AGENT_LOG_ROLLOVER_H

#include <stdbool.h>

/*
 * Takes NAME.log of the folder `dir` away, so that the next one can be made (LogMaxHistory):
 * 0: it is removed;
 * 1: it becomes NAME.lo_, in the place of the one before;
 * N: as 1, but the NAME.lo_ before gets the time of its last record into its name
 *    (CAS-20230510-082249.log), and the newest N-1 of these are kept.
 * false with errno set where it still stands.
 */
bool rollover(int dir, const char *name, int history);

#endif
