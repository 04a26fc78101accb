#include "policy/base/error.h"

#include "policy/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* A cut within a character would make text that is no UTF-8. */
static void trim(char *text, size_t size)
{
    size_t len = strlen(text), start = len;
    if (len + 1 < size)
        return;
    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0xC0)
        start--;
    if (!text_is_utf8(text + start, len - start))
        text[start] = '\0';
}

static void fill(struct error *err, enum error_kind kind, enum error_blame blame, const char *code,
                 const char *where)
{
    err->kind = kind;
    err->blame = blame;
    snprintf(err->code, sizeof err->code, "%s", code ? code : "");
    snprintf(err->where, sizeof err->where, "%s", where ? where : "");
    trim(err->where, sizeof err->where);
}

bool error_set(struct error *err, enum error_kind kind, enum error_blame blame, const char *code,
               const char *where, const char *format, ...)
{
    if (!err)
        return false;
    fill(err, kind, blame, code, where);
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    trim(err->text, sizeof err->text);
    return false;
}

bool error_errno(struct error *err, const char *where, const char *format, ...)
{
    int number = errno;
    if (!err)
        return false;
    const char *name = strerrorname_np(number);
    fill(err, ERROR_FAILED, BLAME_DISK, name ? name : "ERRNO", where);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof err->text)
        snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s", strerror(number));
    return false;
}

const char *error_blame_word(enum error_blame blame)
{
    switch (blame) {
    case BLAME_NONE: return NULL;
    case BLAME_SOURCE: return "source";
    case BLAME_PROXY: return "proxy";
    case BLAME_DNS: return "dns";
    case BLAME_DISK: return "disk";
    case BLAME_DATA: return "data";
    case BLAME_POLICY: return "policy";
    case BLAME_TIME: return "time";
    case BLAME_USER: return "user";
    }
    return NULL;
}

void error_print(FILE *out, const struct error *err)
{
    struct buf line = {0};
    buf_append_text(&line, "nearpoint: ");
    if (err->where[0]) {
        text_escape(&line, err->where, strlen(err->where), sizeof err->where * 4);
        buf_append_text(&line, ": ");
    }
    text_escape(&line, err->text, strlen(err->text), sizeof err->text * 4);
    buf_append_text(&line, "\n");
    fputs(line.data, out);
    buf_free(&line);
}
