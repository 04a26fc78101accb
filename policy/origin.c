#include "policy/origin.h"

#include "policy/base/text.h"

#include <inttypes.h>
#include <string.h>

/* Longer texts (a manifest, say) are cut, with their size. */
#define TEXT_SHOWN 160

const char *origin_layer_words(enum layer layer)
{
    switch (layer) {
    case LAYER_BUILT_IN: return "built-in";
    case LAYER_DEFAULT: return "default settings";
    case LAYER_CUSTOM: return "custom settings";
    case LAYER_LOCAL: return "local policy";
    }
    return "";
}

void origin_add_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    text_escape(out, text, len, TEXT_SHOWN);
    if (len > TEXT_SHOWN)
        buf_format(out, " (%zu bytes)", len);
}

void origin_add_source(struct buf *out, const struct resultant_source *source)
{
    buf_append_text(out, origin_layer_words(source ? source->layer : LAYER_BUILT_IN));
    if (!source)
        return;
    if (source->object) {
        buf_append_text(out, " '");
        origin_add_text(out, source->object->name);
        buf_append_text(out, "'");
    }
    if (source->priority != PRECEDENCE_NONE)
        buf_format(out, ", priority %" PRId64, source->priority);
    if (source->object && source->object->collection && !source->why_not) {
        buf_append_text(out, ", collection ");
        origin_add_text(out, source->object->collection);
    }
}

void origin_add_place(struct buf *out, const struct document *document, unsigned line)
{
    if (document->policy_id) {
        buf_append_text(out, "policy ");
        origin_add_text(out, document->policy_id);
        buf_format(out, " version %s, ", document->version_text);
    }
    text_escape(out, document->path, strlen(document->path), SIZE_MAX / 2);
    buf_format(out, ":%u", line);
}
