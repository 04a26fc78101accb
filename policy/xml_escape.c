/* The way out: text as XML writes it. */
#include "policy/xml.h"

void xml_escape(struct buf *out, const char *text, size_t len)
{
    size_t done = 0;
    for (size_t i = 0; i < len; i++) {
        const char *entity = NULL;
        switch (text[i]) {
        case '&': entity = "&amp;"; break;
        case '<': entity = "&lt;"; break;
        case '>': entity = "&gt;"; break;
        case '"': entity = "&quot;"; break;
        case '\t': entity = "&#9;"; break;
        case '\n': entity = "&#10;"; break;
        case '\r': entity = "&#13;"; break;
        default: continue;
        }
        buf_append(out, text + done, i - done);
        buf_append_text(out, entity);
        done = i + 1;
    }
    buf_append(out, text + done, len - done);
}
