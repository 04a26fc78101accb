#include "policy/summary.h"

#include "policy/base/text.h"
#include "policy/missing.h"
#include "policy/resultant.h"

#include <stdio.h>

/* "1,902" */
static void add_number(struct buf *out, size_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%zu", number);
    for (int i = 0; i < len; i++)
        buf_format(out, "%s%c", i && (len - i) % 3 == 0 ? "," : "", digits[i]);
}

static void add_count(struct buf *out, const char *before, size_t count, const char *one,
                      const char *many)
{
    buf_append_text(out, before);
    add_number(out, count);
    buf_format(out, " %s", count == 1 ? one : many);
}

/* Settings instances, and settings objects as an export has them. */
static size_t count_settings(const struct policy *policy)
{
    size_t count = 0;
    const char *class_name = NULL;
    bool counts = false;
    for (size_t i = 0; i < policy->instance_count; i++) {
        if (policy->instances[i]->class_name != class_name) {
            class_name = policy->instances[i]->class_name;
            counts = resultant_is_settings_class(class_name) ||
                     text_equal(class_name, "SMS_ClientSettings") ||
                     text_equal(class_name, "SMS_ClientSettingsDefault");
        }
        count += counts;
    }
    return count;
}

static void add_site(struct buf *out, const struct site *site)
{
    if (site->site_code)
        buf_format(out, "site %s", site->site_code);
    else if (site->code_count == 1)
        buf_format(out, "site %s", site->codes[0].code);
    else if (site->code_count)
        add_count(out, "", site->code_count, "site", "sites");
    else
        buf_append_text(out, "site not known");
}

void summary_text(struct buf *out, const struct site *site)
{
    add_site(out, site);
    add_count(out, ": ", site->boundary_count, "boundary", "boundaries");
    add_count(out, ", ", site->group_count, "group", "groups");
    add_count(out, ", ", site->dp_count, "DP", "DPs");
    add_count(out, ", ", site->content_count, "content", "contents");
    size_t settings = count_settings(site->policy);
    add_count(out, ", ", settings, "setting", "settings");
    const char *before = "; missing: ";
    for (size_t i = 0; i < missing_row_count; i++)
        if (missing_is(&missing_rows[i], site)) {
            buf_format(out, "%s%s", before, missing_rows[i].classes[0]);
            before = ", ";
        }
}
