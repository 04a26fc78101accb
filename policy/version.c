#include "policy/version.h"

#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

bool version_parse(const char *text, int64_t version[2])
{
    const char *dot = strchr(text, '.');
    char *whole = mem_copy_bytes(text, dot ? (size_t)(dot - text) : strlen(text));
    version[1] = 0;
    bool ok = text_to_int(whole, 0, INT64_MAX, &version[0]) &&
              (!dot || text_to_int(dot + 1, 0, INT64_MAX, &version[1]));
    free(whole);
    return ok;
}

int version_compare(const int64_t a[2], const int64_t b[2])
{
    for (int i = 0; i < 2; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}
