/*
 * Instances → the site: boundaries, boundary groups, relationships, distribution points and their
 * groups, contents, what is where, deployments (policy model: Site objects). Joined once, then
 * read-only: tables are sorted by their key so that a lookup is a binary search. NAL paths, hosts
 * and IDs are compared without case.
 *
 * Of two objects of one class and key the later holds, whole, with warning DUPLICATE_OBJECT where
 * they differ. Rows that join to nothing (a member of a missing group, a server that is no
 * distribution point) are kept apart for `policy check`.
 *
 * Everything hangs in the policy's arena; the site must not outlive the policy. No system calls;
 * any room may call it.
 */
#ifndef POLICY_SITE_H
#define POLICY_SITE_H

#include "policy/base/hash.h"
#include "policy/boundary.h"
#include "policy/instance.h"

enum dp_kind { DP_SERVER, DP_WORKSTATION, DP_PULL, DP_CLOUD, DP_MDM, DP_LIBRARY };

struct site_boundary {
    int64_t id;
    struct boundary boundary; /* type, value as written, parsed interval or name */
    const char *display_name; /* NULL where not known */
    bool slow;                /* BoundaryFlags 1: the 2007 rules alone ask */
    size_t site_code_count;
    const char *const *site_codes; /* DefaultSiteCode: the 2007 rules alone ask */
    const struct instance *instance;
};

struct site_group {
    int64_t id;
    const char *name;
    int64_t flags;
    bool is_default;       /* from SMS_DefaultBoundaryGroup */
    const char *site_code; /* of a default group: the end of its name, else its DefaultSiteCode */
    size_t boundary_count;
    const size_t *boundaries; /* indices into site.boundaries, ascending */
    size_t dp_count;
    const size_t *dps; /* indices into site.dps, ascending */
    const bool *slow;  /* of each of dps: SMS_BoundaryGroupSiteSystems.Flags 1 (2012 rules) */
    const struct instance *instance;
};

struct site_relationship {
    int64_t source, destination; /* group IDs; equal: a default group's own behaviour */
    int64_t minutes;             /* FallbackDP; -1 never */
    bool says_minutes; /* false: FallbackDP is not known, `minutes` is the console's 120 */
    const struct instance *instance;
};

/* SMS_BoundaryGroup.Flags (configmgr-sdk 1.1); the second and third need the first clear. */
#define SITE_GROUP_NO_PEERS     1
#define SITE_GROUP_SUBNET_PEERS 2
#define SITE_GROUP_PREFER_DP    4
#define SITE_GROUP_PREFER_CLOUD 8

struct site_address {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    int prefix;              /* -1 where not known; of the address family */
    bool is_ipv4;
    const char *text; /* as written */
};

/* "10.1.2.3", "10.1.2.3/24", "2001:db8::1/64"; a zone ("%eth0") is passed over. The text is copied
   into the arena. false: no address. */
bool site_address_parse(struct site_address *address, struct arena *arena, const char *text);

/* NP_CloudAccess: what a cloud distribution point's blobs are asked for and read with. Secret. */
struct site_access {
    const char *nal_path;
    const char *sas;    /* query text without '?', or NULL: none is needed */
    const char *key_id; /* or NULL */
    bool has_key;
    unsigned char key[32]; /* wraps each blob's own */
    const struct instance *instance;
};

struct site_dp {
    const char *name;     /* the host as the site writes it (ServerName, else the NAL path's) */
    const char *nal_path; /* NULL where not known */
    enum dp_kind kind;
    bool https;
    bool is_protected;
    bool maintenance;
    bool internet_facing;
    int internet_shared; /* 1, 0, -1 not known, as the three below */
    int forest_trust;    /* NP_DistributionPoint.ForestTrust (2012 rules) */
    int allow_fallback;  /* NP_DistributionPoint.AllowFallback (2012 rules) */
    int bits_enabled;    /* BitsEnabled (2007 rules) */
    const char *site_code;
    const char *host;        /* in its URLs: ServerRemoteName, a cloud DP's ServiceCName */
    const char *service;     /* a cloud service's name, ServiceCName; NULL where not known */
    const char *azure_name;  /* Azure's own name of it, Fqdn; NULL where not known */
    const char *base_url;    /* the DP's root or a text with {content}, {version}; NULL: by host */
    bool scheme_supported;   /* of base_url: http or https */
    int64_t max_connections; /* 0: not said */
    size_t address_count;
    const struct site_address *addresses;
    bool addresses_resolved; /* by DNS (NP_ResolvedAddresses): whatever else is known is stronger */
    size_t subnet_count;
    const char *const *subnets; /* network IDs, where only they are known */
    const char *ad_site;
    const char *library_path;         /* NP_DistributionPoint.LibraryPath, or NULL */
    bool library_signed;              /* it stands in a document whose signature was verified */
    const struct site_access *access; /* NULL: the policy has none for it */
    const struct instance *instance;
};

