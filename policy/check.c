/* The table of the reviewer's rules, and how their findings are gathered. */
#include "policy/check_rules.h"

#include "policy/base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096

const struct check_row check_rows[] = {
    /* Boundaries, groups, relationships, distribution points. */
    {"BOUNDARY_EVERYTHING", FINDING_WARNING, check_boundary_everything,
     "a boundary holds every machine of an address family"},
    {"BOUNDARY_NOTHING", FINDING_WARNING, check_boundary_nothing,
     "a boundary holds only addresses that say nothing of a machine's place"},
    {"BOUNDARY_NO_GROUP", FINDING_WARNING, check_boundary_no_group,
     "a boundary is in no boundary group"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, check_boundary_overlap,
     "boundaries of different groups have machines in common"},
    {"BOUNDARY_TWICE", FINDING_WARNING, check_boundary_twice, "boundaries have one type and value"},
    {"COUNT_MISMATCH", FINDING_WARNING, check_count_mismatch,
     "a count in the export does not agree with its rows"},
    {"DEFAULT_BEHAVIOR_ZERO", FINDING_WARNING, check_default_behavior_zero,
     "a default group's own minutes are 0, which may mean at once or never"},
    {"DEFAULT_GROUP_NO_SITE", FINDING_WARNING, check_default_group_no_site,
     "a default group does not say whose site's it is"},
    {"DP_ADDRESS_UNKNOWN", FINDING_NOTE, check_dp_address_unknown,
     "distribution points without known addresses"},
    {"DP_MISSING", FINDING_WARNING, check_dp_missing,
     "a group's server is a distribution point that the policy does not describe"},
    {"DP_NO_GROUP", FINDING_WARNING, check_dp_no_group,
     "a distribution point is in no boundary group"},
    {"DP_TWICE", FINDING_WARNING, check_dp_twice, "distribution points have one host"},
    {"DUPLICATE_NAME", FINDING_WARNING, check_duplicate_name, "boundary groups have one name"},
    {"GROUP_NO_BOUNDARY", FINDING_NOTE, check_group_no_boundary,
     "a boundary group has no boundary"},
    {"GROUP_NO_DP", FINDING_WARNING, check_group_no_dp,
     "a boundary group has no distribution point"},
    {"INTERNET_NO_HTTPS", FINDING_WARNING, check_internet_no_https,
     "an internet-facing distribution point does not speak HTTPS"},
    {"INTERNET_SHARING_UNKNOWN", FINDING_NOTE, check_internet_sharing_unknown,
     "an internet-facing distribution point may or may not serve the intranet"},
    {"MACHINE_MANY_ADDRESSES", FINDING_NOTE, check_machine_many_addresses,
     "a machine has more than 100 addresses"},
    {"MACHINE_NO_ADDRESS", FINDING_NOTE, check_machine_no_address,
     "machines without an address that says where they stand"},
    {"MEMBER_MISSING", FINDING_ERROR, check_member_missing,
     "a membership names a group or boundary that the policy does not have"},
    {"NAME_UNPRINTABLE", FINDING_WARNING, check_name_unprintable,
     "a name holds characters that are not shown as they are"},
    {"NO_DEFAULT_GROUP", FINDING_WARNING, check_no_default_group,
     "the policy has no default site boundary group"},
    {"PROTECTED_UNREACHED", FINDING_WARNING, check_protected_unreached,
     "no boundary reaches a protected distribution point"},
    {"RELATIONSHIP_NO_DP", FINDING_WARNING, check_relationship_no_dp,
     "a relationship leads to a group without distribution points"},
    {"RELATIONSHIP_NO_GROUP", FINDING_ERROR, check_relationship_no_group,
     "a relationship names a group that the policy does not have"},
    {"RELATIONSHIP_SELF", FINDING_WARNING, check_relationship_self,
     "a relationship of a group that is no default group to itself"},
    {"SUBNET_MASK", FINDING_WARNING, check_subnet_mask,
     "a subnet boundary is written with a mask, which no machine matches"},
    {"UPGRADE_LEFTOVER", FINDING_NOTE, check_upgrade_leftover,
     "a group that the upgrade to 1610 made has no boundary"},
    {"VPN_NO_MATCH", FINDING_WARNING, check_vpn_no_match, "no adapter can match a VPN boundary"},
    {"WORKSTATION_ONLY", FINDING_WARNING, check_workstation_only,
     "a group's only sources are workstations"},

    /* Contents, distribution point groups, limits, cloud services, settings. */
    {"CLOUD_NEVER_ALLOWED", FINDING_WARNING, check_cloud_never_allowed,
     "there are cloud distribution points, and nothing gives AllowCloudDP True"},
    {"CLOUD_NO_CNAME", FINDING_WARNING, check_cloud_no_cname,
     "a cloud service name does not resolve, or not by a CNAME (with --resolve)"},
    {"CLOUD_NO_NAME", FINDING_WARNING, check_cloud_no_name,
     "a cloud distribution point without a service name"},
    {"CONTENT_FAILED", FINDING_ERROR, check_content_failed,
     "the installation of a content failed on distribution points (state 3)"},
    {"CONTENT_NO_DP", FINDING_WARNING, check_content_no_dp,
     "a content is on no distribution point"},
    {"CONTENT_OLD_ONLY", FINDING_WARNING, check_content_old_only,
     "distribution points have only older versions of a content"},
    {"CONTENT_UNVERIFIABLE", FINDING_WARNING, check_content_unverifiable,
     "neither a manifest nor a hash of a content is known; it would be refused"},
    {"DPGROUP_COUNT", FINDING_WARNING, check_dp_group_count,
     "a distribution point group's counts do not agree with its rows"},
    {"DPGROUP_EMPTY", FINDING_WARNING, check_dp_group_empty,
     "a distribution point group has no members"},
    {"DPGROUP_MISSING", FINDING_WARNING, check_dp_group_missing,
     "a row of a distribution point group names what the policy does not have"},
    {"DPGROUP_NEW_MEMBER", FINDING_WARNING, check_dp_group_new_member,
     "a member of a distribution point group lacks contents of the group"},
    {"DPGROUP_NOT_BALANCE", FINDING_NOTE, check_dp_group_not_balance,
     "the members of a distribution point group share no machines"},
    {"DP_CONTENT_LIMIT", FINDING_WARNING, check_dp_content_limit,
     "more than 10,000 contents on a distribution point"},
    {"DUPLICATE_CONTENT_NAME", FINDING_WARNING, check_duplicate_content_name,
     "contents have one name, which is ambiguous on a command line"},
    {"FOLDER_HASH_ONLY", FINDING_NOTE, check_folder_hash_only,
     "contents are known by a folder hash only"},
    {"HIERARCHY_DP_LIMIT", FINDING_WARNING, check_hierarchy_dp_limit,
     "more than 5,000 distribution points of a primary site with its secondary sites"},
    {"MANIFEST_REFUSED", FINDING_ERROR, check_manifest_refused,
     "a content's manifest breaks the rules; it would be refused"},
    {"SETTINGS_UNASSIGNED", FINDING_WARNING, check_settings_unassigned,
     "custom client settings are assigned to no collection"},
    {"SHA1", FINDING_WARNING, check_sha1, "contents are known by SHA-1"},
    {"SITE_DP_LIMIT", FINDING_WARNING, check_site_dp_limit,
     "more than 250 distribution points of a site, or 2,000 pull distribution points"},

    /* Documents. */
    {"EXPORT_TOO_SHALLOW", FINDING_WARNING, check_too_shallow,
     "text stands where an export should have objects"},
    {"LAZY_NOT_FETCHED", FINDING_WARNING, check_lazy, "an export lacks a lazy property"},
    {"MISSING_CLASS", FINDING_NOTE, check_missing_class,
     "a class that answers need is not in the policy"},
    {"SECRET_READABLE", FINDING_ERROR, check_secret_readable,
     "everybody may read a document that holds a secret"},
    {"ASSIGNED_NOT_HERE", FINDING_WARNING, check_policy_warnings,
     "a reply assigns a policy whose body is not there"},
    {"SIGNATURE_AHEAD", FINDING_WARNING, check_policy_warnings,
     "a document was signed more than a day ahead of this machine's clock"},
    {"DUPLICATE_OBJECT", FINDING_WARNING, check_policy_warnings,
     "two documents disagree on one object; the later holds"},
    {"EQUAL_PRIORITY", FINDING_WARNING, check_policy_warnings,
     "two policies of one layer and priority; the later PolicyID holds"},
    {"SETTING_OUT_OF_RANGE", FINDING_WARNING, check_policy_warnings,
     "a setting's value is taken at the nearest bound"},
    {"UNKNOWN_ELEMENT", FINDING_WARNING, check_policy_warnings,
     "an element of a document that is not known and passed over"},
};

