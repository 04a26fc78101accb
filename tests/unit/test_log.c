/* CMTrace records as a reader of its own takes them: the grammar, time zones, hostile text, and
   several processes at one file. */
#include "agent/log/log.h"
#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
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

static char folder[64];
static int dir;
static int64_t wall_ms;
static regex_t grammar;

static int64_t fake_wall(void *arg)
{
    return *(int64_t *)arg;
}

static struct log *open_log(int level, int64_t max_size, int history)
{
    struct log_options options = {.level = level,
                                  .max_size = max_size,
                                  .max_history = history,
                                  .wall = fake_wall,
                                  .wall_arg = &wall_ms};
    struct error err = {0};
    struct log *log = log_open(folder, &options, &err);
    if (!log)
        fail_msg("%s", err.text);
    return log;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/nearpoint-log-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    wall_ms = 1683617415769; /* 2023-05-09 07:30:15.769 UTC */
    setenv("TZ", "UTC", 1);
    return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = beneath_remove(tmp, folder + strlen("/tmp/"), NULL);
    close(tmp);
    close(dir);
    return ok ? 0 : -1;
}

/* ---- a reader ---- */

/* What CMTrace scans for (its own pattern), a record a line. */
static const char pattern[] =
    "^<!\\[LOG\\[(.*)\\]LOG\\]!><time=\"([0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3})([-+][0-9]{3})\" "
    "date=\"([0-9]{2}-[0-9]{2}-[0-9]{4})\" component=\"([^\"]{1,100})\" context=\"\" "
    "type=\"([0-3])\" thread=\"([0-9]+)\" file=\"([^\"]{0,100})\">\r$";

enum { MESSAGE = 1, TIME, BIAS, DATE, COMPONENT, TYPE, THREAD, SOURCE, PARTS };

struct record {
    char *parts[PARTS];
};

struct records {
    struct record *items;
    size_t count, cap;
};

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

static void read_line(struct records *records, char *line)
{
    regmatch_t matches[PARTS];
    struct record record = {{NULL}};
    if (regexec(&grammar, line, PARTS, matches, 0) != 0 || count_of(line, "<![LOG[") != 1 ||
        count_of(line, "]LOG]!>") != 1)
        fail_msg("no record: %s", line);
    for (size_t i = 1; i < PARTS; i++)
        record.parts[i] =
            mem_copy_bytes(line + matches[i].rm_so, (size_t)(matches[i].rm_eo - matches[i].rm_so));
    records->items =
        mem_grow(records->items, &records->cap, records->count + 1, sizeof *records->items);
    records->items[records->count++] = record;
}

/* All that the file holds, which must be whole records and nothing else. */
static void read_log(struct records *records, const char *name)
{
    struct buf bytes = {0};
    assert_true(beneath_read(dir, name, (size_t)64 * MIB, &bytes, NULL));
    char *line = bytes.data;
    while (line && *line) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        read_line(records, line);
        line = end + 1;
    }
    buf_free(&bytes);
}

static void free_records(struct records *records)
{
    for (size_t i = 0; i < records->count; i++)
        for (size_t part = 1; part < PARTS; part++)
            free(records->items[i].parts[part]);
    free(records->items);
    *records = (struct records){0};
}

static struct record *read_one(struct records *records, const char *name)
{
    *records = (struct records){0};
    read_log(records, name);
    assert_int_equal(records->count, 1);
    return records->items;
}

static size_t count_files(const char *ending)
{
    size_t count = 0;
    DIR *files = opendir(folder);
    struct dirent *entry;
    while ((entry = readdir(files))) {
        size_t len = strlen(entry->d_name), tail = strlen(ending);
        count += entry->d_name[0] != '.' && len >= tail &&
                 strcmp(entry->d_name + len - tail, ending) == 0;
    }
    closedir(files);
    return count;
}

static int64_t size_of(const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, 0) == 0 ? st.st_size : -1;
}

/* ---- a record ---- */

static void test_a_record_to_the_letter(void **state)
{
    (void)state;
    char wanted[512];
    struct buf bytes = {0};
    struct log *log = open_log(1, 250000, 1);
    log_write(log, LOG_DATA_TRANSFER_SERVICE, LOG_WARNING, "job.c:12", "DTS job %s of %d", "{A}",
              7);
    log_close(log);
    snprintf(wanted, sizeof wanted,
             "<![LOG[DTS job {A} of 7]LOG]!><time=\"07:30:15.769+000\" date=\"05-09-2023\" "
             "component=\"DataTransferService\" context=\"\" type=\"2\" thread=\"%d\" "
             "file=\"job.c:12\">\r\n",
             (int)gettid());
    assert_true(beneath_read(dir, "DataTransferService.log", 1000, &bytes, NULL));
    assert_string_equal(bytes.data, wanted);
    buf_free(&bytes);
}

