#include "policy/base/base64.h"

#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    char *text = mem_zero((len + 2) / 3 * 4 + 1, 1), *out = text;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned bits = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
                        (left > 2 ? in[i + 2] : 0);
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[bits & 63] : '=';
    }
    return text;
}

static int value_of(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Four characters that stand for `count` bytes; what is left over of the bits is zero. */
static bool decode_group(const char *text, size_t count, unsigned char out[3])
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i <= count ? value_of(text[i]) : text[i] == '=' ? 0 : -1;
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i < 3; i++)
        out[i] = (unsigned char)(bits >> (16 - 8 * i));
    return (bits & (UINT32_C(0xFFFFFF) >> (8 * count))) == 0;
}

bool base64_decode(const char *text, void *out, size_t len)
{
    unsigned char *at = out;
    if (strlen(text) != (len + 2) / 3 * 4)
        return false;
    for (size_t i = 0; i < len; i += 3, text += 4) {
        unsigned char group[3];
        size_t count = len - i < 3 ? len - i : 3;
        if (!decode_group(text, count, group))
            return false;
        memcpy(at + i, group, count);
    }
    return true;
}

bool base64_read_key(const char *text, unsigned char key[32])
{
    if (strlen(text) != 64)
        return base64_decode(text, key, 32);
    for (size_t i = 0; i < 32; i++) {
        int high = text_hex_digit(text[2 * i]), low = text_hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