const size_t check_row_count = sizeof check_rows / sizeof check_rows[0];

bool check_has_room(struct findings *findings)
{
    bool has_room = findings->count - findings->rule_first < LIMIT_FINDINGS;
    findings->rule_left_out += !has_room;
    return has_room;
}

/* How much of the text fits into `max` bytes without half a character. */
static size_t whole_characters(const char *text, size_t max)
{
    while (max && ((unsigned char)text[max] & 0xC0) == 0x80)
        max--;
    return max;
}

void check_add(struct findings *findings, const struct check_row *row, const char *object,
               const char *format, ...)
{
    if (!check_has_room(findings))
        return;
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len >= TEXT_MAX)
        text[whole_characters(text, TEXT_MAX - 1)] = '\0';
    findings->items =
        mem_grow(findings->items, &findings->cap, findings->count + 1, sizeof *findings->items);
    findings->items[findings->count++] = (struct finding){
        .severity = row->severity,
        .code = row->code,
        .object = arena_copy_string(&findings->policy->arena, object),
        .text = arena_copy_string(&findings->policy->arena, text),
    };
}

const char *check_short(struct policy *policy, const char *text)
{
    if (strlen(text) <= CHECK_NAME_MAX)
        return text;
    int len = (int)whole_characters(text, CHECK_NAME_MAX);
    return arena_format(&policy->arena, "%.*s...", len, text);
}

