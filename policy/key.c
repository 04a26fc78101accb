#include "policy/key.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

static const struct key_row {
    const char *class_name;
    const char *properties[KEY_MAX + 1]; /* NULL: no more */
} rows[] = {
    {"NP_CloudAccess", {"NALPath"}},
    {"NP_Content", {"ContentID", "Version"}},
    {"NP_ContentHash", {"ContentID", "Version"}},
    {"NP_DistributionPoint", {"NALPath"}},
    {"NP_ResolvedAddresses", {"NALPath"}},
    {"SMS_Advertisement", {"AdvertisementID"}},
    {"SMS_ApplicationAssignment", {"AssignmentID"}},
    {"SMS_AzureService", {"AzureServiceID"}},
    {"SMS_BaselineAssignment", {"AssignmentID"}},
    {"SMS_BootImagePackage", {"PackageID"}},
    {"SMS_Boundary", {"BoundaryID"}},
    {"SMS_BoundaryGroup", {"GroupID"}},
    {"SMS_BoundaryGroupMembers", {"GroupID", "BoundaryID"}},
    {"SMS_BoundaryGroupRelationships", {"SourceGroupID", "DestinationGroupID"}},
    {"SMS_BoundaryGroupSiteSystems", {"GroupID", "ServerNALPath"}},
    {"SMS_ClientSettings", {"SettingsID"}},
    {"SMS_ClientSettingsAssignment", {"ClientSettingsID", "CollectionID"}},
    {"SMS_ClientSettingsDefault", {"SettingsID"}},
    {"SMS_Content", {"ContentID"}},
    {"SMS_ContentPackage", {"PackageID"}},
    {"SMS_DPContentInfo", {"NALPath", "ObjectID"}},
    {"SMS_DPGroupMembers", {"GroupID", "DPNALPath"}},
    {"SMS_DPGroupPackages", {"GroupID", "PkgID"}},
    {"SMS_DefaultBoundaryGroup", {"GroupID"}},
    {"SMS_DistributionPoint", {"PackageID", "ServerNALPath"}},
    {"SMS_DistributionPointGroup", {"GroupID"}},
    {"SMS_DistributionPointInfo", {"NALPath"}},
    {"SMS_DriverPackage", {"PackageID"}},
    {"SMS_FullCollectionMembership", {"CollectionID", "ResourceID"}},
    {"SMS_ImagePackage", {"PackageID"}},
    {"SMS_OperatingSystemInstallPackage", {"PackageID"}},
    {"SMS_Package", {"PackageID"}},
    {"SMS_PackageStatusDistPointsSummarizer", {"PackageID", "ServerNALPath"}},
    {"SMS_PackageToContent", {"PackageID", "ContentID"}},
    {"SMS_R_System", {"ResourceId"}},
    {"SMS_Site", {"SiteCode"}},
    {"SMS_SoftwareUpdatesPackage", {"PackageID"}},
    {"SMS_SystemResourceList", {"NALPath", "RoleName"}},
    {"SMS_TaskSequencePackage", {"PackageID"}},
    {"SMS_UpdateGroupAssignment", {"AssignmentID"}},
    {"SMS_UpdatesAssignment", {"AssignmentID"}},
};

static const struct key_row *find_row(const char *class_name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (text_equal(rows[i].class_name, class_name))
            return &rows[i];
    return NULL;
}

const char *const *key_properties(const char *class_name)
{
    const struct key_row *row = find_row(class_name);
    return row ? row->properties : NULL;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int key_compare_values(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return compare_numbers(a->type, b->type);
    switch (a->type) {
    case VALUE_NULL: return 0;
    case VALUE_BOOL: return compare_numbers(a->truth, b->truth);
    case VALUE_INT: return compare_numbers(a->number, b->number);
    case VALUE_TEXT: return text_compare(a->text, b->text);
    case VALUE_OBJECT: return key_compare_whole(a->object, b->object);
    case VALUE_ARRAY: break;
    }
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        int order = key_compare_values(&a->items[i], &b->items[i]);
        if (order)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}

static int by_name(const void *a, const void *b)
{
    const struct property *left = *(const struct property *const *)a;
    const struct property *right = *(const struct property *const *)b;
    return text_compare(left->name, right->name);
}

#define FEW 24 /* properties that are put in order one by one */

const struct property **key_sorted_properties(const struct instance *instance)
{
    const struct property **sorted = mem_zero(instance->count, sizeof *sorted);
    bool few = instance->count <= FEW;
    for (size_t i = 0; i < instance->count; i++) {
        const struct property *property = &instance->properties[i];
        size_t at = i;
        for (; few && at && text_compare(sorted[at - 1]->name, property->name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = property;
    }
    if (!few)
        qsort(sorted, instance->count, sizeof *sorted, by_name);
    return sorted;
}

int key_compare_whole(const struct instance *a, const struct instance *b)
{
    if (!text_equal(a->class_name, b->class_name))
        return text_compare(a->class_name, b->class_name);
    const struct property **left = key_sorted_properties(a);
    const struct property **right = key_sorted_properties(b);
    int order = 0;
    for (size_t i = 0; order == 0 && i < a->count && i < b->count; i++) {
        order = text_compare(left[i]->name, right[i]->name);
        if (order == 0)
            order = key_compare_values(&left[i]->value, &right[i]->value);
    }
    free(left);
    free(right);
    return order ? order : (a->count > b->count) - (a->count < b->count);
}

int key_compare(const struct instance *a, const struct instance *b)
{
    static const struct value absent = {.type = VALUE_NULL};
    int order = text_compare(a->class_name, b->class_name);
    const struct key_row *row = order ? NULL : find_row(a->class_name);
    bool is_known = row != NULL;
    for (size_t i = 0; row && order == 0 && i < KEY_MAX && row->properties[i]; i++) {
        const struct value *left = instance_get(a, row->properties[i]);
        const struct value *right = instance_get(b, row->properties[i]);
        is_known = is_known && left && right;
        order = key_compare_values(left ? left : &absent, right ? right : &absent);
    }
    return order || is_known ? order : key_compare_whole(a, b);
}