static void test_components_and_their_files(void **state)
{
    (void)state;
    static const struct {
        enum log_component component;
        const char *name, *file;
    } rows[] = {
        {LOG_LOCATION_SERVICES, "LocationServices", "LocationServices.log"},
        {LOG_CONTENT_ACCESS, "ContentAccess", "CAS.log"},
        {LOG_CONTENT_TRANSFER_MANAGER, "ContentTransferManager", "ContentTransferManager.log"},
        {LOG_DATA_TRANSFER_SERVICE, "DataTransferService", "DataTransferService.log"},
    };
    struct log *log = open_log(1, 250000, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct records records;
        log_write(log, rows[i].component, LOG_INFO, LOG_AT, "hello");
        struct record *record = read_one(&records, rows[i].file);
        assert_string_equal(record->parts[COMPONENT], rows[i].name);
        assert_int_equal(strncmp(record->parts[SOURCE], "test_log.c:", 11), 0);
        free_records(&records);
    }
    log_close(log);
}

static void test_levels(void **state)
{
    (void)state;
    static const size_t written[4][4] = {
        /* verbose, info, warning, error */
        {1, 1, 1, 1},
        {0, 1, 1, 1},
        {0, 0, 1, 1},
        {0, 0, 0, 1},
    };
    for (int level = 0; level < 4; level++)
        for (int severity = 0; severity < 4; severity++) {
            struct records records = {0};
            struct log *log = open_log(level, 250000, 1);
            log_write(log, LOG_CONTENT_ACCESS, (enum log_severity)severity, LOG_AT, "hello");
            if (written[level][severity])
                read_log(&records, "CAS.log");
            assert_int_equal(records.count, written[level][severity]);
            assert_int_equal(size_of("CAS.log") >= 0, written[level][severity]);
            if (records.count)
                assert_int_equal(atoi(records.items[0].parts[TYPE]), severity);
            free_records(&records);
            unlinkat(dir, "CAS.log", 0);
            log_close(log);
        }
}

/* Rules in full: the machine may have no table of zones. */
#define NEW_YORK   "EST5EDT,M3.2.0,M11.1.0"
#define SHANGHAI   "CST-8"
#define KOLKATA    "IST-5:30"
#define BERLIN     "CET-1CEST,M3.5.0,M10.5.0/3"
#define ST_JOHNS   "NST3:30NDT,M3.2.0,M11.1.0"
#define KIRITIMATI "<+14>-14"

/* The bias is minutes to add to local time to get UTC; the biases of the first row and of
   Shanghai's stand in records of real clients. */
static void test_time_zones(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int64_t wall;
        const char *time, *bias, *date;
    } rows[] = {
        {NEW_YORK, 1563169228864, "01:40:28.864", "+240", "07-15-2019"},
        {NEW_YORK, 1547530828864, "00:40:28.864", "+300", "01-15-2019"},
        {SHANGHAI, 1683617415759, "15:30:15.759", "-480", "05-09-2023"},
        {KOLKATA, 1683617415759, "13:00:15.759", "-330", "05-09-2023"},
        {"UTC", 1683617415759, "07:30:15.759", "+000", "05-09-2023"},
        {BERLIN, 1700000000001, "23:13:20.001", "-060", "11-14-2023"},
        {BERLIN, 1690000000010, "06:26:40.010", "-120", "07-22-2023"},
        {ST_JOHNS, 1690000000010, "01:56:40.010", "+150", "07-22-2023"},
        {KIRITIMATI, 1683617415759, "21:30:15.759", "-840", "05-09-2023"},
        {KIRITIMATI, 1683633615759, "02:00:15.759", "-840", "05-10-2023"},
        /* The last and the first second around the end of summer time. */
        {NEW_YORK, 1572760799999, "01:59:59.999", "+240", "11-03-2019"},
        {NEW_YORK, 1572760800000, "01:00:00.000", "+300", "11-03-2019"},
        {"UTC", 2147483648000, "03:14:08.000", "+000", "01-19-2038"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct records records;
        setenv("TZ", rows[i].zone, 1);
        wall_ms = rows[i].wall;
        struct log *log = open_log(1, 250000, 1);
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "hello");
        log_close(log);
        struct record *record = read_one(&records, "CAS.log");
        assert_string_equal(record->parts[TIME], rows[i].time);
        assert_string_equal(record->parts[BIAS], rows[i].bias);
        assert_string_equal(record->parts[DATE], rows[i].date);
        free_records(&records);
        unlinkat(dir, "CAS.log", 0);
    }
}

