/* What a reviewer finds in the machines that discovery recorded. */
#include "policy/check_rules.h"

#define MANY_ADDRESSES 100 /* more than a machine has that is not the sum of many years */

/* How many of the machine's addresses count; counts no further than to `enough`. */
static size_t count_addresses(struct policy *policy, const struct instance *machine, size_t enough)
{
    size_t text_count, count = 0;
    const char *const *texts = site_texts(policy, machine, "IPAddresses", &text_count);
    for (size_t i = 0; i < text_count && count < enough; i++) {
        struct site_address address;
        count += site_address_parse(&address, &policy->arena, texts[i]) &&
                 !address_is_placeless(address_from_bytes(address.bytes));
    }
    return count;
}

void check_machine_no_address(struct findings *findings, const struct check_input *input,
                              const struct check_row *row)
{
    const struct site_rows *machines = &input->site->tables->machines;
    struct check_list unknown = {.count = 0};
    for (size_t i = 0; i < machines->count; i++)
        if (count_addresses(input->policy, machines->rows[i].instance, 1) == 0)
            check_list_add(&unknown, check_short(input->policy, machines->rows[i].text[0]));
    size_t count = unknown.count;
    if (count)
        check_add(
            findings, row, "machines",
            "no address that says where they stand is known of %zu: %s: they are in no IP "
            "range and no IPv6 prefix, and in a subnet or AD site only where discovery "
            "recorded that: ask about them with --machine and a file that has their addresses",
            count, check_list_text(input->policy, &unknown));
}

void check_machine_many_addresses(struct findings *findings, const struct check_input *input,
                                  const struct check_row *row)
{
    struct policy *policy = input->policy;
    const struct site_rows *machines = &input->site->tables->machines;
    for (size_t i = 0; i < machines->count; i++) {
        size_t count = count_addresses(policy, machines->rows[i].instance, SIZE_MAX);
        if (count > MANY_ADDRESSES && check_has_room(findings))
            check_add(findings, row,
                      arena_format(&policy->arena, "machine %s",
                                   check_short(policy, machines->rows[i].text[0])),
                      "has %zu addresses, and is in the groups of every boundary that holds one of "
                      "them: see whether discovery recorded what it no longer has",
                      count);
    }
}
