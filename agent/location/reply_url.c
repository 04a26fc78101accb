#include "agent/location/reply_url.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <string.h>
#include <strings.h>

/* configmgr-facts 2.3 and 4.6 */
#define PEER_FOLDER    "/SCCM_BranchCache$/"
#define CLOUD_MANIFEST "/downloadrestservice.svc/"
#define CLOUD_CONTENT  "cid="
#define CONTAINER      "content-" /* a cloud DP's, before the package ID */

static const char *after_scheme(const char *text)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
            return text + strlen(schemes[i]);
    return NULL;
}

bool reply_url_is_web(const char *text)
{
    return after_scheme(text) != NULL;
}

/* "", ":80": what may stand between host and path. */
static bool is_port(const char *text, size_t len)
{
    char digits[8] = "";
    int64_t port;
    if (len == 0)
        return true;
    if (text[0] != ':' || len > sizeof digits)
        return false;
    memcpy(digits, text + 1, len - 1);
    return text_to_int(digits, 1, 65535, &port);
}

static bool parse_host(const char **host, struct arena *arena, const char *text, size_t len)
{
    size_t end = strcspn(text, ":");
    bool has_brackets = len && text[0] == '[';
    if (has_brackets) {
        const char *bracket = memchr(text, ']', len);
        if (!bracket)
            return false;
        end = (size_t)(bracket - text);
    }
    if (end > len)
        end = len;
    *host = arena_copy_bytes(arena, text + has_brackets, end - has_brackets);
    end += has_brackets;
    return text_is_host(*host) && is_port(text + end, len - end) &&
           has_brackets == (strchr(*host, ':') != NULL);
}

/* The last of the segments, which the folder may end. */
static const char *last_segment(struct arena *arena, const char *text, size_t len)
{
    while (len && strchr("/\\", text[len - 1]))
        len--;
    size_t start = len;
    while (start && !strchr("/\\", text[start - 1]))
        start--;
    return arena_copy_bytes(arena, text + start, len - start);
}

static const char *cloud_content(struct arena *arena, const char *query)
{
    while (*query) {
        query++; /* '?' or '&' */
        size_t len = strcspn(query, "&#");
        size_t name = strlen(CLOUD_CONTENT);
        if (len > name && strncasecmp(query, CLOUD_CONTENT, name) == 0)
            return arena_copy_bytes(arena, query + name, len - name);
        query += len;
        if (*query == '#')
            break;
    }
    return NULL;
}

const char *reply_url_parse(struct location_reply_url *url, const char **host, struct arena *arena,
                            const char *text)
{
    const char *authority = after_scheme(text);
    if (!authority)
        return "is neither http nor https";
    size_t host_len = strcspn(authority, "/?#"), path_len = strcspn(authority, "?#");
    if (strlen(text) > LIMIT_URL_BYTES)
        return "is longer than a URL may be";
    if (memchr(authority, '@', host_len))
        return "holds a user's name";
    if (!parse_host(host, arena, authority, host_len))
        return "has a host that is no host";
    size_t len = (size_t)(authority - text) + path_len;
    *url = (struct location_reply_url){
        .text = arena_copy_bytes(arena, text, len),
        .folder = last_segment(arena, authority + host_len, path_len - host_len),
    };
    const char *content = text[len] == '?' ? cloud_content(arena, text + len) : NULL;
    if (content && reply_url_is_cloud(url))
        url->folder = content;
    return NULL;
}

const char *reply_smb_parse(struct location_reply_url *url, const char **host, struct arena *arena,
                            const char *text)
{
    if (strlen(text) > LIMIT_URL_BYTES)
        return "is longer than a URL may be";
    if (!text_starts_with(text, "\\\\"))
        return "does not begin with \\\\";
    size_t len = strcspn(text + 2, "\\/");
    *host = arena_copy_bytes(arena, text + 2, len);
    if (!text_is_host(*host))
        return "has a host that is no host";
    *url = (struct location_reply_url){
        .smb = true,
        .text = arena_copy_string(arena, text),
        .folder = last_segment(arena, text + 2 + len, strlen(text + 2 + len)),
    };
    return NULL;
}

bool reply_url_is_cloud(const struct location_reply_url *url)
{
    return !url->smb && strcasestr(url->text, CLOUD_MANIFEST);
}

bool reply_url_is_peer(const struct location_reply_url *url)
{
    return !url->smb && strcasestr(url->text, PEER_FOLDER);
}

bool reply_url_names(const struct location_reply_url *url, const char *content_id)
{
    size_t len = strlen(content_id);
    if (text_starts_with(url->folder, CONTAINER) &&
        text_equal(url->folder + strlen(CONTAINER), content_id))
        return true;
    return strncasecmp(url->folder, content_id, len) == 0 &&
           (url->folder[len] == '\0' || url->folder[len] == '.');
}
