#include "agent/source/library_ini.h"

#include "policy/base/text.h"

#include <string.h>

/* Two bytes become one, in place. */
static bool narrow(struct buf *text, size_t low)
{
    unsigned char *bytes = (unsigned char *)text->data;
    size_t count = text->len / 2;
    if (text->len % 2)
        return false;
    for (size_t i = 1; i < count; i++) {
        unsigned unit = bytes[2 * i + low] | (unsigned)bytes[2 * i + 1 - low] << 8;
        bytes[i - 1] = unit < 0x80 ? (unsigned char)unit : '?';
    }
    text->len = count - 1;
    bytes[text->len] = '\0';
    return true;
}

static bool to_ascii(struct buf *text)
{
    if (text->len >= 2 && memcmp(text->data, "\xFF\xFE", 2) == 0)
        return narrow(text, 0);
    if (text->len >= 2 && memcmp(text->data, "\xFE\xFF", 2) == 0)
        return narrow(text, 1);
    if (text->len >= 3 && memcmp(text->data, "\xEF\xBB\xBF", 3) == 0) {
        memmove(text->data, text->data + 3, text->len - 2);
        text->len -= 3;
    }
    for (size_t i = 0; i < text->len; i++)
        if ((unsigned char)text->data[i] >= 0x80)
            text->data[i] = '?';
    return true;
}

static char *trim(char *text)
{
    size_t len = strlen(text);
    while (len && strchr(" \t\r", text[len - 1]))
        text[--len] = '\0';
    return text + strspn(text, " \t");
}

bool library_ini_each(struct buf *text,
                      bool (*row)(void *arg, const char *section, const char *key,
                                  const char *value),
                      void *arg)
{
    const char *section = "";
    if (!text->data)
        return true;
    if (!to_ascii(text) || memchr(text->data, '\0', text->len))
        return false;
    char *rest = text->data;
    for (char *line; (line = strsep(&rest, "\n"));) {
        line = trim(line);
        char *end = strchr(line, ']');
        if (*line == '[' && end) {
            *end = '\0';
            section = line + 1;
            continue;
        }
        if (!*line || *line == ';')
            continue;
        char *value = strchr(line, '=');
        if (value)
            *value++ = '\0';
        if (!row(arg, section, trim(line), value ? trim(value) : ""))
            return false;
    }
    return true;
}
