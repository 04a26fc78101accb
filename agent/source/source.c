/* The table of kinds. */
#include "agent/source/source.h"
#include "agent/source/http.h"
#include "agent/source/library.h"

static const struct {
    enum dp_kind kind;
    const struct source_kind *source;
} kinds[] = {
    {DP_SERVER, &http_source},
    {DP_WORKSTATION, &http_source},
    {DP_PULL, &http_source},
    {DP_LIBRARY, &library_source},
};

const struct source_kind *source_kind_for(enum dp_kind kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].kind == kind)
            return kinds[i].source;
    return NULL;
}
