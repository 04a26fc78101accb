/* What a reviewer finds in the documents themselves. */
#include "policy/check_rules.h"

#include <string.h>

/* What reading the policy warned of. */
void check_policy_warnings(struct findings *findings, const struct check_input *input,
                           const struct check_row *row)
{
    const struct policy *policy = input->policy;
    for (size_t i = 0; i < policy->warning_count; i++)
        if (strcmp(policy->warnings[i].code, row->code) == 0)
            check_add(findings, row, policy->warnings[i].where, "%s", policy->warnings[i].text);
}
