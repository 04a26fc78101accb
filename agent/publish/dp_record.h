/*
 * A published content's policy document: its manifest (NP_Content) and its folder hash
 * (NP_ContentHash). It stands in the file that `publish` names and, as .nearpoint/content.xml, in
 * the tree that is laid out.
 *
 * PolicyID is a UUID of version 5 (RFC 9562) of the content ID as it is written, in the namespace
 * 24ea4320-276e-4750-85a8-4ad738b68a9e; PolicyVersion is the content's version. PolicySource is
 * Local: the document says nothing about the site that it comes from.
 */
#ifndef AGENT_PUBLISH_DP_RECORD_H
#define AGENT_PUBLISH_DP_RECORD_H

#include "agent/publish/tree.h"
#include "policy/base/buf.h"

#define DP_RECORD_NAME TREE_RESERVED "/content.xml"

#define DP_RECORD_POLICY_ID_SIZE 39 /* {8-4-4-4-12} in upper case, and NUL */
void dp_record_policy_id(const char *content_id, char id[DP_RECORD_POLICY_ID_SIZE]);

/* Could the tree's files stand in a document? A name with a character that XML does not have, or
   a manifest over LIMIT_VALUE_BYTES: ERROR_INPUT. Digests are not asked for yet. */
bool dp_record_fits(const char *content_id, int64_t version, const struct tree *tree,
                    const char *where, struct error *err);

/* Appends the document of a tree whose files are hashed. */
void dp_record_write(struct buf *out, const char *content_id, int64_t version,
                     const struct tree *tree, const char *folder_hash);

/* What such a document says. */
struct dp_record {
    char *content_id;
    int64_t version;
    struct tree files; /* with sizes and digests */
    char folder_hash[HASH_HEX_MAX];
};

/* Reads TREE/.nearpoint/content.xml; `where` names the tree. There is none: code NO_RECORD;
   anything but one such document of one content: code RECORD; both ERROR_FAILED. On false nothing
   is left to free. */
bool dp_record_read(struct dp_record *record, int tree, const char *where, struct error *err);
/* The same of the document's bytes. */
bool dp_record_parse(struct dp_record *record, const struct buf *document, const char *where,
                     struct error *err);
void dp_record_free(struct dp_record *record);

#endif
