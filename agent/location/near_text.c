#include "agent/location/near_text.h"

#include <stdbool.h>
#include <string.h>

#define LETTERS_MAX   2
#define LETTERS_SHARE 3 /* a name of three letters may differ in one, of six in two */

struct span {
    const char *at;
    size_t len;
};

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* What lies beyond ASCII counts as letters. */
static bool is_letter(char c)
{
    char low = fold(c);
    return (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') || (unsigned char)c >= 0x80;
}

static struct span from(struct span span, size_t count)
{
    return (struct span){span.at + count, span.len - count};
}

static size_t common_length(struct span a, struct span b)
{
    size_t len = 0;
    while (len < a.len && len < b.len && fold(a.at[len]) == fold(b.at[len]))
        len++;
    return len;
}

static struct span skip_punctuation(struct span span)
{
    while (span.len && !is_letter(*span.at))
        span = from(span, 1);
    return span;
}

static bool same_letters(struct span a, struct span b)
{
    bool any = false;
    for (;;) {
        a = skip_punctuation(a);
        b = skip_punctuation(b);
        if (!a.len || !b.len)
            return any && a.len == b.len;
        if (fold(*a.at) != fold(*b.at))
            return false;
        any = true;
        a = from(a, 1);
        b = from(b, 1);
    }
}

static bool is_inside(struct span span, size_t at)
{
    return at < span.len && ((unsigned char)span.at[at] & 0xC0) == 0x80;
}

/* Without the first character, however many bytes it has. */
static struct span skip_character(struct span span)
{
    size_t len = 1;
    while (is_inside(span, len))
        len++;
    return from(span, len);
}

static bool is_ascii_pair(struct span span)
{
    return span.len > 1 && !((span.at[0] | span.at[1]) & 0x80);
}

static bool is_swapped(struct span a, struct span b)
{
    return is_ascii_pair(a) && is_ascii_pair(b) && fold(a.at[0]) == fold(b.at[1]) &&
           fold(a.at[1]) == fold(b.at[0]);
}

/* May one become the other by at most so many letters changed, added, left out or swapped? */
static bool is_within(struct span a, struct span b, unsigned edits)
{
    size_t common = common_length(a, b);
    while (common && (is_inside(a, common) || is_inside(b, common)))
        common--;
    a = from(a, common);
    b = from(b, common);
    if (!a.len && !b.len)
        return true;
    if (edits == 0)
        return false;
    edits--;
    return (a.len && is_within(skip_character(a), b, edits)) ||
           (b.len && is_within(a, skip_character(b), edits)) ||
           (a.len && b.len && is_within(skip_character(a), skip_character(b), edits)) ||
           (is_swapped(a, b) && is_within(from(a, 2), from(b, 2), edits));
}

static bool is_misspelled(struct span a, struct span b, size_t *letters)
{
    size_t longer = a.len > b.len ? a.len : b.len;
    for (unsigned edits = 1; edits <= LETTERS_MAX && edits * LETTERS_SHARE <= longer; edits++)
        if (is_within(a, b, edits)) {
            *letters = edits;
            return true;
        }
    return false;
}

/* Does the longer begin with the shorter, and go on with a new word where that is asked? */
static bool begins_with(struct span longer, struct span shorter, bool word)
{
    return shorter.len && shorter.len < longer.len &&
           common_length(longer, shorter) == shorter.len &&
           (!word || !is_letter(longer.at[shorter.len]));
}

/* One more word is no misspelling, one more letter is. */
enum nearness near_text(const char *stored, size_t stored_len, const char *text, size_t len,
                        size_t *letters)
{
    struct span a = {stored, stored_len}, b = {text, len};
    *letters = 0;
    if (a.len == b.len && common_length(a, b) == a.len)
        return NEAR_EQUAL;
    if (same_letters(a, b))
        return NEAR_PUNCTUATION;
    bool longer = begins_with(b, a, false), shorter = begins_with(a, b, false);
    bool word = begins_with(b, a, true) || begins_with(a, b, true);
    if (!word && is_misspelled(a, b, letters))
        return NEAR_SPELLING;
    if (longer || shorter)
        *letters = longer ? b.len - a.len : a.len - b.len;
    return longer ? NEAR_LONGER : shorter ? NEAR_SHORTER : NEAR_NOT;
}
