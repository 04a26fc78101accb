/* What an answer comes to, in words. */
#include "agent/resolve/resolve.h"

#include "policy/base/limits.h"

#include <stdio.h>

const char *resolve_nature_words(enum resolve_nature nature)
{
    switch (nature) {
    case RESOLVE_PUBLIC: return NULL;
    case RESOLVE_PRIVATE: return "a private address";
    case RESOLVE_LOOPBACK: return "this machine itself";
    case RESOLVE_LINK_LOCAL: return "a link-local address";
    case RESOLVE_MULTICAST: return "a multicast address";
    case RESOLVE_UNSPECIFIED: return "an unspecified address";
    case RESOLVE_RESERVED: return "a reserved address";
    }
    return NULL;
}

static const char *words_of(enum resolve_error error)
{
    switch (error) {
    case RESOLVE_OK: break;
    case RESOLVE_NXDOMAIN: return "there is no such name";
    case RESOLVE_NODATA: return "the name has no address";
    case RESOLVE_SERVFAIL: return "its name servers fail, or cannot be reached";
    case RESOLVE_REFUSED: return "the name servers refuse to answer";
    case RESOLVE_TIMEOUT: return "no name server answers in time";
    case RESOLVE_LOOP: return "its CNAME records lead in a circle";
    case RESOLVE_TOO_LONG: return "its chain of CNAME records is longer than 16";
    case RESOLVE_MALFORMED: return "the answer is malformed, or holds what is no name";
    }
    return NULL;
}

void resolve_explain(const struct resolve_answer *answer, char *text, size_t size)
{
    const char *code = resolve_error_word(answer->error), *words = words_of(answer->error);
    _Static_assert(LIMIT_CNAME_LINKS == 16, "words_of says so");
    if (!code)
        snprintf(text, size, "it does");
    else if (answer->error == RESOLVE_MALFORMED && *answer->refused)
        snprintf(text, size, "%s (it points to %s, %s, which is never connected to)", code,
                 answer->refused, resolve_nature_words(resolve_nature(answer->refused)));
    else
        snprintf(text, size, "%s (%s)", code, words);
}
