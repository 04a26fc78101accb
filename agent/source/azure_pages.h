/*
 * List Blobs, page after page, within one deadline: a container that repeats a marker, or never
 * comes to an end, is left. For this room and publish/.
 */
#ifndef AGENT_SOURCE_AZURE_PAGES_H
#define AGENT_SOURCE_AZURE_PAGES_H

#include "agent/source/azure_names.h"
#include "agent/source/source.h"

struct azure_pages_order {
    const char *container_url; /* without query; copied */
    const struct site_access *access;
    bool past_caches;
    int64_t stall_ms;
    azure_take take;
    void *take_arg;
    void (*done)(void *arg, const struct source_result *result); /* once, unless cancelled */
    void *arg;
};

struct azure_pages;

/* Never calls back before it returns. Those who are called back find it gone in `done`. */
struct azure_pages *azure_pages_start(struct source_client *client,
                                      const struct azure_pages_order *order);
void azure_pages_cancel(struct azure_pages *pages); /* no callback follows */

#endif