/* ---- hostile text ---- */

static void test_messages_that_would_forge(void **state)
{
    (void)state;
    static const struct {
        const char *message, *written;
    } rows[] = {
        {"plain ! [LOG] text", "plain ! [LOG] text"},
        {"a]LOG]!>b", "a]LOG]\\x21>b"},
        {"a]LOG] !>b", "a]LOG] !>b"},
        {"<![LOG[b", "<\\x21[LOG[b"},
        {"<! [LOG[b", "<! [LOG[b"},
        {"]LOG]!>]LOG]!>", "]LOG]\\x21>]LOG]\\x21>"},
        {"]LOG]!]LOG]!>x", "]LOG]!]LOG]\\x21>x"},
        {"]LOG]!", "]LOG]!"},
        {"]LOG]", "]LOG]"},
        {"<!", "<!"},
        {"!", "!"},
        {"", ""},
        {"two\nlines\r\n", "two\\x0Alines\\x0D\\x0A"},
        {"]LOG]!><time=\"00:00:00.000+000\" date=\"01-01-2000\" component=\"x\" context=\"\" "
         "type=\"3\" thread=\"1\" file=\"\">\r\n<![LOG[forged",
         "]LOG]\\x21><time=\"00:00:00.000+000\" date=\"01-01-2000\" component=\"x\" context=\"\" "
         "type=\"3\" thread=\"1\" file=\"\">\\x0D\\x0A<\\x21[LOG[forged"},
        {"\x1B[2Jcleared", "\\x1B[2Jcleared"},
        {"\xFFno UTF-8\xC3", "\\xFFno UTF-8\\xC3"},
        {"M\xC3\xBCnchen", "M\xC3\xBCnchen"},
        {"right\xE2\x80\xAEtfel", "right\\u{202E}tfel"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct records records;
        struct log *log = open_log(1, 250000, 1);
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%s", rows[i].message);
        log_close(log);
        assert_string_equal(read_one(&records, "CAS.log")->parts[MESSAGE], rows[i].written);
        free_records(&records);
        unlinkat(dir, "CAS.log", 0);
    }
}

static void test_long_messages_are_cut_visibly(void **state)
{
    (void)state;
    static const struct {
        size_t len, written;
    } rows[] = {
        {LIMIT_LOG_MESSAGE - 1, LIMIT_LOG_MESSAGE - 1},
        {LIMIT_LOG_MESSAGE, LIMIT_LOG_MESSAGE},
        {LIMIT_LOG_MESSAGE + 1, LIMIT_LOG_MESSAGE + 3},
        {LIMIT_LOG_MESSAGE * 100, LIMIT_LOG_MESSAGE + 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct records records;
        char *message = mem_zero(rows[i].len + 1, 1);
        memset(message, 'x', rows[i].len);
        struct log *log = open_log(1, 250000, 1);
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%s", message);
        log_close(log);
        const char *written = read_one(&records, "CAS.log")->parts[MESSAGE];
        bool is_cut = rows[i].len > LIMIT_LOG_MESSAGE;
        assert_int_equal(strlen(written), rows[i].written);
        assert_string_equal(written + strlen(written) - 3, is_cut ? "..." : "xxx");
        free(message);
        free_records(&records);
        unlinkat(dir, "CAS.log", 0);
    }
}

static void test_a_source_is_short_and_plain(void **state)
{
    (void)state;
    char longest[LIMIT_LOG_COMPONENT + 1], longer[500];
    memset(longest, 'f', sizeof longest - 1);
    memset(longer, 'f', sizeof longer - 1);
    longest[sizeof longest - 1] = longer[sizeof longer - 1] = '\0';
    const struct {
        const char *source, *written;
    } rows[] = {
        {"job.c:12", "job.c:12"}, {"a\" b=\"", "a__b=_"}, {"a\n<b>", "a__b_"}, {"", ""},
        {longer, longest},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct records records;
        struct log *log = open_log(1, 250000, 1);
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, rows[i].source, "hello");
        log_close(log);
        assert_string_equal(read_one(&records, "CAS.log")->parts[SOURCE], rows[i].written);
        free_records(&records);
        unlinkat(dir, "CAS.log", 0);
    }
}

/* ---- files ---- */

static void write_numbered(struct log *log, int writer, int count)
{
    for (int i = 0; i < count; i++)
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "writer %d record %d", writer, i);
}

