/* One content on its way to the places where it is laid out. */
#ifndef AGENT_PUBLISH_PUBLICATION_H
#define AGENT_PUBLISH_PUBLICATION_H

#include "agent/publish/input.h"

struct publication {
    struct input *input;
    const char *content_id;
    int64_t version;
    bool replace, sync;
};

enum publish_result {
    PUBLISH_NEW,      /* it is laid out now */
    PUBLISH_REPLACED, /* in the place of what stood there */
    PUBLISH_SAME,     /* it was laid out already */
};

const char *publish_result_word(enum publish_result result); /* "published" */

struct laid_out {
    enum publish_result result;
    char *path; /* of the content's tree; owned; NULL: not asked for */
};

/* Two names that differ by case only are one to everybody else: is there one in the folder `room`
   beneath `root`? Code OTHER_CASE. */
bool publication_refuse_twin(int root, const char *room, const char *name, const char *where,
                             struct error *err);

#endif
