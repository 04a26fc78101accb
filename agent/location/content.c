/* Who holds a content, and where. */
#include "agent/location/internal.h"

#include <stdlib.h>

bool location_is_present(enum presence presence)
{
    return presence == PRESENCE_YES || presence == PRESENCE_UPDATING ||
           presence == PRESENCE_ASSUMED;
}

/* Under the current rules only a group leads to a DP. */
static bool is_open(const struct site_dp *dp, enum location_rules rules)
{
    switch (rules) {
    case RULES_2007: return !dp->is_protected;
    case RULES_2012: return site_is_cloud(dp) || location_allows_fallback(dp);
    case RULES_CURRENT:
    case RULES_COUNT: break;
    }
    return false;
}

static void find_open(struct location_content *content, const struct site *site)
{
    for (enum location_rules rules = RULES_2007; rules < RULES_COUNT; rules++) {
        struct holders *open = &content->open[rules];
        open->dps = mem_zero(content->holder_count, sizeof *open->dps);
        for (size_t i = 0; i < content->holder_count; i++)
            if (is_open(&site->dps[content->holders[i]], rules))
                open->dps[open->count++] = content->holders[i];
    }
}

struct location_content *location_content_create(const struct site *site,
                                                 const struct site_content *content)
{
    struct location_content *made = mem_zero(1, sizeof *made);
    made->content = content;
    made->presence = mem_zero(site->dp_count, sizeof *made->presence);
    made->urls = mem_zero(site->dp_count, sizeof *made->urls);
    made->holders = mem_zero(site->dp_count, sizeof *made->holders);
    for (size_t i = 0; i < site->dp_count; i++) {
        made->presence[i] = content ? site_presence(site, &site->dps[i], content)
                                    : (struct site_presence){PRESENCE_NO, -1, -1, NULL};
        if (!location_is_present(made->presence[i].presence))
            continue;
        made->urls[i] = site_url(site, content, &site->dps[i]);
        made->holders[made->holder_count++] = (uint32_t)i;
    }
    find_open(made, site);
    return made;
}

void location_content_free(struct location_content *content)
{
    if (!content)
        return;
    free(content->presence);
    free(content->urls);
    free(content->holders);
    for (size_t i = 0; i < RULES_COUNT; i++)
        free(content->open[i].dps);
    free(content);
}

const struct site_content *location_content_asked(const struct location_content *content)
{
    return content->content;
}
