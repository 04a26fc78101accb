/* What the site's files share. For this room only. */
#ifndef POLICY_SITE_INTERNAL_H
#define POLICY_SITE_INTERNAL_H

#include "policy/site.h"

/* One object of the site: the instance that holds for its key. */
struct site_row {
    const char *key; /* the key's values joined by U+001F */
    const struct instance *instance;
};

struct site_rows {
    size_t count;
    struct site_row *rows; /* by key without case, each key once; in the policy's arena */
};

/* Instances of the classes (NULL ends the list) by the key properties (NULL ends the list). Where
   several have one key the later document's holds, with warning DUPLICATE_OBJECT if they differ.
   An instance without a key property: ERROR_INPUT. */
bool site_collect(struct site_rows *rows, struct policy *policy, const char *const *classes,
                  const char *const *keys, struct error *err);

/* By the first key value only: the run of rows that begin with it. */
const struct site_row *site_find_rows(const struct site_rows *rows, const char *first_key,
                                      size_t *count);

#define SITE_KEY_SEPARATOR '\x1f'

/* Without case; NULL where no DP has it. */
const struct site_dp *site_find_dp_by_nal(const struct site *site, const char *nal_path);

struct site_tables {
    const struct site_dp **dps_by_nal; /* those that have a NAL path, by it without case */
    size_t dps_by_nal_count;

    struct site_rows status;   /* SMS_PackageStatusDistPointsSummarizer: package, NAL path */
    struct site_rows assigned; /* SMS_DistributionPoint: package, NAL path */
    struct site_rows holdings; /* SMS_DPContentInfo: package, NAL path */
};

/* The host that a NAL path or a UNC path names, in the arena; NULL where there is none. */
const char *site_nal_host(struct policy *policy, const char *nal_path);

bool site_read_dps(struct site *site, struct error *err);
bool site_read_groups(struct site *site, struct error *err);
bool site_read_contents(struct site *site, struct error *err);
bool site_read_presence(struct site *site, struct error *err);
bool site_read_deployments(struct site *site, struct error *err);

bool site_refuse(struct policy *policy, const struct instance *instance, struct error *err,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
