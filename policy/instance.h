/*
 * Policy documents → instances: a class name and a bag of typed properties, as in WMI, each with
 * the document and line it came from. One bag whatever form the document had. Properties may hold
 * further instances (client settings do).
 *
 * Everything hangs in the policy's arena: pointers stay valid until policy_free. No network, no
 * clock, no environment. Reads files and folders by the paths it is given (open, openat, fstat,
 * read, readdir); anyone may call it.
 */
#ifndef POLICY_INSTANCE_H
#define POLICY_INSTANCE_H

#include "policy/base/error.h"
#include "policy/base/hash.h"
#include "policy/base/mem.h"
#include "policy/signature.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type {
    VALUE_NULL, /* null or absent: not known, never zero */
    VALUE_BOOL,
    VALUE_INT,
    VALUE_TEXT, /* also numbers beyond 2^63-1 and datetimes */
    VALUE_ARRAY,
    VALUE_OBJECT, /* an embedded instance */
};

struct instance;

/* A site has a million of them: only the member that the type names is there. */
struct value {
    enum value_type type;
    uint32_t count; /* VALUE_ARRAY */
    union {
        bool truth;                /* VALUE_BOOL */
        int64_t number;            /* VALUE_INT */
        const char *text;          /* VALUE_TEXT: UTF-8, NUL-terminated, holds no NUL */
        const struct value *items; /* VALUE_ARRAY: one at least, none of them an array */
        const struct instance *object;
    };
};

struct property {
    const char *name; /* as written; compared without case */
    struct value value;
    bool secret; /* never printed */
    unsigned line;
};

/* Weakest first (policy model: Settings). */
enum layer { LAYER_BUILT_IN, LAYER_DEFAULT, LAYER_CUSTOM, LAYER_LOCAL };

#define PRECEDENCE_NONE 2147483647 /* PolicyPrecedence absent: the weakest */

/* One document: a policy, or an export, which has no PolicyID. */
struct document {
    const char *path;         /* as given or folder/name */
    const char *policy_id;    /* NULL: an export */
    const char *version_text; /* PolicyVersion as written: "2.00"; NULL: an export */
    int64_t version[2];       /* compared as two numbers */
    const char *source;       /* PolicySource: "SMS:PS1", "Local"; NULL where it is not said */
    enum layer layer;
    int64_t priority;              /* PolicyPrecedence; smaller wins */
    bool superseded;               /* another document has this PolicyID in a higher version */
    const char *why_not;           /* why none of it is applied, in words; NULL where it is */
    bool for_users;                /* PolicyType is User */
    bool is_reply;                 /* a policy point's reply, which has no instances */
    bool wants_sha256, wants_sha1; /* a reply names it by that */
    const char *signer;            /* whose signature was verified, or NULL */
    size_t rule_count, rules_not_applied;
    const char *rule_why_not;  /* of the first rule that is not applied */
    size_t order;              /* 0, 1, ... in the order of reading */
    unsigned part;             /* 0, 1, ... within its file */
    bool readable_by_others;   /* the file's mode gives it to all */
    char digest[HASH_HEX_MAX]; /* SHA-256 of the file's bytes; empty where nothing asked for it */
    char sha1[HASH_HEX_MAX];   /* SHA-1, likewise */
};

struct instance {
    const char *class_name;
    const struct document *document;
    const char *rule;    /* PolicyRuleID or NULL */
    const char *why_not; /* why its rule is not applied, in words; NULL where it is */
    unsigned line;
    bool partial; /* resolved: said on the instance, else by the document's layer */
    uint32_t count;
    const struct property *properties; /* in the order written */
};

struct policy_warning {
    const char *code; /* DUPLICATE_OBJECT, EQUAL_PRIORITY, EXPORT_TOO_SHALLOW,
                         SETTING_OUT_OF_RANGE, UNKNOWN_ELEMENT */
    const char *where;
    const char *text;
};

struct policy {
    struct arena arena;
    size_t document_count, document_cap;
    struct document **documents; /* in the order of reading, superseded ones included */
    size_t requested_count, requested_cap;
    struct instance **requested; /* all that was read, in the order of reading */
    size_t instance_count, instance_cap;
    struct instance **instances; /* those that count: of documents and rules in force */
    size_t warning_count, warning_cap;
    struct policy_warning *warnings;
    struct policy_reply *replies; /* reply_form.c's own */
    struct names *names; /* class and property names that were read lately, each kept once */
};

/* Whose signatures count (policy/signature.h). */
struct policy_trust {
    const struct signature_trust *anchors;
    bool required; /* documents without a signature are refused */
    struct signature_clock clock;
};

/* Reads the paths (files, or folders whose *.xml and *.json are documents, in the order of their
   names). A path that does not exist, a document that is malformed, hostile or of no known form:
   false, ERROR_INPUT with file and line. `missing_is_empty`: a path that does not exist or an
   empty folder gives no document instead (the default folder). With `trust` a document's signature,
   NAME.p7s beside it, must be good, and be there where that is required; without it (NULL)
   signatures are not looked at. On false the policy is freed. */
bool policy_read(struct policy *policy, const char *const *paths, size_t count,
                 bool missing_is_empty, const struct policy_trust *trust, struct error *err);

/* The same for a policy that holds documents already; not settled, and not freed on false. */
bool policy_add(struct policy *policy, const char *const *paths, size_t count,
                bool missing_is_empty, const struct policy_trust *trust, struct error *err);

/* One document from memory; `name` stands in messages. An all-zero policy is
   an empty one. Call policy_settle after the last; on false call policy_free. */
bool policy_read_bytes(struct policy *policy, const char *name, const char *bytes, size_t len,
                       struct error *err);

/* Decides which documents are in force (versions) and fills `instances` with what counts. The same
   PolicyID and version with other bytes: false, ERROR_INPUT, names both. */
bool policy_settle(struct policy *policy, struct error *err);

/* The site code that every policy in force names by PolicySource="SMS:<code>", or NULL where none
   does or they disagree. Local policies and exports do not count. */
const char *policy_site_code(const struct policy *policy);

void policy_free(struct policy *policy);

void policy_warn(struct policy *policy, const char *code, const char *where, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* The property's value, or NULL where it is absent or null. */
const struct value *instance_get(const struct instance *instance, const char *name);
const struct property *instance_property(const struct instance *instance, const char *name);

/* Absent or null: true and *out untouched (set the default first). A value that cannot be read as
   that type or range: false, ERROR_INPUT with file and line. Text is converted: "5", "TRUE". */
bool instance_get_int(const struct instance *instance, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct error *err);
bool instance_get_bool(const struct instance *instance, const char *name, bool *out,
                       struct error *err);
/* NULL where absent, null or not representable as text (arrays). Numbers and booleans become
   text in the arena. */
const char *instance_get_text(struct policy *policy, const struct instance *instance,
                              const char *name);

/* "folder/file.xml:12" in the policy's arena. */
const char *instance_where(struct policy *policy, const struct instance *instance);

#endif
