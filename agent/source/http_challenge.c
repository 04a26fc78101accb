/* WWW-Authenticate: which schemes a server offers (RFC 9110 sections 11.3 and 11.6.1). */
#include "agent/source/http_reply.h"

#include "policy/base/text.h"

#include <stdio.h>
#include <string.h>

static const char token_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "!#$%&'*+-.^_`|~";

static void take_scheme(struct http_reply *reply, const char *name, size_t len)
{
    char scheme[24];
    size_t used = strlen(reply->offered), room = sizeof reply->offered - used;
    if (len >= sizeof scheme)
        return;
    snprintf(scheme, sizeof scheme, "%.*s", (int)len, name);
    if (text_equal(scheme, "Negotiate"))
        reply->negotiate = true;
    else if (len + 3 <= room)
        snprintf(reply->offered + used, room, "%s%s", used ? ", " : "", scheme);
}

/* Behind the next comma that stands in no quoted string. */
static const char *skip_element(const char *at)
{
    bool quoted = false;
    for (; *at && (quoted || *at != ','); at++) {
        if (*at == '\\' && quoted && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
    }
    return *at ? at + 1 : at;
}

/* Of the elements between commas those begin a challenge that are no `name = value`. */
void http_reply_challenges(struct http_reply *reply, const char *value)
{
    while (*value) {
        value += strspn(value, " \t,");
        size_t len = strspn(value, token_chars);
        size_t blank = strspn(value + len, " \t");
        char after = value[len];
        bool ends = after == '\0' || after == ',' || after == ' ' || after == '\t';
        if (len > 0 && ends && value[len + blank] != '=')
            take_scheme(reply, value, len);
        value = skip_element(value + len);
    }
}
