#include "agent/source/dp_form.h"
#include "agent/source/source.h"

#include "policy/base/buf.h"

#include <string.h>
#include <strings.h>

#define FORMS_A_ROOT 2

/* In the order of a client's tries (configmgr-facts 5.1). */
static const char *const roots[] = {"", "NOCERT_", "CCMTOKENAUTH_"};

#define ROOT_COUNT (sizeof roots / sizeof roots[0])

/* Where the path's segment SMS_DP_SMSPKG$ begins; NULL: it has none. */
static const char *find_root(const char *url)
{
    static const char *const names[] = {"SMS_DP_SMSPKG$", "SMS_DP_SMSPKG%24"};
    size_t end = strcspn(url, "?#");
    for (const char *at = strchr(url, '/'); at && at < url + end; at = strchr(at + 1, '/'))
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            size_t len = strlen(names[i]);
            if (strncasecmp(at + 1, names[i], len) == 0 && strchr("/?#", at[1 + len]))
                return at + 1;
        }
    return NULL;
}

unsigned dp_form_count(const char *content_url)
{
    return find_root(content_url) ? FORMS_A_ROOT * ROOT_COUNT : FORMS_A_ROOT;
}

char *dp_form_content_url(const char *content_url, unsigned form)
{
    struct buf url = {0};
    const char *root = find_root(content_url);
    size_t before = root ? (size_t)(root - content_url) : strlen(content_url);
    buf_append(&url, content_url, before);
    if (root) {
        buf_append_text(&url, roots[form / FORMS_A_ROOT]);
        buf_append_text(&url, root);
    }
    return url.data;
}

static void append_encoded(struct buf *url, const char *name)
{
    for (const char *c = name; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("-._~/", *c);
        if (plain)
            buf_append(url, c, 1);
        else
            buf_format(url, "%%%02X", (unsigned char)*c);
    }
}

char *dp_form_file_url(const char *content_url, unsigned form, const char *name)
{
    char *content = dp_form_content_url(content_url, form);
    struct buf url = {.data = content, .len = strlen(content), .cap = strlen(content) + 1};
    buf_append_text(&url, form % FORMS_A_ROOT ? "/sccm?/" : "/");
    append_encoded(&url, name);
    return url.data;
}

unsigned dp_form_one(const char *content_url)
{
    (void)content_url;
    return 1;
}

char *dp_form_plain_url(const char *content_url, unsigned form, const char *name)
{
    (void)form;
    return dp_form_file_url(content_url, 0, name);
}

bool source_is_refusal(const struct source_result *result)
{
    return !result->ok && !result->full && !result->retry &&
           (result->status == 401 || result->status == 403 || result->status == 404 ||
            result->status == 405);
}

const char *source_refusal_advice(int status)
{
    switch (status) {
    case 401: return "it wants a login: allow anonymous access there";
    case 403: return "it refuses this machine: does it want a client certificate?";
    case 404: return "is the content there, or does request filtering hide it?";
    case 405: return "on IIS, WebDAV Publishing must not be installed";
    default: return "";
    }
}

size_t source_shown_length(const char *url)
{
    static const char form[] = "/sccm";
    size_t len = strcspn(url, "?#"), before = sizeof form - 1;
    bool is_path = len >= before && memcmp(url + len - before, form, before) == 0 &&
                   strncmp(url + len, "?/", 2) == 0;
    return is_path ? len + 1 + strcspn(url + len + 1, "?#") : len;
}
