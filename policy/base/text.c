#include "policy/base/text.h"

#include "policy/base/limits.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_alnum(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

int text_compare(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (int)lower(*a) - (int)lower(*b);
}

bool text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text), tail = strlen(suffix);
    return len >= tail && text_equal(text + len - tail, suffix);
}

/* Decodes one character. Returns its length, or 0 where the bytes are not UTF-8
   (overlong forms and surrogates included). */
static size_t decode_utf8(const char *bytes, size_t len, uint32_t *code)
{
    const unsigned char *b = (const unsigned char *)bytes;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need;
    if (b[0] < 0x80) {
        *code = b[0];
        return 1;
    } else if ((b[0] & 0xE0) == 0xC0) {
        need = 2;
        *code = b[0] & 0x1FU;
    } else if ((b[0] & 0xF0) == 0xE0) {
        need = 3;
        *code = b[0] & 0x0FU;
    } else if ((b[0] & 0xF8) == 0xF0) {
        need = 4;
        *code = b[0] & 0x07U;
    } else {
        return 0;
    }
    if (need > len)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (b[i] & 0x3FU);
    }
    bool surrogate = *code >= 0xD800 && *code <= 0xDFFF;
    return *code < least[need] || *code > 0x10FFFF || surrogate ? 0 : need;
}

bool text_is_blank(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r' && bytes[i] != '\n')
            return false;
    return true;
}

bool text_is_utf8(const char *bytes, size_t len)
{
    uint32_t code;
    for (size_t at = 0; at < len;) {
        size_t used = decode_utf8(bytes + at, len - at, &code);
        if (!used)
            return false;
        at += used;
    }
    return true;
}

bool text_to_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = *text == '-';
    const char *digit = text + negative;
    if (!*digit)
        return false;
    int64_t value = 0;
    for (; *digit; digit++) {
        if (*digit < '0' || *digit > '9' || __builtin_mul_overflow(value, 10, &value))
            return false;
        int64_t step = negative ? -(int64_t)(*digit - '0') : *digit - '0';
        if (__builtin_add_overflow(value, step, &value))
            return false;
    }
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool text_to_bool(const char *text, bool *out)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"1", true}, {"-1", true}, {"false", false}, {"0", false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_equal(text, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    return false;
}

/* Would this character move the cursor, end a line, reorder what follows, or not be seen? */
static bool is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0xFEFF ||
           (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || (code & 0xFFFE) == 0xFFFE;
}

/* How much of the text is printable ASCII, which stays as it is. */
static size_t plain_length(const char *text, size_t len)
{
    size_t plain = 0;
    while (plain < len && text[plain] >= 0x20 && text[plain] < 0x7F)
        plain++;
    return plain;
}

/* One character as it is shown; returns how many bytes of the text it takes. */
static size_t show_character(const char *text, size_t len, char shown[16])
{
    uint32_t code = 0;
    size_t used = decode_utf8(text, len, &code);
    memset(shown, 0, 16);
    if (!used)
        snprintf(shown, 16, "\\x%02X", (unsigned char)*text);
    else if (code < 0x80 && is_unsafe(code))
        snprintf(shown, 16, "\\x%02X", code);
    else if (is_unsafe(code))
        snprintf(shown, 16, "\\u{%04X}", code);
    else
        memcpy(shown, text, used);
    return used ? used : 1;
}

void text_escape(struct buf *out, const char *text, size_t len, size_t max)
{
    size_t start = out->len;
    buf_append(out, "", 0);
    for (size_t at = 0; at < len;) {
        char shown[16];
        size_t plain = plain_length(text + at, len - at), left = max - (out->len - start);
        size_t used = plain ? plain : show_character(text + at, len - at, shown);
        size_t size = plain ? plain : strlen(shown);
        if (size > left) {
            buf_append(out, text + at, plain ? left : 0);
            buf_append_text(out, "...");
            return;
        }
        buf_append(out, plain ? text + at : shown, size);
        at += used;
    }
}

bool text_is_plain(const char *text)
{
    uint32_t code;
    size_t len = strlen(text);
    for (size_t at = 0, used; at < len; at += used) {
        used = decode_utf8(text + at, len - at, &code);
        if (!used || is_unsafe(code))
            return false;
    }
    return true;
}

bool text_is_content_id(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > LIMIT_CONTENT_ID || strstr(text, ".."))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(text[i]) && !strchr("_-.{}", text[i]))
            return false;
    return strcmp(text, ".") != 0;
}

static bool is_host_name(const char *text)
{
    size_t len = strlen(text), label = 0;
    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.') {
            if (label == 0 || text[i - 1] == '-')
                return false;
            label = 0;
        } else if (is_alnum(text[i]) || text[i] == '_' || (text[i] == '-' && label)) {
            if (++label > 63)
                return false;
        } else {
            return false;
        }
    }
    return label && text[len - 1] != '-';
}

bool text_is_host(const char *text)
{
    unsigned char address[16];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1 ||
           is_host_name(text);
}

static const char *refuse_segment(const char *segment, size_t len)
{
    if (len == 0)
        return "has an empty segment";
    if (len > LIMIT_NAME_SEGMENT)
        return "has a segment over 255 bytes";
    if (len == 1 && segment[0] == '.')
        return "has a '.' segment";
    if (len == 2 && segment[0] == '.' && segment[1] == '.')
        return "has a '..' segment";
    return NULL;
}

const char *text_refuse_file_name(const char *name, size_t len)
{
    if (len == 0)
        return "is empty";
    if (len > LIMIT_NAME_BYTES)
        return "is longer than 4096 bytes";
    if (name[0] == '/')
        return "is absolute";
    if (!text_is_utf8(name, len))
        return "is not UTF-8";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c == '\\')
            return "has a backslash";
        if (c < 0x20 || c == 0x7F || (c == 0xC2 && (unsigned char)name[i + 1] <= 0x9F))
            return "has a control character";
    }
    if (len >= 11 && strncmp(name, ".nearpoint/", 11) == 0)
        return "begins with .nearpoint/, which is reserved";
    for (size_t start = 0; start <= len;) {
        const char *slash = memchr(name + start, '/', len - start);
        size_t segment = slash ? (size_t)(slash - (name + start)) : len - start;
        const char *why = refuse_segment(name + start, segment);
        if (why)
            return why;
        start += segment + 1;
    }
    return NULL;
}

bool text_same_host(const char *host, const char *name)
{
    size_t host_label = strcspn(host, "."), name_label = strcspn(name, ".");
    if (host[host_label] && name[name_label])
        return text_equal(host, name);
    return host_label == name_label && strncasecmp(host, name, host_label) == 0;
}

int text_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t text_decode_percent(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        int high = *from == '%' ? text_hex_digit(from[1]) : -1;
        int low = high >= 0 ? text_hex_digit(from[2]) : -1;
        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}
