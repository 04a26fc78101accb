#include "agent/log/log.h"

#include "agent/log/rollover.h"
#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file is free for a record after this long even if somebody holds its lock: it may be a process
   that was stopped. */
#define LOCK_TRIES 20
#define LOCK_NAP   1000000 /* ns */

/* How often a file may be rolled over under our hands before a record is given up. */
#define OPEN_TRIES 100

/* LogMaxSize is at least this in ConfigMgr. */
#define LEAST_SIZE 10000

static const struct {
    const char *component, *file;
} components[LOG_COMPONENT_COUNT] = {
    [LOG_LOCATION_SERVICES] = {"LocationServices", "LocationServices"},
    [LOG_CONTENT_ACCESS] = {"ContentAccess", "CAS"},
    [LOG_CONTENT_TRANSFER_MANAGER] = {"ContentTransferManager", "ContentTransferManager"},
    [LOG_DATA_TRANSFER_SERVICE] = {"DataTransferService", "DataTransferService"},
    [LOG_POLICY_DOWNLOAD] = {"PolicyAgent_PolicyDownload", "PolicyAgent"},
    [LOG_POLICY_EVALUATOR] = {"PolicyAgent_PolicyEvaluator", "PolicyEvaluator"},
    [LOG_DISTRIBUTION_MANAGER] = {"SMS_DISTRIBUTION_MANAGER", "DistMgr"},
    [LOG_OUTGOING_CONTENT_MANAGER] = {"SMS_OUTGOING_CONTENT_MANAGER", "OutgoingContentManager"},
};

/* One log, open since its first record. */
struct log_file {
    pthread_mutex_t lock; /* flock keeps out processes, this the other threads */
    int fd;               /* -1: not open */
    dev_t device;
    ino_t inode;
};

struct log {
    int dir;
    struct log_options options;
    struct log_file files[LOG_COMPONENT_COUNT];
    atomic_ullong lost;
};

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
    tzset(); /* localtime_r need not */
    struct log *log = mem_zero(1, sizeof *log);
    log->dir = dir;
    log->options = *options;
    if (log->options.max_size < LEAST_SIZE)
        log->options.max_size = LEAST_SIZE;
    for (size_t i = 0; i < LOG_COMPONENT_COUNT; i++) {
        pthread_mutex_init(&log->files[i].lock, NULL);
        log->files[i].fd = -1;
    }
    return log;
}