/* What a NAL path has as its host, in the arena, or NULL (configmgr-sdk 2.3). */
const char *site_nal_host(struct policy *policy, const char *nal_path);

/* Cloud distribution points, and those of MDM (Intune), which are cloud DPs of another name. */
bool site_is_cloud(const struct site_dp *dp);

/* Of a cloud DP, or of a content library on this machine, no address decides anything. */
bool site_lacks_address(const struct site_dp *dp);

/* Folders below which policy that nobody signed may name content libraries. */
struct library_roots {
    size_t count;
    const char *const *paths;
};

enum library_path {
    LIBRARY_PATH_ALLOWED,
    LIBRARY_PATH_MISSING,
    LIBRARY_PATH_MALFORMED, /* not absolute, or with an empty, '.' or '..' segment */
    LIBRARY_PATH_OUTSIDE    /* below none of the roots */
};

/* By the text of its path alone. `root` becomes the root that allows it; "/" of a signed one. */
enum library_path site_judge_library(const struct site_dp *dp, const struct library_roots *roots,
                                     const char **root);

#define SITE_CONTENT_ON_DEMAND                                        \
    (INT64_C(1) << 30) /* PkgFlags: the site brings it when asked for \
                        */

#define SITE_CONTENT_PLAIN_IN_CLOUD \
    (INT64_C(1) << 23) /* PkgFlags: DO_NOT_ENCRYPT_CONTENT_ON_CLOUD */

#define SITE_CONTENT_PERSIST (INT64_C(1) << 25) /* PkgFlags: PERSIST_IN_CACHE (configmgr-sdk) */

enum content_kind { CONTENT_PACKAGE, CONTENT_APPLICATION, CONTENT_UPDATE };

struct site_content {
    const char *id;         /* what locate prints: the package ID, else the content's unique ID */
    const char *package_id; /* presence is looked up by it; NULL where none is known */
    const char *name;       /* NULL where not known */
    enum content_kind kind;
    bool has_version;
    int64_t version;      /* wanted */
    bool has_manifest;    /* in the wanted version */
    const char *manifest; /* the <Content> document */
    size_t manifest_len;
    const char *manifest_where; /* document and line */
    const char *hash;           /* folder hash of the wanted version, or NULL */
    int64_t hash_algorithm;     /* HashAlgorithm beside it; 0 where not known */
    int64_t flags;              /* PkgFlags */
    const struct instance *instance;
};

enum presence {
    PRESENCE_YES,
    PRESENCE_UPDATING,
    PRESENCE_ASSUMED,
    PRESENCE_NO,
    PRESENCE_OLD,
    PRESENCE_NEWER
};

struct site_presence {
    enum presence presence;
    int state;               /* State of the summarizer row, -1 where there is none */
    int64_t version;         /* SourceVersion there, -1 where not known */
    const char *last_copied; /* NULL where not known */
};

/* SMS_DistributionPointGroup: not a boundary group. */
struct site_dp_group {
    const char *id; /* GUID text */
    const char *name;
    size_t dp_count;
    const size_t *dps; /* indices into site.dps, ascending */
    size_t package_count;
    const char *const *packages;      /* IDs, ascending without case */
    size_t member_rows, package_rows; /* what the policy has, rows that join to nothing included */
    const struct instance *instance;
};

enum site_type { SITE_SECONDARY = 1, SITE_PRIMARY = 2, SITE_CENTRAL = 4 };

/* SMS_Site */
struct site_code {
    const char *code;
    int64_t type;           /* SITE_PRIMARY, ...; 0 where not known */
    const char *reports_to; /* code of the site above, or NULL */
    const struct instance *instance;
};

struct site_deployment {
    const char *id;
    const char *content_id; /* package ID; NULL where the class does not say */
    bool from_dp_locality;  /* bits are DPLocality's, else RemoteClientFlags' */
    int64_t bits;
    int64_t advert_flags;
    bool is_application;   /* of a class whose contents have options of their own */
    bool is_task_sequence; /* its package is one */
    bool pinned;           /* NP_Deployment: its content stays in the cache */
    int64_t version;       /* NP_Deployment: of the content; -1: the newest */
    const struct instance *instance;
};

/* What a deployment type says of its content (SMS_DeploymentType.SDMPackageXML, configmgr-sdk
   5.3). */
struct site_content_options {
    bool known;    /* false: no deployment type of the policy names the content */
    bool slow;     /* OnSlowNetwork: Download, also where it is missing */
    bool fallback; /* FallbackToUnprotectedDP; missing is false */
    const struct instance *instance;
};

