/*
 * Logs in a folder of a test's own, and a reader of CMTrace records that shares nothing with the
 * writer. For test_log.c and test_log_rollover.c.
 */
#ifndef TESTS_UNIT_LOG_READER_H
#define TESTS_UNIT_LOG_READER_H

#include "agent/log/log.h"

#include <stddef.h>
#include <stdint.h>

enum {
    READER_MESSAGE = 1,
    READER_TIME,
    READER_BIAS,
    READER_DATE,
    READER_COMPONENT,
    READER_TYPE,
    READER_THREAD,
    READER_SOURCE,
    READER_PARTS
};

struct reader_record {
    char *parts[READER_PARTS];
};

struct reader_records {
    struct reader_record *items;
    size_t count, cap;
};

/* The folder of the test that runs, a descriptor of it, and what its logs take for the time. */
extern char reader_folder[64];
extern int reader_dir;
extern int64_t reader_wall_ms;

/* cmocka's set-up and tear-down: an empty folder, TZ=UTC, 2023-05-09 07:30:15.769. */
int reader_set_up(void **state);
int reader_tear_down(void **state);

struct log *reader_open_log(int level, int64_t max_size, int history);

/* Adds all that the file holds, which must be whole records and nothing else. */
void reader_read(struct reader_records *records, const char *name);

/* Starts `records` with a file that must hold one record, and returns that. */
struct reader_record *reader_read_one(struct reader_records *records, const char *name);
void reader_free(struct reader_records *records);

/* Files whose name ends so; "" counts all. */
size_t reader_count_files(const char *ending);

/* Bytes, -1 where there is no such file. */
int64_t reader_size(const char *name);

#endif
