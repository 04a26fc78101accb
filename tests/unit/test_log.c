/* CMTrace records as a reader of its own takes them: the grammar, time zones, hostile text. */
#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "tests/unit/log_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a record ---- */

static void test_a_record_to_the_letter(void **state)
{
    (void)state;
    char wanted[512];
    struct buf bytes = {0};
    struct log *log = reader_open_log(1, 250000, 1);
    log_write(log, LOG_DATA_TRANSFER_SERVICE, LOG_WARNING, "job.c:12", "DTS job %s of %d", "{A}",
              7);
    log_close(log);
    snprintf(wanted, sizeof wanted,
             "<![LOG[DTS job {A} of 7]LOG]!><time=\"07:30:15.769+000\" date=\"05-09-2023\" "
             "component=\"DataTransferService\" context=\"\" type=\"2\" thread=\"%d\" "
             "file=\"job.c:12\">\r\n",
             (int)gettid());
    assert_true(beneath_read(reader_dir, "DataTransferService.log", 1000, &bytes, NULL));
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
        {LOG_POLICY_DOWNLOAD, "PolicyAgent_PolicyDownload", "PolicyAgent.log"},
        {LOG_POLICY_EVALUATOR, "PolicyAgent_PolicyEvaluator", "PolicyEvaluator.log"},
        {LOG_DISTRIBUTION_MANAGER, "SMS_DISTRIBUTION_MANAGER", "DistMgr.log"},
        {LOG_OUTGOING_CONTENT_MANAGER, "SMS_OUTGOING_CONTENT_MANAGER",
         "OutgoingContentManager.log"},
    };
    struct log *log = reader_open_log(1, 250000, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reader_records records;
        log_write(log, rows[i].component, LOG_INFO, LOG_AT, "hello");
        struct reader_record *record = reader_read_one(&records, rows[i].file);
        assert_string_equal(record->parts[READER_COMPONENT], rows[i].name);
        assert_int_equal(strncmp(record->parts[READER_SOURCE], "test_log.c:", 11), 0);
        reader_free(&records);
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
            struct reader_records records = {0};
            struct log *log = reader_open_log(level, 250000, 1);
            log_write(log, LOG_CONTENT_ACCESS, (enum log_severity)severity, LOG_AT, "hello");
            if (written[level][severity])
                reader_read(&records, "CAS.log");
            assert_int_equal(records.count, written[level][severity]);
            assert_int_equal(reader_size("CAS.log") >= 0, written[level][severity]);
            if (records.count)
                assert_int_equal(records.items[0].parts[READER_TYPE][0], '0' + severity);
            reader_free(&records);
            unlinkat(reader_dir, "CAS.log", 0);
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
        struct reader_records records;
        setenv("TZ", rows[i].zone, 1);
        reader_wall_ms = rows[i].wall;
        struct log *log = reader_open_log(1, 250000, 1);
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "hello");
        log_close(log);
        struct reader_record *record = reader_read_one(&records, "CAS.log");
        assert_string_equal(record->parts[READER_TIME], rows[i].time);
        assert_string_equal(record->parts[READER_BIAS], rows[i].bias);
        assert_string_equal(record->parts[READER_DATE], rows[i].date);
        reader_free(&records);
        unlinkat(reader_dir, "CAS.log", 0);
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
        struct reader_records records;
        struct log *log = reader_open_log(1, 250000, 1);
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%s", rows[i].message);
        log_close(log);
        assert_string_equal(reader_read_one(&records, "CAS.log")->parts[READER_MESSAGE],
                            rows[i].written);
        reader_free(&records);
        unlinkat(reader_dir, "CAS.log", 0);
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
        struct reader_records records;
        char *message = mem_zero(rows[i].len + 1, 1);
        memset(message, 'x', rows[i].len);
        struct log *log = reader_open_log(1, 250000, 1);
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT, "%s", message);
        log_close(log);
        const char *written = reader_read_one(&records, "CAS.log")->parts[READER_MESSAGE];
        bool is_cut = rows[i].len > LIMIT_LOG_MESSAGE;
        assert_int_equal(strlen(written), rows[i].written);
        assert_string_equal(written + strlen(written) - 3, is_cut ? "..." : "xxx");
        free(message);
        reader_free(&records);
        unlinkat(reader_dir, "CAS.log", 0);
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
        struct reader_records records;
        struct log *log = reader_open_log(1, 250000, 1);
        log_write(log, LOG_CONTENT_ACCESS, LOG_INFO, rows[i].source, "hello");
        log_close(log);
        assert_string_equal(reader_read_one(&records, "CAS.log")->parts[READER_SOURCE],
                            rows[i].written);
        reader_free(&records);
        unlinkat(reader_dir, "CAS.log", 0);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, reader_set_up, reader_tear_down)

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
