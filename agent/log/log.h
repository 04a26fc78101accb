/*
 * CMTrace entries: one line and one write a record, in the folder of logs, with ConfigMgr's
 * component names. Safe for several processes and threads at once; a forked child opens its own.
 * Knows nothing of content. Any room above may write; commands open.
 *
 *   <![LOG[message]LOG]!><time="HH:MM:SS.mmm+BIAS" date="MM-DD-YYYY" component="C" context=""
 *   type="N" thread="N" file="file.c:line">
 *
 * in UTF-8 without a byte order mark, with CRLF at its end (what the readers known to us take; how
 * a Windows client ends its lines is not public). A message is text_escape'd, and in "<![LOG[" and
 * "]LOG]!>" its '!' is written as \x21, as the escapes of text_escape are: nothing in it can end or
 * begin a record, and it can be read back.
 *
 * System calls: openat2, write, flock, fstatat, renameat2, unlinkat, ftruncate.
 */
#ifndef AGENT_LOG_LOG_H
#define AGENT_LOG_LOG_H

#include "policy/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum log_component {
    LOG_LOCATION_SERVICES,        /* LocationServices.log */
    LOG_CONTENT_ACCESS,           /* CAS.log */
    LOG_CONTENT_TRANSFER_MANAGER, /* ContentTransferManager.log */
    LOG_DATA_TRANSFER_SERVICE,    /* DataTransferService.log */
    LOG_POLICY_DOWNLOAD,          /* PolicyAgent.log */
    LOG_POLICY_EVALUATOR,         /* PolicyEvaluator.log */
    LOG_DISTRIBUTION_MANAGER,     /* DistMgr.log, of a site */
    LOG_OUTGOING_CONTENT_MANAGER, /* OutgoingContentManager.log, of a site */
    LOG_COMPONENT_COUNT,
};

/* CMTrace's type numbers. LOG_VERBOSE is written at level 0 only. */
enum log_severity { LOG_VERBOSE = 0, LOG_INFO = 1, LOG_WARNING = 2, LOG_ERROR = 3 };

struct log_options {
    int level;        /* LogLevel: 0 verbose, 1 default, 2 warnings and errors, 3 errors only */
    int64_t max_size; /* LogMaxSize: bytes, at least 10000 */
    int max_history;  /* LogMaxHistory: 1 keeps one .lo_; 0 none; N the .lo_ and N-1 dated files */
    int64_t (*wall)(void *arg); /* milliseconds since 1970; NULL: the system's clock */
    void *wall_arg;
};

struct log;

/* Makes the folder if it is missing, but not its parents. A NULL log is a fine argument to
   log_write: nothing is written. */
struct log *log_open(const char *folder, const struct log_options *options, struct error *err);
void log_close(struct log *log);

/* Writes one record. `source` is "file.c:line" (the LOG_AT macro gives it). Text is escaped and
   bounded (LIMIT_LOG_MESSAGE), so that nothing in it can forge or break a record. A record that
   cannot be written (disk full) is dropped; log_lost counts them. */
void log_write(struct log *log, enum log_component component, enum log_severity severity,
               const char *source, const char *format, ...) __attribute__((format(printf, 5, 6)));

uint64_t log_lost(const struct log *log);

#define LOG_TEXT_(x) #x
#define LOG_TEXT(x)  LOG_TEXT_(x)
#define LOG_AT       log_file_name(__FILE__ ":" LOG_TEXT(__LINE__))

/* "agent/transfer/job.c:12" → "job.c:12". */
const char *log_file_name(const char *path);

#endif
