/*
 * The encrypted bytes of one blob on their way to plain ones: gathered into units of whole regions,
 * opened on a worker while the next unit fills, handed on in order. Nothing of a region is given
 * before its tag was right. For azure.c only; on the loop's thread.
 */
#ifndef AGENT_SOURCE_AZURE_REGIONS_H
#define AGENT_SOURCE_AZURE_REGIONS_H

#include "agent/loop/loop.h"
#include "agent/source/decrypt.h"
#include "agent/source/source.h"

struct azure_regions;

struct azure_regions_order {
    const unsigned char *key; /* DECRYPT_KEY bytes; copied */
    int64_t region;           /* plain bytes of each but the last */
    int64_t from, to;         /* the encrypted bytes that come, in whole regions */
    int64_t skip;             /* plain bytes of the first region that nobody wants, */
    int64_t wanted;           /* and how many are wanted after them */
    size_t *units;            /* how many units all fetches have; theirs to count */
};

struct azure_regions_events {
    enum source_take (*bytes)(void *arg, const char *bytes, size_t len); /* of plain ones */
    void (*room)(void *arg);                            /* after NO_ROOM: more is taken again */
    void (*over)(void *arg, const struct error *error); /* all is handed on or, with an error, a
                                                           region is wrong; frees it at will */
    void *arg;
};

struct azure_regions *azure_regions_create(struct loop *loop,
                                           const struct azure_regions_order *order,
                                           const struct azure_regions_events *events);

/* SOURCE_NO_ROOM: nothing was taken; `room` follows. */
enum source_take azure_regions_take(struct azure_regions *regions, const char *bytes, size_t len);

/* No more bytes come, though there should be more: what is whole is opened and handed on. `over`
   follows, later. */
void azure_regions_end(struct azure_regions *regions);

/* The receiver of `bytes` takes them again. */
void azure_regions_resume(struct azure_regions *regions);

/* No event follows. A worker that has a unit is left to itself. */
void azure_regions_free(struct azure_regions *regions);

#endif