/* Reads CAS.log and all its histories. */
static void read_all(struct records *records)
{
    *records = (struct records){0};
    DIR *files = opendir(folder);
    struct dirent *entry;
    while ((entry = readdir(files)))
        if (entry->d_name[0] != '.')
            read_log(records, entry->d_name);
    closedir(files);
}

static int number_of(const struct record *record)
{
    int writer, number;
    assert_int_equal(sscanf(record->parts[MESSAGE], "writer %d record %d", &writer, &number), 2);
    return number;
}

static void test_a_full_log_becomes_lo_(void **state)
{
    (void)state;
    struct records now, before;
    struct log *log = open_log(1, 10000, 1);
    write_numbered(log, 0, 500);
    log_close(log);
    assert_int_equal(count_files(""), 2);
    assert_in_range(size_of("CAS.log"), 1, 10000);
    assert_in_range(size_of("CAS.lo_"), 9700, 10000);
    now = before = (struct records){0};
    read_log(&now, "CAS.log");
    read_log(&before, "CAS.lo_");
    assert_int_equal(number_of(&now.items[now.count - 1]), 499);
    assert_int_equal(number_of(&now.items[0]), number_of(&before.items[before.count - 1]) + 1);
    free_records(&now);
    free_records(&before);
}

static void test_a_log_holds_at_least_10000_bytes(void **state)
{
    (void)state;
    struct log *log = open_log(1, 1, 1);
    write_numbered(log, 0, 100);
    log_close(log);
    assert_in_range(size_of("CAS.lo_"), 9700, 10000);
}

/* Broken marks make it larger than a whole log may be. */
static void test_a_record_larger_than_a_log(void **state)
{
    (void)state;
    char message[LIMIT_LOG_MESSAGE + 1] = "";
    struct records records = {0};
    while (strlen(message) + 7 < sizeof message)
        memcpy(message + strlen(message), "]LOG]!>", 8);
    struct log *log = open_log(1, 10000, 1);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%s", message);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "next");
    assert_int_equal(log_lost(log), 0);
    log_close(log);
    assert_true(size_of("CAS.lo_") > 10000);
    read_log(&records, "CAS.lo_");
    read_log(&records, "CAS.log");
    assert_int_equal(records.count, 2);
    free_records(&records);
}

