/* Files of logs: rollover, histories, what must not be written to, several processes at one file.
 */
#include "policy/base/limits.h"
#include "tests/unit/log_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void write_numbered(struct log *log, int writer, int count)
{
    for (int i = 0; i < count; i++)
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "writer %d record %d", writer, i);
}

/* Reads CAS.log and all its histories. */
static void read_all(struct reader_records *records)
{
    *records = (struct reader_records){0};
    DIR *files = opendir(reader_folder);
    struct dirent *entry;
    while ((entry = readdir(files)))
        if (entry->d_name[0] != '.')
            reader_read(records, entry->d_name);
    closedir(files);
}

static int number_of(const struct reader_record *record)
{
    int writer, number;
    assert_int_equal(sscanf(record->parts[READER_MESSAGE], "writer %d record %d", &writer, &number),
                     2);
    return number;
}

static void test_a_full_log_becomes_lo_(void **state)
{
    (void)state;
    struct reader_records now, before;
    struct log *log = reader_open_log(1, 10000, 1);
    write_numbered(log, 0, 500);
    log_close(log);
    assert_int_equal(reader_count_files(""), 2);
    assert_in_range(reader_size("CAS.log"), 1, 10000);
    assert_in_range(reader_size("CAS.lo_"), 9700, 10000);
    now = before = (struct reader_records){0};
    reader_read(&now, "CAS.log");
    reader_read(&before, "CAS.lo_");
    assert_int_equal(number_of(&now.items[now.count - 1]), 499);
    assert_int_equal(number_of(&now.items[0]), number_of(&before.items[before.count - 1]) + 1);
    reader_free(&now);
    reader_free(&before);
}

static void test_a_log_holds_at_least_10000_bytes(void **state)
{
    (void)state;
    struct log *log = reader_open_log(1, 1, 1);
    write_numbered(log, 0, 100);
    log_close(log);
    assert_in_range(reader_size("CAS.lo_"), 9700, 10000);
}

/* Broken marks make it larger than a whole log may be. */
static void test_a_record_larger_than_a_log(void **state)
{
    (void)state;
    char message[LIMIT_LOG_MESSAGE + 1] = "";
    struct reader_records records = {0};
    while (strlen(message) + 7 < sizeof message)
        memcpy(message + strlen(message), "]LOG]!>", 8);
    struct log *log = reader_open_log(1, 10000, 1);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%s", message);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "next");
    assert_int_equal(log_lost(log), 0);
    log_close(log);
    assert_true(reader_size("CAS.lo_") > 10000);
    reader_read(&records, "CAS.lo_");
    reader_read(&records, "CAS.log");
    assert_int_equal(records.count, 2);
    reader_free(&records);
}

static void test_histories(void **state)
{
    (void)state;
    static const struct {
        int history;
        size_t old, dated; /* how many .lo_, how many with a date */
    } rows[] = {{0, 0, 0}, {1, 1, 0}, {2, 1, 1}, {4, 1, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reader_records records;
        struct log *log = reader_open_log(1, 10000, rows[i].history);
        write_numbered(log, 0, 1000);
        assert_int_equal(log_lost(log), 0);
        log_close(log);
        assert_int_equal(reader_count_files(".lo_"), rows[i].old);
        assert_int_equal(reader_count_files(".log"), 1 + rows[i].dated);
        /* What is kept is the end without a gap. */
        read_all(&records);
        bool seen[1000] = {false};
        for (size_t at = 0; at < records.count; at++)
            seen[number_of(&records.items[at])] = true;
        for (size_t at = 1000 - records.count; at < 1000; at++)
            assert_true(seen[at]);
        reader_free(&records);
        reader_tear_down(NULL);
        reader_set_up(NULL);
    }
}

static void test_dated_names_tell_the_last_record(void **state)
{
    (void)state;
    static const struct timespec times[2] = {{.tv_sec = 1683706969}, {.tv_sec = 1683706969}};
    setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1); /* New York */
    struct log *log = reader_open_log(1, 10000, 3);
    write_numbered(log, 0, 100);
    assert_int_equal(utimensat(reader_dir, "CAS.lo_", times, 0), 0);
    write_numbered(log, 0, 60);
    assert_true(reader_size("CAS-20230510-042249.log") > 0);
    /* A second file of the same second takes the next that is free. */
    assert_int_equal(utimensat(reader_dir, "CAS.lo_", times, 0), 0);
    write_numbered(log, 0, 60);
    assert_true(reader_size("CAS-20230510-042250.log") > 0);
    log_close(log);
}