static void close_file(struct log_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

void log_close(struct log *log)
{
    if (!log)
        return;
    for (size_t i = 0; i < LOG_COMPONENT_COUNT; i++) {
        close_file(&log->files[i]);
        pthread_mutex_destroy(&log->files[i].lock);
    }
    close(log->dir);
    free(log);
}

uint64_t log_lost(const struct log *log)
{
    return log ? atomic_load(&log->lost) : 0;
}

const char *log_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- one record ---- */

/* Is this '!' the one of "<![LOG[" or of "]LOG]!>", the marks between which a message stands? */
static bool is_in_mark(const char *text, const char *at)
{
    if (at > text && at[-1] == '<' && strncmp(at + 1, "[LOG[", 5) == 0)
        return true;
    return at - text >= 5 && memcmp(at - 5, "]LOG]", 5) == 0 && at[1] == '>';
}

static void append_message(struct buf *line, const char *message, size_t len)
{
    struct buf escaped = {0};
    text_escape(&escaped, message, len, LIMIT_LOG_MESSAGE);
    const char *from = escaped.data;
    for (const char *at = from; (at = strchr(at, '!')); at++) {
        if (!is_in_mark(escaped.data, at))
            continue;
        buf_append(line, from, (size_t)(at - from));
        buf_append_text(line, "\\x21");
        from = at + 1;
    }
    buf_append_text(line, from);
    buf_free(&escaped);
}

static int64_t wall_now(const struct log *log)
{
    if (log->options.wall)
        return log->options.wall(log->options.wall_arg);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The bias is minutes to add to local time to get UTC, its sign always written
   (configmgr-facts: line grammar). */
static void append_time(struct buf *line, int64_t wall)
{
    time_t seconds = (time_t)(wall / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    buf_format(line, "time=\"%02d:%02d:%02d.%03d%+04ld\" date=\"%02d-%02d-%04d\"", local.tm_hour,
               local.tm_min, local.tm_sec, (int)(wall % 1000), -local.tm_gmtoff / 60,
               local.tm_mon + 1, local.tm_mday, local.tm_year + 1900);
}

/* What stands between quotes: short, and of characters that no reader stumbles over. */
static void append_attribute(struct buf *line, const char *text)
{
    for (size_t i = 0; i < LIMIT_LOG_COMPONENT && text[i]; i++) {
        char c = text[i];
        bool plain = c > ' ' && c <= '~' && c != '"' && c != '<' && c != '>';
        buf_append(line, plain ? &c : "_", 1);
    }
}

static void build_record(struct buf *line, const struct log *log, enum log_component component,
                         enum log_severity severity, const char *source, const char *message,
                         size_t len)
{
    buf_append_text(line, "<![LOG[");
    append_message(line, message, len);
    buf_append_text(line, "]LOG]!><");
    append_time(line, wall_now(log));
    buf_format(line, " component=\"%s\" context=\"\" type=\"%d\" thread=\"%d\" file=\"",
               components[component].component, (int)severity, (int)gettid());
    append_attribute(line, source);
    buf_append_text(line, "\">\r\n");
}

/* ---- one file ---- */

static bool open_file(const struct log *log, struct log_file *file, const char *name)
{
    if (file->fd >= 0)
        return true;
    struct stat st;
    /* O_NONBLOCK: a planted FIFO must not hold us. */
    file->fd = beneath_open(log->dir, name, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0644);
    if (file->fd < 0)
        return false;
    if (fstat(file->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close_file(file);
        return false;
    }
    file->device = st.st_dev;
    file->inode = st.st_ino;
    return true;
}

static bool lock_file(const struct log_file *file)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(file->fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = LOCK_NAP}, NULL);
    }
    return false;
}

/* Does the name still stand for the file that we hold? Its size is in *st then. */
static bool is_current(const struct log *log, const struct log_file *file, const char *name,
                       struct stat *st)
{
    return fstatat(log->dir, name, st, AT_SYMLINK_NOFOLLOW) == 0 && st->st_dev == file->device &&
           st->st_ino == file->inode;
}

/* A disk that fills up within a record must not leave half of it. */
static bool write_record(const struct log_file *file, const struct buf *line, bool locked,
                         off_t size)
{
    ssize_t done = write(file->fd, line->data, line->len);
    if (done > 0 && done < (ssize_t)line->len && locked)
        done = ftruncate(file->fd, size);
    return done == (ssize_t)line->len;
}

/*
 * Who has the lock and finds the name still standing for the file writes, or rolls over; who comes
 * after a rollover finds another file under the name and opens that one. Who does not get the lock
 * in time writes all the same but never rolls over: at worst the record stands in the .lo_.
 * true: *written says how it ended. false: the name stands for another file now.
 */
static bool try_append(struct log *log, enum log_component component, const char *name,
                       const struct buf *line, bool *written)
{
    struct log_file *file = &log->files[component];
    struct stat st;
    if (!open_file(log, file, name))
        return true;
    bool locked = lock_file(file), moved = !is_current(log, file, name, &st);
    if (!moved && locked && st.st_size > 0 &&
        st.st_size + (int64_t)line->len > log->options.max_size)
        moved = rollover(log->dir, components[component].file, log->options.max_history);
    if (moved) {
        close_file(file); /* and with it goes the lock */
        return false;
    }
    *written = write_record(file, line, locked, st.st_size);
    flock(file->fd, LOCK_UN);
    return true;
}

static bool append_record(struct log *log, enum log_component component, const struct buf *line)
{
    char *name = mem_format("%s.log", components[component].file);
    bool written = false;
    for (int i = 0; i < OPEN_TRIES; i++)
        if (try_append(log, component, name, line, &written))
            break;
    free(name);
    return written;
}

void log_write(struct log *log, enum log_component component, enum log_severity severity,
               const char *source, const char *format, ...)
{
    if (!log || (int)severity < log->options.level)
        return;
    /* What is longer is cut when it is escaped, which never makes it shorter; no character that
       this buffer cuts in two is reached. */
    char message[LIMIT_LOG_MESSAGE + 8];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (len < 0)
        return;
    if ((size_t)len >= sizeof message)
        len = (int)sizeof message - 1;
    struct buf line = {0};
    pthread_mutex_lock(&log->files[component].lock);
    build_record(&line, log, component, severity, source, message, (size_t)len);
    if (!append_record(log, component, &line))
        atomic_fetch_add(&log->lost, 1);
    pthread_mutex_unlock(&log->files[component].lock);
    buf_free(&line);
}
