/* What where's files share: one question and its answer. Only they include it. */
#ifndef AGENT_COMMAND_WHERE_H
#define AGENT_COMMAND_WHERE_H

#include "agent/command/question.h"
#include "agent/command/words.h"
#include "agent/location/near_miss.h"

/* One boundary beside the machine. */
struct where_row {
    const struct site_boundary *boundary;
    const struct site_group *group; /* the one asked about, else the first with it, or NULL */
    struct near_miss miss;          /* MISS_NONE: it holds the machine */
    struct would_hold would;        /* value NULL: nothing can be said */
};

struct where {
    const struct options *options;
    struct world world;
    struct question question;
    struct decision decision;
    struct arena arena;
    size_t *first_member;              /* of each boundary of the site, and the end of the last */
    const struct site_group **members; /* the groups that have it, by ID */
    size_t group_count;                /* --why GROUP: those of that name */
    const struct site_group **groups;
    size_t held_count, row_count;
    struct where_row *rows; /* those that hold first; of the others the nearest first. Without
                               --why only one of each type that does not hold */
    struct error *failure;  /* NULL: answered */
};

/* The groups that have the boundary. */
const struct site_group *const *where_groups_of(const struct where *where,
                                                const struct site_boundary *boundary,
                                                size_t *count);

/* SMS_BoundaryGroup.Flags of the machine's groups together: what one says holds. */
int64_t where_flags(const struct where *where);

/* The group as the decision reaches it, or NULL. */
const struct located_group *where_find_group(const struct where *where,
                                             const struct site_group *group);

json_t *where_json(const struct where *where);

/* The text forms; the caller frees the buffer. */
void where_text(const struct where *where, struct buf *out);
void where_text_why(const struct where *where, struct buf *out);

/* Words; the caller frees the text. */

/* Why the row's boundary holds the machine or does not. */
char *words_boundary_why(const struct where *where, const struct where_row *row);
/* What follows for the group: when its distribution points serve the machine. */
char *words_group_verdict(const struct where *where, const struct site_group *group);
/* SMS_BoundaryGroup.Flags in words: "peer downloads allowed, cloud sources first". */
char *words_group_options(int64_t flags);

#endif
