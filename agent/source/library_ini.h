/* INI files of a content library. No system calls. */
#ifndef AGENT_SOURCE_LIBRARY_INI_H
#define AGENT_SOURCE_LIBRARY_INI_H

#include "policy/base/buf.h"

#include <stdbool.h>

/* Calls `row` for each key of each section, in order, with what stands behind its '=' ("" without
   one); it ends the reading with false. Of UTF-16 and Windows-1252 what is not ASCII comes as '?':
   nothing that counts holds any. The buffer is written to. false: `row` said so, or a NUL or a half
   character is in it. */
bool library_ini_each(struct buf *text,
                      bool (*row)(void *arg, const char *section, const char *key,
                                  const char *value),
                      void *arg);

#endif
