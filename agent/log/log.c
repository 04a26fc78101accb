#include "agent/log/log.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *component, *file;
} components[LOG_COMPONENT_COUNT] = {
    [LOG_LOCATION_SERVICES] = {"LocationServices", "LocationServices"},
    [LOG_CONTENT_ACCESS] = {"ContentAccess", "CAS"},
    [LOG_CONTENT_TRANSFER_MANAGER] = {"ContentTransferManager", "ContentTransferManager"},
    [LOG_DATA_TRANSFER_SERVICE] = {"DataTransferService", "DataTransferService"},
};

struct log {
    int dir;
    struct log_options options;
    pthread_mutex_t lock; /* guards what follows */
    int fds[LOG_COMPONENT_COUNT];
    uint64_t lost;
};

static int64_t wall_now(const struct log *log)
{
    if (log->options.wall)
        return log->options.wall(log->options.wall_arg);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct log *log_open(const char *folder, const struct log_options *options, struct error *err)
{
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        error_errno(err, folder, "cannot make the folder of the logs");
        return NULL;
    }
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        error_errno(err, folder, "cannot open the folder of the logs");
        return NULL;
    }
    tzset();
    struct log *log = mem_zero(1, sizeof *log);
    log->dir = dir;
    log->options = *options;
    pthread_mutex_init(&log->lock, NULL);
    for (size_t i = 0; i < LOG_COMPONENT_COUNT; i++)
        log->fds[i] = -1;
    return log;
}

void log_close(struct log *log)
{
    if (!log)
        return;
    for (size_t i = 0; i < LOG_COMPONENT_COUNT; i++)
        if (log->fds[i] >= 0)
            close(log->fds[i]);
    close(log->dir);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

uint64_t log_lost(const struct log *log)
{
    return log ? log->lost : 0;
}

const char *log_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- one record ---- */

/* The end mark in a message would end the record for every reader: its first bracket is written as
   its code. */
static void append_message(struct buf *line, const char *message, size_t len)
{
    static const char mark[] = "]LOG]!>";
    struct buf escaped = {0};
    text_escape(&escaped, message, len, LIMIT_LOG_MESSAGE);
    const char *at = escaped.data, *found;
    while ((found = strstr(at, mark))) {
        buf_append(line, at, (size_t)(found - at));
        buf_append_text(line, "\\x5D");
        at = found + 1;
    }
    buf_append_text(line, at);
    buf_free(&escaped);
}

/* Minutes to add to local time to get UTC, the sign always written. */
static void append_head(struct buf *line, int64_t wall)
{
    time_t seconds = (time_t)(wall / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    long bias = -local.tm_gmtoff / 60;
    buf_format(line, "]LOG]!><time=\"%02d:%02d:%02d.%03d%c%03ld\" date=\"%02d-%02d-%04d\"",
               local.tm_hour, local.tm_min, local.tm_sec, (int)(wall % 1000), bias < 0 ? '-' : '+',
               labs(bias), local.tm_mon + 1, local.tm_mday, local.tm_year + 1900);
}

static void build_record(struct buf *line, const struct log *log, enum log_component component,
                         enum log_severity severity, const char *source, const char *message,
                         size_t len)
{
    buf_append_text(line, "<![LOG[");
    append_message(line, message, len);
    append_head(line, wall_now(log));
    buf_format(line,
               " component=\"%.*s\" context=\"\" type=\"%d\" thread=\"%d\" file=\"%.*s\">\r\n",
               LIMIT_LOG_COMPONENT, components[component].component, (int)severity, (int)gettid(),
               LIMIT_LOG_COMPONENT, source);
}

/* ---- files ---- */

static char *file_name(enum log_component component, const char *ending)
{
    return mem_format("%s%s", components[component].file, ending);
}

/* Opens the log and locks it; another process may have rolled it over in between. */
static int open_locked(struct log *log, enum log_component component, const char *name)
{
    for (;;) {
        int *fd = &log->fds[component];
        struct stat ours, there;
        if (*fd < 0)
            *fd = beneath_open(log->dir, name, O_WRONLY | O_APPEND | O_CREAT, 0644);
        if (*fd < 0 || flock(*fd, LOCK_EX) != 0 || fstat(*fd, &ours) != 0)
            return -1;
        if (fstatat(log->dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
            there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
            return *fd;
        close(*fd);
        *fd = -1;
    }
}

/* "CAS-20230510-082249.log" */
static char *dated_name(const struct log *log, enum log_component component)
{
    time_t seconds = (time_t)(wall_now(log) / 1000);
    struct tm local;
    char stamp[32];
    localtime_r(&seconds, &local);
    strftime(stamp, sizeof stamp, "-%Y%m%d-%H%M%S.log", &local);
    return file_name(component, stamp);
}

/* The full log becomes .lo_; with a longer history the .lo_ before it gets a dated name. */
static void roll_over(struct log *log, enum log_component component, const char *name)
{
    char *old = file_name(component, ".lo_");
    if (log->options.max_history > 1) {
        char *dated = dated_name(log, component);
        beneath_rename(log->dir, old, dated, 0);
        free(dated);
    }
    if (log->options.max_history == 0)
        beneath_remove(log->dir, name, NULL);
    else
        beneath_rename(log->dir, name, old, 0);
    free(old);
}

static bool append_record(struct log *log, enum log_component component, const struct buf *line)
{
    char *name = file_name(component, ".log");
    struct stat st;
    int fd = open_locked(log, component, name);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 &&
        st.st_size + (int64_t)line->len > log->options.max_size) {
        roll_over(log, component, name);
        fd = open_locked(log, component, name); /* a new file: the old one's lock goes with it */
    }
    bool ok = fd >= 0 && write(fd, line->data, line->len) == (ssize_t)line->len;
    if (fd >= 0)
        flock(fd, LOCK_UN);
    free(name);
    return ok;
}

void log_write(struct log *log, enum log_component component, enum log_severity severity,
               const char *source, const char *format, ...)
{
    if (!log || (int)severity < log->options.level)
        return;
    char message[LIMIT_LOG_MESSAGE];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (len < 0)
        return;
    if ((size_t)len >= sizeof message)
        len = (int)sizeof message - 1;
    struct buf line = {0};
    pthread_mutex_lock(&log->lock);
    build_record(&line, log, component, severity, source, message, (size_t)len);
    if (!append_record(log, component, &line))
        log->lost++;
    pthread_mutex_unlock(&log->lock);
    buf_free(&line);
}
