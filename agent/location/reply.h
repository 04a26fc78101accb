/*
 * A ContentLocationReply: what a management point told a client, read out of a file
 * (configmgr-facts 2.3 to 2.5). Three ages have one form each: 2016 (up to 1606), 2019 and 2021
 * (with boundary groups); all three come out as one value.
 *
 * Bytes in, values out: no system calls. What is not known is NULL, or -1. Texts are from outside:
 * to be escaped before they are shown. Commands call it.
 */
#ifndef AGENT_LOCATION_REPLY_H
#define AGENT_LOCATION_REPLY_H

#include "agent/location/location.h"

/* What answers at the record's URL. */
enum location_reply_kind {
    REPLY_SERVER,      /* DPType SERVER, and where nothing says otherwise */
    REPLY_WORKSTATION, /* DPType BRANCH (ours: no such record was seen) */
    REPLY_CLOUD,       /* DPType CLOUD (ours), or the URL of a cloud service's manifest */
    REPLY_PEER,        /* another client's cache */
    REPLY_MICROSOFT_UPDATE,
    REPLY_UNKNOWN, /* another DPType */
};

struct location_reply_url {
    bool smb;           /* \\server\share\folder; else http or https */
    const char *text;   /* without query and fragment, which may hold a token */
    const char *folder; /* the last segment: names the content; a cloud manifest's cid */
};

struct location_reply_record {
    unsigned line;  /* of the file */
    size_t site;    /* index into the reply's sites */
    const char *dp; /* ServerRemoteName, else the first URL's host */
    enum location_reply_kind kind;
    const char *url; /* the first by http or https, or NULL */
    size_t url_count;
    struct location_reply_url *urls; /* each name once, in order */
    const char *signature;           /* URL of the signature, without query */
    const char *ad_site;
    size_t subnet_count;
    const char **subnets; /* network IDs as written */
    const char *version, *server_remote_name, *dp_type;
    const char *block_info;         /* where it stands in a reply is not public: <BlockInfo> */
    int64_t ssl_state, auth_method; /* Capabilities; AuthMethod 1024: by token */
    int forest_trust;               /* 1, 0, -1 */
    const char *reported;           /* the Locality as written */
    bool locality_known;
    enum locality locality; /* where known */
};

struct location_reply_hash {
    int64_t algorithm; /* 32780 SHA-256, 32772 SHA-1 */
    int64_t preference;
    const char *hash;
};

struct location_reply_group {
    int64_t id, flags;
    const char *guid;
};

struct location_reply_site {
    const char *code, *master, *locality; /* SiteLocality as written: "FALLBACK" */
};

struct location_reply {
    struct arena arena;
    unsigned line;             /* of the file, where the reply begins */
    size_t replies_in_file;    /* whole ones */
    size_t empty_after;        /* replies further on in the file that name no content at all */
    bool content_assumed;      /* this one names none, and was taken for want of another */
    enum location_rules rules; /* by the age: boundary groups came with 1610 */
    int64_t content_flags, package_flags, bgr_version;
    size_t hash_count;
    struct location_reply_hash *hashes; /* each once */
    bool has_groups;                    /* <BoundaryGroups> is there, empty or not */
    size_t group_count;
    struct location_reply_group *groups;
    const char *groups_time; /* BoundaryGroupListRetrieveTime as written: no zone is known */
    int on_vpn;              /* 1, 0, -1 */
    size_t site_count;
    struct location_reply_site *sites;
    size_t record_count;
    struct location_reply_record *records; /* in the document's order */
};

/*
 * Reads the last reply in the file that speaks of `content_id`: one URL's last segment is it, or it
 * and ".version", or a cloud DP's container of it (without case). Where none does, the last that
 * names no content, as one without locations cannot. NULL: the last of all. Newer ones are read on
 * the way and must be well-formed; older ones are not looked at.
 *
 * The file is XML, or a log of client or management point that holds replies in its lines; UTF-8,
 * or UTF-16 with byte order mark. `where` names it in messages.
 *
 * false: ERROR_INPUT with file and line, nothing to free. Code NO_REPLY: no such reply is in it;
 * REPLY: a value that cannot be (a host that is none, a number that is none, a record that names
 * nobody); REPLY_LIMIT, XML, XML_DTD, XML_LIMIT.
 */
bool location_reply_read(struct location_reply *reply, const char *bytes, size_t len,
                         const char *content_id, const char *where, struct error *err);
void location_reply_free(struct location_reply *reply);

const char *location_reply_kind_word(enum location_reply_kind kind); /* "microsoftUpdate" */

#endif
