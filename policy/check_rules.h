/* The reviewer's rules, by what they look at: what the files of check_*.c share. Only they and
   check.c include it. */
#ifndef POLICY_CHECK_RULES_H
#define POLICY_CHECK_RULES_H

#include "policy/base/buf.h"
#include "policy/check.h"
#include "policy/site_pairs.h"
#include "policy/site_tables.h"

typedef void check_rule(struct findings *findings, const struct check_input *input,
                        const struct check_row *row);

/* Adds a finding of the row's code and severity; text and object go into the policy's arena. Beyond
   LIMIT_FINDINGS of one rule it is only counted. */
void check_add(struct findings *findings, const struct check_row *row, const char *object,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* May the running rule add one more? Else it is counted, and its text need not be made. */
bool check_has_room(struct findings *findings);

/* A text from outside, at most CHECK_NAME_MAX bytes of it, in the arena where it was cut. */
#define CHECK_NAME_MAX 256
const char *check_short(struct policy *policy, const char *text);

/* "boundary 16777217 '10.1.2.0'", "boundary group 16777301 'London'", in the arena. */
const char *check_boundary_name(struct policy *policy, const struct site_boundary *boundary);
const char *check_group_name(struct policy *policy, const struct site_group *group);

/* "a, b, c and 4 more": the first three and how many there are. All-zero is empty. */
struct check_list {
    struct buf text;
    size_t count;
};
void check_list_add(struct check_list *list, const char *text);
void check_list_add_id(struct check_list *list, int64_t id);
/* In the arena; empties the list. */
const char *check_list_text(struct policy *policy, struct check_list *list);

/* Which groups each boundary is in: those of site.boundaries[b] are the indices into site.groups
   groups[first[b]] to groups[first[b + 1] - 1], ascending. */
struct check_memberships {
    size_t *first, *groups; /* owned */
};
void check_memberships_read(struct check_memberships *memberships, const struct site *site);
void check_memberships_free(struct check_memberships *memberships);

/* Do the rules of 1610 and later hold, with default groups and neighbors? */
bool check_current_rules(const struct site *site);

/* check_boundaries.c */
check_rule check_boundary_no_group, check_subnet_mask, check_boundary_everything,
    check_boundary_nothing, check_vpn_no_match, check_boundary_twice;
/* May an address or network ID that counts lie in this range, prefix or subnet? */
bool check_may_hold(const struct boundary *boundary);

/* check_overlap.c */
check_rule check_boundary_overlap;

/* check_groups.c */
check_rule check_group_no_dp, check_group_no_boundary, check_upgrade_leftover,
    check_workstation_only, check_duplicate_name, check_no_default_group,
    check_default_group_no_site;

/* check_links.c: relationships, and rows that join to nothing */
check_rule check_relationship_no_dp, check_relationship_no_group, check_relationship_self,
    check_default_behavior_zero, check_member_missing, check_dp_missing;

/* check_counts.c */
check_rule check_count_mismatch;

/* check_dps.c */
check_rule check_dp_no_group, check_protected_unreached, check_dp_twice, check_dp_address_unknown,
    check_internet_sharing_unknown, check_internet_no_https;

/* check_discovery.c */
check_rule check_machine_no_address, check_machine_many_addresses;

/* check_names.c */
check_rule check_name_unprintable;

/* check_seen.c: what several rules on contents, DP groups and limits look at */

/* "distribution point dp1.contoso.test", "distribution point group 'Europe'", in the arena. */
const char *check_dp_name(struct policy *policy, const struct site_dp *dp);
const char *check_dp_group_name(struct policy *policy, const struct site_dp_group *group);
/* "content PS100001 'VPN client'", "package PS100001 'VPN client'", in the arena. */
const char *check_content_name(struct policy *policy, const struct site_content *content);
const char *check_package_name(const struct check_input *input, const char *id);

/* "installation failed (state 3)", "no row" for NULL, in the arena. */
const char *check_pair_words(struct policy *policy, const struct site_pair *pair);

/* What is where; made when first asked for. */
const struct site_pairs *check_pairs(struct findings *findings, const struct check_input *input);

struct check_manifest {
    const char *refused; /* why it is refused, or NULL */
    bool has_sha1;
};

/* Of each content in the site, made when first asked for. */
const struct check_manifest *check_manifests(struct findings *findings,
                                             const struct check_input *input);

/* Can presence be judged at all: does the policy hold DPs and say what is where? */
bool check_knows_presence(const struct check_input *input);

/* check_contents.c: where contents are */
check_rule check_content_no_dp, check_content_old_only, check_content_failed,
    check_duplicate_content_name;

/* check_hashes.c: how contents are known to be right */
check_rule check_content_unverifiable, check_folder_hash_only, check_sha1, check_manifest_refused;

/* check_dp_groups.c */
check_rule check_dp_group_new_member, check_dp_group_not_balance, check_dp_group_empty,
    check_dp_group_missing, check_dp_group_count;

/* check_limits.c */
check_rule check_dp_content_limit, check_site_dp_limit, check_hierarchy_dp_limit;

/* check_cloud.c */
check_rule check_cloud_never_allowed, check_cloud_no_name, check_cloud_no_cname;

/* check_documents.c */
check_rule check_policy_warnings, check_secret_readable, check_missing_class, check_lazy,
    check_too_shallow, check_settings_unassigned;

#endif