static void test_only_dated_names_are_removed(void **state)
{
    (void)state;
    static const char *const others[] = {"CAS-20230510-0822.log", "CAS-mine.log",
                                         "CAS-20230510-082249.log.gz", "CASX-20230510-082249.log"};
    for (size_t i = 0; i < 4; i++)
        close(openat(reader_dir, others[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    close(openat(reader_dir, "CAS-20230510-082249.log", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    static const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(reader_dir, "CAS-20230510-082249.log", old, 0), 0);
    struct log *log = reader_open_log(1, 10000, 2);
    write_numbered(log, 0, 300);
    log_close(log);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(reader_size(others[i]), 0);
    assert_int_equal(reader_size("CAS-20230510-082249.log"), -1);
}

static void test_a_log_that_was_moved_is_made_anew(void **state)
{
    (void)state;
    struct reader_records records;
    struct log *log = reader_open_log(1, 250000, 1);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "one");
    assert_int_equal(renameat(reader_dir, "CAS.log", reader_dir, "CAS.log.1"), 0);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "two");
    assert_int_equal(unlinkat(reader_dir, "CAS.log", 0), 0);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "three");
    log_close(log);
    assert_string_equal(reader_read_one(&records, "CAS.log.1")->parts[READER_MESSAGE], "one");
    reader_free(&records);
    assert_string_equal(reader_read_one(&records, "CAS.log")->parts[READER_MESSAGE], "three");
    reader_free(&records);
}

static void test_what_is_no_file_is_left_alone(void **state)
{
    (void)state;
    struct log *log = reader_open_log(1, 250000, 1);
    assert_int_equal(mkfifoat(reader_dir, "CAS.log", 0644), 0);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "hello");
    assert_int_equal(log_lost(log), 1);
    assert_int_equal(mkdirat(reader_dir, "LocationServices.log", 0755), 0);
    log_write(log, LOG_LOCATION_SERVICES, LOG_INFO, LOG_AT, "hello");
    assert_int_equal(log_lost(log), 2);
    close(openat(reader_dir, "victim", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    assert_int_equal(symlinkat("victim", reader_dir, "DataTransferService.log"), 0);
    log_write(log, LOG_DATA_TRANSFER_SERVICE, LOG_INFO, LOG_AT, "hello");
    assert_int_equal(log_lost(log), 3);
    assert_int_equal(reader_size("victim"), 0);
    /* A FIFO with a reader opens, and is no log all the same. */
    int reader = openat(reader_dir, "CAS.log", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "hello");
    assert_int_equal(log_lost(log), 4);
    close(reader);
    log_close(log);
}

static void test_nobody_writes_to_no_log(void **state)
{
    (void)state;
    log_write(NULL, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "hello");
    assert_int_equal(log_lost(NULL), 0);
    log_close(NULL);
}

static void test_a_folder_that_cannot_be_made(void **state)
{
    (void)state;
    char path[96];
    struct log_options options = {.level = 1, .max_size = 10000};
    struct error err = {0};
    close(openat(reader_dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    snprintf(path, sizeof path, "%s/file/logs", reader_folder);
    assert_null(log_open(path, &options, &err));
    assert_string_equal(err.where, path);
    snprintf(path, sizeof path, "%s/logs", reader_folder);
    struct log *log = log_open(path, &options, &err);
    assert_non_null(log);
    log_close(log);
}

/* ---- several at once ---- */

enum { WRITERS = 4, RECORDS = 2000 };

/* Every record of every writer is there once. */
static void check_none_lost(void)
{
    struct reader_records records;
    static unsigned char seen[WRITERS][RECORDS];
    memset(seen, 0, sizeof seen);
    read_all(&records);
    for (size_t i = 0; i < records.count; i++) {
        int writer, number;
        assert_int_equal(
            sscanf(records.items[i].parts[READER_MESSAGE], "writer %d record %d", &writer, &number),
            2);
        seen[writer][number]++;
    }
    for (int writer = 0; writer < WRITERS; writer++)
        for (int number = 0; number < RECORDS; number++)
            if (seen[writer][number] != 1)
                fail_msg("writer %d record %d: %d times", writer, number, seen[writer][number]);
    reader_free(&records);
}

static void test_processes_lose_no_record(void **state)
{
    (void)state;
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct log *log = reader_open_log(1, 10000, 1000);
            write_numbered(log, i, RECORDS);
            _exit(log_lost(log) == 0 ? 0 : 1);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    check_none_lost();
    assert_true(reader_count_files("") > 50);
}

struct writer {
    struct log *log;
    int number;
    pthread_t thread;
};

static void *run_writer(void *arg)
{
    const struct writer *writer = arg;
    write_numbered(writer->log, writer->number, RECORDS);
    return NULL;
}

static void test_threads_lose_no_record(void **state)
{
    (void)state;
    struct writer writers[WRITERS];
    struct log *log = reader_open_log(1, 10000, 1000);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.log = log, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, run_writer, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    assert_int_equal(log_lost(log), 0);
    log_close(log);
    check_none_lost();
}

/* A process that was stopped while it held the lock stops nobody else, and is not rolled over. */
static void test_a_lock_that_is_held_stops_nobody(void **state)
{
    (void)state;
    struct reader_records records;
    struct timespec begun, ended;
    struct log *log = reader_open_log(1, 10000, 1);
    write_numbered(log, 0, 1);
    int other = openat(reader_dir, "CAS.log", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(other, LOCK_EX), 0);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%01000d", 0);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_in_range(ended.tv_sec - begun.tv_sec, 0, 3);
    for (int i = 0; i < 10; i++)
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%01000d", 0);
    assert_true(reader_size("CAS.log") > 10000);
    assert_int_equal(reader_size("CAS.lo_"), -1);
    close(other);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "free");
    assert_true(reader_size("CAS.lo_") > 10000);
    assert_string_equal(reader_read_one(&records, "CAS.log")->parts[READER_MESSAGE], "free");
    reader_free(&records);
    log_close(log);
}

/* Where the disk ends within a record, none of it stays. */
static void test_a_full_disk_leaves_no_half_record(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {5000, 5000};
        signal(SIGXFSZ, SIG_IGN);
        struct log *log = reader_open_log(1, 250000, 1);
        setrlimit(RLIMIT_FSIZE, &limit);
        write_numbered(log, 0, 100);
        _exit(log_lost(log) > 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct reader_records records = {0};
    reader_read(&records, "CAS.log");
    assert_in_range(reader_size("CAS.log"), 4700, 5000);
    assert_int_equal(number_of(&records.items[records.count - 1]), records.count - 1);
    reader_free(&records);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, reader_set_up, reader_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_full_log_becomes_lo_),
        TEST(test_a_log_holds_at_least_10000_bytes),
        TEST(test_a_record_larger_than_a_log),
        TEST(test_histories),
        TEST(test_dated_names_tell_the_last_record),
        TEST(test_only_dated_names_are_removed),
        TEST(test_a_log_that_was_moved_is_made_anew),
        TEST(test_what_is_no_file_is_left_alone),
        TEST(test_nobody_writes_to_no_log),
        TEST(test_a_folder_that_cannot_be_made),
        TEST(test_processes_lose_no_record),
        TEST(test_threads_lose_no_record),
        TEST(test_a_lock_that_is_held_stops_nobody),
        TEST(test_a_full_disk_leaves_no_half_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
