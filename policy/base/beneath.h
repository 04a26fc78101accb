/*
 * Files below a directory descriptor. Every path that holds a name from outside is opened here:
 * beneath the descriptor, following no symbolic link in any component (openat2, Linux 5.6).
 *
 * Paths are relative; "" or "." stand for the directory itself. System calls: openat2, mkdirat,
 * renameat2, linkat, unlinkat, fsync.
 */
#ifndef POLICY_BASE_BENEATH_H
#define POLICY_BASE_BENEATH_H

#include "policy/base/buf.h"
#include "policy/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; O_CLOEXEC is added.
   Returns -1 with errno set. */
int beneath_open(int dir, const char *path, int flags, mode_t mode);

/* Makes the directory and its missing parents; one that exists is fine. */
bool beneath_make_folders(int dir, const char *path, mode_t mode, struct error *err);

/* Opens the folder that holds `path`'s last component (O_PATH) and points *leaf into `path`.
   Returns -1 with errno set. */
int beneath_open_parent(int dir, const char *path, const char **leaf);

/* rename; `flags` are renameat2's (RENAME_EXCHANGE, RENAME_NOREPLACE). false with errno set. */
bool beneath_rename(int dir, const char *from, const char *to, unsigned flags);

/* Hard link. false with errno set. */
bool beneath_link(int dir, const char *from, const char *to);

/* Removes a file, or a whole folder with what is in it; absent is fine. */
bool beneath_remove(int dir, const char *path, struct error *err);

/* What an open descriptor holds into `out` (appended), at most `max` bytes: more is the error
   TOO_LARGE. Only regular files. `where` stands in messages; the descriptor stays open. */
bool beneath_read_open(int fd, const char *where, size_t max, struct buf *out, struct error *err);

/* A file that a person named, wherever it is, as beneath_read_open; what is wrong with it is bad
   input. `what` names it in messages: "the reply". */
bool beneath_read_named(const char *path, const char *what, size_t max, struct buf *out,
                        struct error *err);

/* Whole file into `out` (appended), as beneath_read_open. */
bool beneath_read(int dir, const char *path, size_t max, struct buf *out, struct error *err);

/* Replaces `path` durably and in one step: temporary file (.NAME.tmp) beside it, written, synced,
   renamed, folder synced. On failure the old file stands. Callers hold a lock: one writer at a
   time. What a killed one left is replaced by the next. */
bool beneath_replace(int dir, const char *path, const void *bytes, size_t len, mode_t mode,
                     struct error *err);

/* The same for a caller that syncs the disk itself, or does without. */
bool beneath_replace_unsynced(int dir, const char *path, const void *bytes, size_t len, mode_t mode,
                              struct error *err);

/* Writes all of it, continuing short writes and EINTR. false with errno set. */
bool beneath_write_all(int fd, const void *bytes, size_t len);
bool beneath_write_all_at(int fd, const void *bytes, size_t len, off_t offset);

#endif
