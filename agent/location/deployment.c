/* What a deployment's bits allow. */
#include "agent/location/location.h"

/* RemoteClientFlags (configmgr-sdk 5.1). */
#define FLAGS_RUN_FROM_LOCAL       0x8
#define FLAGS_DOWNLOAD_FROM_REMOTE 0x40
#define FLAGS_RUN_FROM_REMOTE      0x80
#define FLAGS_ON_DEMAND_LOCAL      0x100
#define FLAGS_ON_DEMAND_REMOTE     0x200
#define FLAGS_DONT_FALLBACK        0x20000
#define FLAGS_ALLOW_METERED        0x40000

/* DPLocality (configmgr-sdk 5.2). */
#define LOCALITY_FROM_REMOTE   0x40
#define LOCALITY_NO_FALLBACK   0x20000
#define LOCALITY_ALLOW_METERED 0x80000

struct location_deployment location_deployment_assumed(void)
{
    return (struct location_deployment){
        .assumed = true, .remote = true, .fallback = true, .metered = true};
}

struct location_deployment location_deployment_flags(int64_t bits)
{
    return (struct location_deployment){
        .remote = bits & FLAGS_DOWNLOAD_FROM_REMOTE,
        .fallback = !(bits & FLAGS_DONT_FALLBACK),
        .metered = bits & FLAGS_ALLOW_METERED,
        .on_demand = bits & (FLAGS_ON_DEMAND_LOCAL | FLAGS_ON_DEMAND_REMOTE),
        .on_demand_remote = bits & FLAGS_ON_DEMAND_REMOTE,
        .run_from_dp = bits & (FLAGS_RUN_FROM_LOCAL | FLAGS_RUN_FROM_REMOTE),
    };
}

struct location_deployment location_deployment_locality(int64_t bits)
{
    return (struct location_deployment){
        .remote = bits & LOCALITY_FROM_REMOTE,
        .fallback = !(bits & LOCALITY_NO_FALLBACK),
        .metered = bits & LOCALITY_ALLOW_METERED,
    };
}

void location_deployment_options(struct location_deployment *deployment,
                                 const struct site_content_options *options)
{
    if (!options->known)
        return;
    deployment->remote = options->slow;
    deployment->fallback = options->fallback;
    deployment->options = options->instance;
}

bool location_deployment_remote(const struct location_deployment *deployment)
{
    return deployment->remote || (deployment->task_sequence && deployment->on_demand_remote);
}
