/* Where a URL leads: its scheme, host and port. */
#include "agent/source/http.h"

#include <string.h>
#include <strings.h>

struct place {
    char *scheme, *host, *port;
};

static bool take_place(CURLU *url, struct place *place)
{
    *place = (struct place){NULL, NULL, NULL};
    return !curl_url_get(url, CURLUPART_SCHEME, &place->scheme, 0) &&
           !curl_url_get(url, CURLUPART_HOST, &place->host, 0) &&
           !curl_url_get(url, CURLUPART_PORT, &place->port, CURLU_DEFAULT_PORT);
}

static void free_place(struct place *place)
{
    curl_free(place->scheme);
    curl_free(place->host);
    curl_free(place->port);
}

bool http_same_place(CURLU *first, CURLU *second)
{
    struct place from, to;
    bool ok = take_place(first, &from);
    ok = take_place(second, &to) && ok;
    if (ok) {
        bool secure = strcmp(from.scheme, "https") == 0, still = strcmp(to.scheme, "https") == 0;
        bool upgrade =
            !secure && still && strcmp(from.port, "80") == 0 && strcmp(to.port, "443") == 0;
        ok = (still || strcmp(to.scheme, "http") == 0) && (still || !secure) &&
             strcasecmp(from.host, to.host) == 0 && (upgrade || strcmp(from.port, to.port) == 0);
    }
    free_place(&from);
    free_place(&to);
    return ok;
}
