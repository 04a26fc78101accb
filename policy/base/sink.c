#include "policy/base/sink.h"

#include "policy/base/limits.h"

static void hand_on(struct sink *sink, struct buf *buf)
{
    if (!sink->failed && buf->len)
        sink->failed = !sink->write(sink->arg, buf->data, buf->len);
    buf_clear(buf);
}

void sink_take(struct sink *sink, struct buf *buf)
{
    if (buf->len >= (size_t)(64 * KIB))
        hand_on(sink, buf);
}

bool sink_finish(struct sink *sink, struct buf *buf)
{
    hand_on(sink, buf);
    buf_free(buf);
    return !sink->failed;
}