const char *check_boundary_name(struct policy *policy, const struct site_boundary *boundary)
{
    return arena_format(&policy->arena, "boundary %lld '%s'", (long long)boundary->id,
                        check_short(policy, boundary->boundary.value));
}

const char *check_group_name(struct policy *policy, const struct site_group *group)
{
    return arena_format(&policy->arena, "boundary group %lld '%s'", (long long)group->id,
                        check_short(policy, group->name));
}

static void run_row(struct findings *findings, const struct check_input *input,
                    const struct check_row *row)
{
    findings->rule_first = findings->count;
    findings->rule_left_out = 0;
    row->run(findings, input, row);
    size_t left_out = findings->rule_left_out;
    findings->rule_first = findings->count;
    if (left_out)
        check_add(findings, row, "policy", "and %zu more of this code", left_out);
}

static int by_severity(const void *a, const void *b)
{
    const struct check_row *left = *(const struct check_row *const *)a;
    const struct check_row *right = *(const struct check_row *const *)b;
    if (left->severity != right->severity)
        return left->severity < right->severity ? -1 : 1;
    return strcmp(left->code, right->code);
}

void check_policy(struct findings *findings, const struct check_input *input)
{
    *findings = (struct findings){.policy = input->policy};
    const struct check_row *order[sizeof check_rows / sizeof check_rows[0]];
    for (size_t i = 0; i < check_row_count; i++)
        order[i] = &check_rows[i];
    qsort(order, check_row_count, sizeof order[0], by_severity);
    for (size_t i = 0; i < check_row_count; i++)
        run_row(findings, input, order[i]);
}

void check_free(struct findings *findings)
{
    free(findings->items);
    *findings = (struct findings){0};
}

const char *check_severity_word(enum finding_severity severity)
{
    switch (severity) {
    case FINDING_ERROR: return "error";
    case FINDING_WARNING: return "warning";
    case FINDING_NOTE: break;
    }
    return "note";
}
