/* What locate's files share: one question and its answer. Only they include it. */
#ifndef AGENT_COMMAND_LOCATE_H
#define AGENT_COMMAND_LOCATE_H

#include "agent/command/question.h"
#include "agent/command/words.h"

#include "agent/location/reply.h"

#include "policy/manifest.h"

struct locate {
    const struct options *options;
    const char *asked; /* CONTENT as written; with --reply it may be NULL */
    struct world world;
    const struct site_content *content; /* NULL: unknown */
    struct question question;
    bool has_manifest;
    struct manifest manifest;
    struct decision decision;
    struct answer answer;
    const struct site_dp *why; /* of --why, or NULL */
    struct location_walk walk; /* of that DP */
    bool has_reply;
    struct location_reply reply;       /* of --reply */
    const struct site_dp **record_dps; /* of each of its records, or NULL */
    size_t difference_count;           /* of --compare */
    struct difference *differences;
    struct error *failure; /* NULL: there is a location */
};

/* What a reply and nearpoint's own list do not share. */
enum difference_kind {
    DIFFERENCE_RULES,         /* the reply is of another age than the rules */
    DIFFERENCE_GROUP_THERE,   /* the reply has the machine in a group that does not hold it here */
    DIFFERENCE_GROUP_HERE,    /* the other way round */
    DIFFERENCE_NO_DP,         /* the policy knows no such distribution point: a peer, say */
    DIFFERENCE_EXCLUDED_HERE, /* in the reply, not on the list */
    DIFFERENCE_MISSING_THERE, /* on the list, not in the reply */
    DIFFERENCE_LOCALITY,
    DIFFERENCE_URL,
    DIFFERENCE_ORDER, /* two that stand the other way round */
};

struct difference {
    enum difference_kind kind;
    const struct location_reply_record *record; /* NULL: not in the reply */
    const struct location *location;            /* NULL: not on the list */
    const struct excluded_dp *excluded;         /* why it is not, or NULL */
    const struct location *behind;              /* DIFFERENCE_ORDER: stands first in the reply */
    const struct site_group *group;             /* or NULL */
    int64_t group_id;
};

const char *difference_word(enum difference_kind kind); /* "excludedHere" */
/* The rule behind it; the caller frees the text. */
char *difference_words(const struct locate *locate, const struct difference *difference);

/* Reads the file of --reply. What it knows of distribution points' networks, and the policy does
   not, goes into the world's site (policy model: A DP's addresses): before the index is made. */
bool locate_reply_read(struct locate *locate, struct error *err);
/* The policy's DP that a record names, or NULL. */
const struct site_dp *locate_reply_dp(const struct locate *locate,
                                      const struct location_reply_record *record);
json_t *locate_reply_json(const struct locate *locate);
void locate_reply_text(const struct locate *locate, struct buf *out);

/* Fills `differences`; the decision's arena has them. */
void locate_compare(struct locate *locate);
json_t *locate_compare_json(const struct locate *locate);
void locate_compare_text(const struct locate *locate, struct buf *out);

/* The location or the exclusion of a DP; one of them is NULL. */
const struct location *locate_find_location(const struct locate *locate, const struct site_dp *dp);
const struct excluded_dp *locate_find_excluded(const struct locate *locate,
                                               const struct site_dp *dp);
/* One step of the walk in words; the caller frees the text. */
char *locate_step_words(const struct locate *locate, const struct location_step *step);

const char *locate_machine_name(const struct locate *locate);
json_t *locate_json(const struct locate *locate);

/* The text forms; the caller frees the buffer. */
void locate_text(const struct locate *locate, struct buf *out);
void locate_brief(const struct locate *locate, struct buf *out);
void locate_why(const struct locate *locate, struct buf *out);

#endif
