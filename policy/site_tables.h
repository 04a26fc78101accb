/*
 * What the files of site_*.c share: the rows of a class sorted by their key. Only they include it,
 * and check_*.c, which look at what joins to nothing.
 */
#ifndef POLICY_SITE_TABLES_H
#define POLICY_SITE_TABLES_H

#include "policy/classes.h"
#include "policy/site.h"

/* The properties that are a class's key: texts first, then numbers; NULL: no more. */
struct site_key {
    const char *text[2];
    const char *number[2];
    bool optional; /* no first text: the row is passed over; no second: it stands as NULL */
};

struct site_row {
    const char *text[2];
    int64_t number[2];
    const struct instance *instance;
    size_t order;
};

/* Sorted by key; of doubles only the last. */
struct site_rows {
    size_t count;
    struct site_row *rows;
};

struct site_tables {
    struct classes classes;
    struct site_rows summaries;       /* SMS_PackageStatusDistPointsSummarizer: package, NAL path */
    struct site_rows distributions;   /* SMS_DistributionPoint: the same */
    struct site_rows infos;           /* SMS_DPContentInfo: the same */
    struct site_rows nal_paths;       /* of site.dps: NAL path, then index */
    struct site_rows resources;       /* SMS_SystemResourceList: NAL path, RoleName */
    struct site_rows machines;        /* SMS_R_System: Name, ResourceId */
    struct site_rows lost_members;    /* of a missing group or boundary: group, boundary */
    struct site_rows lost_servers;    /* no DP, or of a missing group: NAL path; group */
    struct site_rows packages;        /* SMS_Package and its siblings: package */
    struct site_rows lost_dp_members; /* of a missing DP group or DP: group, NAL path */
    struct site_rows lost_dp_packages; /* of a missing DP group or package: group, package */
};

/* The instances of a class that count, as read; none: *count is 0. */
const struct instance *const *site_instances(const struct site *site, const char *class_name,
                                             size_t *count);

/* The first instance of the class and how many there are, in the order of reading. */
const struct instance *const *site_instances(const struct site *site, const char *class_name,
                                             size_t *count);

/* Rows of all the classes in one table. A key that is absent, or a number out of uint32's range:
   false, ERROR_INPUT. */
bool site_rows_read(struct site *site, const char *const *classes, size_t class_count,
                    const struct site_key *key, struct site_rows *rows, struct error *err);

/* One class. */
bool site_rows_of(struct site *site, const char *class_name, const struct site_key *key,
                  struct site_rows *rows, struct error *err);

/* The first row that is not before the key; NULL compares before any text. */
size_t site_rows_seek(const struct site_rows *rows, const char *first, const char *second);

/* The row with these texts (`second` may be NULL: any), or NULL. */
const struct site_row *site_rows_find(const struct site_rows *rows, const char *first,
                                      const char *second);

/* site_rows_find for numbers. */
const struct site_row *site_rows_find_number(const struct site_rows *rows, int64_t number);

/* Rows that join to nothing gather at the front of their own table, which is read no more. */
void site_keep_lost(struct site_rows *lost, const struct site_rows *rows, size_t at);

/* site_cloud.c */
bool site_read_accesses(struct site *site, struct error *err);
const struct site_access *site_find_access(const struct site *site, const char *nal_path);

/* The DP with this NAL path, or NULL. */
struct site_dp *site_dp_by_nal_path(const struct site *site, const char *nal_path);

/* Each fills its part of the site; in this order. */
bool site_read_dps(struct site *site, struct error *err);
bool site_read_groups(struct site *site, struct error *err);
bool site_read_presence(struct site *site, struct error *err);
bool site_read_contents(struct site *site, struct error *err);
bool site_read_dp_groups(struct site *site, struct error *err);
bool site_read_codes(struct site *site, struct error *err);
bool site_read_deployments(struct site *site, struct error *err);

#endif
