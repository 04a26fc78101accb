/* The table of kinds. */
#include "agent/source/source.h"
#include "agent/source/azure.h"
#include "agent/source/http.h"
#include "agent/source/library.h"

const struct source_kind *source_kind_for(enum dp_kind kind)
{
    switch (kind) {
    case DP_CLOUD:
    case DP_MDM: return &azure_source;
    case DP_LIBRARY: return &library_source;
    case DP_SERVER:
    case DP_WORKSTATION:
    case DP_PULL: break;
    }
    return &http_source;
}
