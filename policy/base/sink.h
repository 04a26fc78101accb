/* Where a text goes that may be longer than memory should hold: it is handed on in pieces. */
#ifndef POLICY_BASE_SINK_H
#define POLICY_BASE_SINK_H

#include "policy/base/buf.h"

#include <stdbool.h>

struct sink {
    /* false: it cannot be written; nothing more is handed on. */
    bool (*write)(void *arg, const char *bytes, size_t len);
    void *arg;
    bool failed;
};

/* Hands the buffer's text on where there is enough of it for a piece, and clears it. */
void sink_take(struct sink *sink, struct buf *buf);

/* Hands on what is left and frees the buffer. false: something could not be written. */
bool sink_finish(struct sink *sink, struct buf *buf);

#endif
