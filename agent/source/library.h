/*
 * A distribution point that is a content library on a path (library_read.h): its files are found by
 * their INI files, or by what policy says of their bytes, and read in pieces, one after the other;
 * the validator is the file's SHA-256.
 *
 * A path may hang (a share whose server is gone): everything is read on the thread for errands,
 * whose waiting stops nobody, and given up after `stall_ms`. A path that no signed policy names is
 * opened beneath its root without following links. System calls: those of library_read, pread.
 */
#ifndef AGENT_SOURCE_LIBRARY_H
#define AGENT_SOURCE_LIBRARY_H

#include "agent/source/source.h"

extern const struct source_kind library_source;

#endif