struct site {
    struct policy *policy;
    const char *site_code; /* by PolicySource where all documents agree, or NULL */
    const char *rules;     /* NP_HierarchyRules.Rules or NULL */
    size_t boundary_count;
    struct site_boundary *boundaries; /* by ID */
    size_t group_count;
    struct site_group *groups; /* by ID */
    size_t relationship_count;
    struct site_relationship *relationships; /* by source, then destination */
    size_t dp_count;
    struct site_dp *dps; /* by name without case */
    size_t content_count;
    struct site_content *contents; /* by ID without case, then version */
    size_t access_count;
    struct site_access *accesses; /* by NAL path without case */
    size_t dp_group_count;
    struct site_dp_group *dp_groups; /* by ID without case */
    size_t code_count;
    struct site_code *codes; /* by code without case */
    size_t deployment_count;
    struct site_deployment *deployments; /* by ID without case */
    struct site_tables *tables;          /* site_*.c's own */
};

/* A structural value out of range (boundary value, ID, minutes below -1), a DP's host or a content
   ID that the policy model refuses: false, ERROR_INPUT with file and line. */
bool site_read(struct site *site, struct policy *policy, struct error *err);

/* CONTENT as on a command line (policy model: Names of a content). NULL: unknown (err FAILED,
   code UNKNOWN_CONTENT) or several have that name (code AMBIGUOUS, the list in the text). */
const struct site_content *site_find_content(const struct site *site, const char *name,
                                             struct error *err);

/* Of a content that no package's row names. */
enum content_kind site_content_kind(const char *id);

/* The content's folder hash, where it is one that can be made again (HashAlgorithm 32780, or not
   said; 64 hex digits): upper-cased into `hex`. How one of 32772, SHA-1, was made is not public. */
bool site_folder_hash(const struct site_content *content, char hex[HASH_HEX_MAX]);

/* Which DP has it (policy model's table). */
struct site_presence site_presence(const struct site *site, const struct site_dp *dp,
                                   const struct site_content *content);

/* The same of a State (-1: no summarizer row) and SourceVersion (-1: not known) on some DP. */
enum presence site_judge_presence(const struct site_content *content, int state, int64_t version);

/* No presence class in the policy at all: every DP may hold it. */
bool site_presence_assumed(const struct site *site);

/* By BoundaryID and by GroupID; NULL if the site has none. */
const struct site_boundary *site_find_boundary(const struct site *site, int64_t id);
const struct site_group *site_find_group(const struct site *site, int64_t id);
/* Where a group's relationships begin; they lie together. */
size_t site_first_relationship(const struct site *site, int64_t source);
/* NULL: no row from the one to the other. */
const struct site_relationship *site_find_relationship(const struct site *site, int64_t source,
                                                       int64_t destination);
bool site_group_has_dp(const struct site *site, const struct site_group *group,
                       const struct site_dp *dp);
/* Of a group that has it: SMS_BoundaryGroupSiteSystems.Flags 1. */
bool site_group_is_slow(const struct site *site, const struct site_group *group,
                        const struct site_dp *dp);
bool site_group_has_boundary(const struct site *site, const struct site_group *group,
                             const struct site_boundary *boundary);
const struct site_dp *site_find_dp(const struct site *site, const char *host);
const struct site_deployment *site_find_deployment(const struct site *site, const char *id);

/* Does the policy want this version to stay in a cache (PkgFlags PERSIST_IN_CACHE of the wanted
   version, NP_Deployment.Pinned)? */
bool site_is_pinned(const struct site *site, const char *content_id, int64_t version);

/* The options of an application's content; `known` is false where nothing says them. Of several
   deployment types that name it in its version the one of the highest CIVersion counts, of equals
   the last that was read. SDMPackageXML is read only when this is called: malformed: false,
   ERROR_INPUT with file and line. */
bool site_find_content_options(const struct site *site, const struct site_content *content,
                               struct site_content_options *options, struct error *err);

/* The content's folder name on a DP, container on a cloud DP, in the arena. */
const char *site_folder(const struct site *site, const struct site_content *content,
                        const struct site_dp *dp);

/* The content's URL on this DP (policy model: A DP's URL), in the arena. */
const char *site_url(const struct site *site, const struct site_content *content,
                     const struct site_dp *dp);

const char *site_state_word(int state);      /* "installation failed", "not known" */
const char *dp_kind_word(enum dp_kind kind); /* "server" */

/* A property of several texts, in the arena: an array's without the empty ones, or one text's parts
   between commas and blanks. NULL and 0 where there are none. */
const char *const *site_texts(struct policy *policy, const struct instance *instance,
                              const char *name, size_t *count);

/* Do two machines stand in one subnet? By the first's prefix, else the second's; false where
   neither is known. */
bool site_same_subnet(const struct site_address *first, const struct site_address *second);

#endif
