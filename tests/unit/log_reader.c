#include "tests/unit/log_reader.h"

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
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char reader_folder[64];
int reader_dir;
int64_t reader_wall_ms;
static regex_t grammar;

/* What CMTrace scans for (its own pattern), a record a line. */
static const char pattern[] =
    "^<!\\[LOG\\[(.*)\\]LOG\\]!><time=\"([0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3})([-+][0-9]{3})\" "
    "date=\"([0-9]{2}-[0-9]{2}-[0-9]{4})\" component=\"([^\"]{1,100})\" context=\"\" "
    "type=\"([0-3])\" thread=\"([0-9]+)\" file=\"([^\"]{0,100})\">\r$";

static int64_t fake_wall(void *arg)
{
    return *(int64_t *)arg;
}

struct log *reader_open_log(int level, int64_t max_size, int history)
{
    struct log_options options = {.level = level,
                                  .max_size = max_size,
                                  .max_history = history,
                                  .wall = fake_wall,
                                  .wall_arg = &reader_wall_ms};
    struct error err = {0};
    struct log *log = log_open(reader_folder, &options, &err);
    if (!log)
        fail_msg("%s", err.text);
    return log;
}

int reader_set_up(void **state)
{
    (void)state;
    snprintf(reader_folder, sizeof reader_folder, "/tmp/nearpoint-log-XXXXXX");
    if (!mkdtemp(reader_folder))
        return -1;
    reader_dir = open(reader_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    reader_wall_ms = 1683617415769; /* 2023-05-09 07:30:15.769 UTC */
    setenv("TZ", "UTC", 1);
    return reader_dir < 0 ? -1 : regcomp(&grammar, pattern, REG_EXTENDED);
}

int reader_tear_down(void **state)
{
    (void)state;
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = beneath_remove(tmp, reader_folder + strlen("/tmp/"), NULL);
    close(tmp);
    close(reader_dir);
    regfree(&grammar);
    return ok ? 0 : -1;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

static void read_line(struct reader_records *records, char *line)
{
    regmatch_t matches[READER_PARTS];
    struct reader_record record = {{NULL}};
    if (regexec(&grammar, line, READER_PARTS, matches, 0) != 0 || count_of(line, "<![LOG[") != 1 ||
        count_of(line, "]LOG]!>") != 1)
        fail_msg("no record: %s", line);
    for (size_t i = 1; i < READER_PARTS; i++)
        record.parts[i] =
            mem_copy_bytes(line + matches[i].rm_so, (size_t)(matches[i].rm_eo - matches[i].rm_so));
    records->items =
        mem_grow(records->items, &records->cap, records->count + 1, sizeof *records->items);
    records->items[records->count++] = record;
}

void reader_read(struct reader_records *records, const char *name)
{
    struct buf bytes = {0};
    assert_true(beneath_read(reader_dir, name, (size_t)64 * MIB, &bytes, NULL));
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

void reader_free(struct reader_records *records)
{
    for (size_t i = 0; i < records->count; i++)
        for (size_t part = 1; part < READER_PARTS; part++)
            free(records->items[i].parts[part]);
    free(records->items);
    *records = (struct reader_records){0};
}

struct reader_record *reader_read_one(struct reader_records *records, const char *name)
{
    *records = (struct reader_records){0};
    reader_read(records, name);
    assert_int_equal(records->count, 1);
    return records->items;
}

size_t reader_count_files(const char *ending)
{
    size_t count = 0;
    DIR *files = opendir(reader_folder);
    struct dirent *entry;
    while ((entry = readdir(files))) {
        size_t len = strlen(entry->d_name), tail = strlen(ending);
        count += entry->d_name[0] != '.' && len >= tail &&
                 strcmp(entry->d_name + len - tail, ending) == 0;
    }
    closedir(files);
    return count;
}

int64_t reader_size(const char *name)
{
    struct stat st;
    return fstatat(reader_dir, name, &st, 0) == 0 ? st.st_size : -1;
}
