/* One content on its way to the places where it is laid out. */
#ifndef AGENT_PUBLISH_PUBLICATION_H
#define AGENT_PUBLISH_PUBLICATION_H

#include "agent/publish/dp_record.h"
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

/* What stands there may not be replaced, unless the order says so: code; "WHAT; --replace ...". */
bool publication_refuse(const struct publication *what, const char *where, const char *code,
                        const char *text, struct error *err);

/* May what stands there, as its record says, be replaced by this? Another content (FOREIGN), a
   higher version (LOWER_VERSION), this version with other bytes (OTHER_BYTES, naming the first file
   that differs): only if the order says so. `same`: it is this version with these very bytes; the
   input is hashed then. */
bool publication_judge(const struct publication *what, const struct dp_record *record,
                       const char *where, bool *same, struct error *err);

/* Two names that differ by case only are one to everybody else: is there one in the folder `room`
   beneath `root`? Code OTHER_CASE. */
bool publication_refuse_twin(int root, const char *room, const char *name, const char *where,
                             struct error *err);

#endif