static void test_histories(void **state)
{
    (void)state;
    static const struct {
        int history;
        size_t old, dated; /* how many .lo_, how many with a date */
    } rows[] = {{0, 0, 0}, {1, 1, 0}, {2, 1, 1}, {4, 1, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct records records;
        struct log *log = open_log(1, 10000, rows[i].history);
        write_numbered(log, 0, 1000);
        assert_int_equal(log_lost(log), 0);
        log_close(log);
        assert_int_equal(count_files(".lo_"), rows[i].old);
        assert_int_equal(count_files(".log"), 1 + rows[i].dated);
        /* What is kept is the end without a gap. */
        read_all(&records);
        bool seen[1000] = {false};
        for (size_t at = 0; at < records.count; at++)
            seen[number_of(&records.items[at])] = true;
        for (size_t at = 1000 - records.count; at < 1000; at++)
            assert_true(seen[at]);
        free_records(&records);
        tear_down(NULL);
        set_up(NULL);
    }
}

static void test_dated_names_tell_the_last_record(void **state)
{
    (void)state;
    static const struct timespec times[2] = {{.tv_sec = 1683706969}, {.tv_sec = 1683706969}};
    setenv("TZ", NEW_YORK, 1);
    struct log *log = open_log(1, 10000, 3);
    write_numbered(log, 0, 100);
    assert_int_equal(utimensat(dir, "CAS.lo_", times, 0), 0);
    write_numbered(log, 0, 60);
    assert_true(size_of("CAS-20230510-042249.log") > 0);
    /* A second file of the same second takes the next that is free. */
    assert_int_equal(utimensat(dir, "CAS.lo_", times, 0), 0);
    write_numbered(log, 0, 60);
    assert_true(size_of("CAS-20230510-042250.log") > 0);
    log_close(log);
}

static void test_only_dated_names_are_removed(void **state)
{
    (void)state;
    static const char *const others[] = {"CAS-20230510-0822.log", "CAS-mine.log",
                                         "CAS-20230510-082249.log.gz", "CASX-20230510-082249.log"};
    for (size_t i = 0; i < 4; i++)
        close(openat(dir, others[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    close(openat(dir, "CAS-20230510-082249.log", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    static const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(dir, "CAS-20230510-082249.log", old, 0), 0);
    struct log *log = open_log(1, 10000, 2);
    write_numbered(log, 0, 300);
    log_close(log);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(size_of(others[i]), 0);
    assert_int_equal(size_of("CAS-20230510-082249.log"), -1);
}

static void test_a_log_that_was_moved_is_made_anew(void **state)
{
    (void)state;
    struct records records;
    struct log *log = open_log(1, 250000, 1);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "one");
    assert_int_equal(renameat(dir, "CAS.log", dir, "CAS.log.1"), 0);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "two");
    assert_int_equal(unlinkat(dir, "CAS.log", 0), 0);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "three");
    log_close(log);
    assert_string_equal(read_one(&records, "CAS.log.1")->parts[MESSAGE], "one");
    free_records(&records);
    assert_string_equal(read_one(&records, "CAS.log")->parts[MESSAGE], "three");
    free_records(&records);
}

static void test_what_is_no_file_is_left_alone(void **state)
{
    (void)state;
    struct log *log = open_log(1, 250000, 1);
    assert_int_equal(mkfifoat(dir, "CAS.log", 0644), 0);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "hello");
    assert_int_equal(log_lost(log), 1);
    assert_int_equal(mkdirat(dir, "LocationServices.log", 0755), 0);
    log_write(log, LOG_LOCATION_SERVICES, LOG_INFO, LOG_AT, "hello");
    assert_int_equal(log_lost(log), 2);
    close(openat(dir, "victim", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    assert_int_equal(symlinkat("victim", dir, "DataTransferService.log"), 0);
    log_write(log, LOG_DATA_TRANSFER_SERVICE, LOG_INFO, LOG_AT, "hello");
    assert_int_equal(log_lost(log), 3);
    assert_int_equal(size_of("victim"), 0);
    /* A FIFO with a reader opens, and is no log all the same. */
    int reader = openat(dir, "CAS.log", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
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
    close(openat(dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    snprintf(path, sizeof path, "%s/file/logs", folder);
    assert_null(log_open(path, &options, &err));
    assert_string_equal(err.where, path);
    snprintf(path, sizeof path, "%s/logs", folder);
    struct log *log = log_open(path, &options, &err);
    assert_non_null(log);
    log_close(log);
}

/* ---- several at once ---- */

enum { WRITERS = 4, RECORDS = 2000 };

/* Every record of every writer is there once. */
static void check_none_lost(void)
{
    struct records records;
    static unsigned char seen[WRITERS][RECORDS];
    memset(seen, 0, sizeof seen);
    read_all(&records);
    for (size_t i = 0; i < records.count; i++) {
        int writer, number;
        assert_int_equal(
            sscanf(records.items[i].parts[MESSAGE], "writer %d record %d", &writer, &number), 2);
        seen[writer][number]++;
    }
    for (int writer = 0; writer < WRITERS; writer++)
        for (int number = 0; number < RECORDS; number++)
            if (seen[writer][number] != 1)
                fail_msg("writer %d record %d: %d times", writer, number, seen[writer][number]);
    free_records(&records);
}

static void test_processes_lose_no_record(void **state)
{
    (void)state;
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct log *log = open_log(1, 10000, 1000);
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
    assert_true(count_files("") > 50);
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
    struct log *log = open_log(1, 10000, 1000);
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
    struct records records;
    struct timespec begun, ended;
    struct log *log = open_log(1, 10000, 1);
    write_numbered(log, 0, 1);
    int other = openat(dir, "CAS.log", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(other, LOCK_EX), 0);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%01000d", 0);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_in_range(ended.tv_sec - begun.tv_sec, 0, 3);
    for (int i = 0; i < 10; i++)
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%01000d", 0);
    assert_true(size_of("CAS.log") > 10000);
    assert_int_equal(size_of("CAS.lo_"), -1);
    close(other);
    log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "free");
    assert_true(size_of("CAS.lo_") > 10000);
    assert_string_equal(read_one(&records, "CAS.log")->parts[MESSAGE], "free");
    free_records(&records);
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
        struct log *log = open_log(1, 250000, 1);
        setrlimit(RLIMIT_FSIZE, &limit);
        write_numbered(log, 0, 100);
        _exit(log_lost(log) > 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct records records = {0};
    read_log(&records, "CAS.log");
    assert_in_range(size_of("CAS.log"), 4700, 4999);
    assert_int_equal(number_of(&records.items[records.count - 1]), records.count - 1);
    free_records(&records);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_record_to_the_letter),
        TEST(test_components_and_their_files),
        TEST(test_levels),
        TEST(test_time_zones),
        TEST(test_messages_that_would_forge),
        TEST(test_long_messages_are_cut_visibly),
        TEST(test_a_source_is_short_and_plain),
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
    if (regcomp(&grammar, pattern, REG_EXTENDED) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    regfree(&grammar);
    return failed;
}
