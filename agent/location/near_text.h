/*
 * How near one name is to another that a person may have meant: case, blanks, a letter, a word.
 * Case is ASCII's, as everywhere names are compared. No memory, no system calls.
 */
#ifndef AGENT_LOCATION_NEAR_TEXT_H
#define AGENT_LOCATION_NEAR_TEXT_H

#include <stddef.h>

/* Nearest first. */
enum nearness {
    NEAR_EQUAL,       /* but for case */
    NEAR_PUNCTUATION, /* blanks and punctuation differ */
    NEAR_LONGER,      /* the text begins with the stored one and goes on */
    NEAR_SHORTER,     /* the text is only the stored one's beginning */
    NEAR_SPELLING,    /* one or two letters differ */
    NEAR_NOT,
};

/* `text` beside `stored`. *letters: how many letters differ (SPELLING), bytes there are more
   (LONGER, SHORTER), else 0. */
enum nearness near_text(const char *stored, size_t stored_len, const char *text, size_t len,
                        size_t *letters);

#endif
