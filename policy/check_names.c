/* What a reviewer finds in names: characters that a console or a log does not show as they are. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

static bool is_plain(const char *text)
{
    return !text || text_is_plain(text);
}

/* `what` is the text's name in words. */
static void add(struct findings *findings, const struct check_row *row, const char *object,
                const char *what)
{
    check_add(findings, row, object,
              "its %s holds control characters, or others that are not shown as they are: type it "
              "anew",
              what);
}

static void add_boundaries(struct findings *findings, const struct check_input *input,
                           const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct site_boundary *boundary = &site->boundaries[i];
        bool value = is_plain(boundary->boundary.value);
        if ((!value || !is_plain(boundary->display_name)) && check_has_room(findings))
            add(findings, row, check_boundary_name(input->policy, boundary),
                value ? "DisplayName" : "Value");
    }
}

static void add_groups(struct findings *findings, const struct check_input *input,
                       const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->group_count; i++)
        if (!is_plain(site->groups[i].name) && check_has_room(findings))
            add(findings, row, check_group_name(input->policy, &site->groups[i]), "name");
    for (size_t i = 0; i < site->dp_group_count; i++)
        if (!is_plain(site->dp_groups[i].name) && check_has_room(findings))
            add(findings, row, check_dp_group_name(input->policy, &site->dp_groups[i]), "name");
}

/* A host with such characters is refused; the rest of a NAL path is only compared. */
static void add_dps(struct findings *findings, const struct check_input *input,
                    const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->dp_count; i++)
        if (!is_plain(site->dps[i].nal_path) && check_has_room(findings))
            add(findings, row, check_dp_name(input->policy, &site->dps[i]), "NAL path");
}

static void add_contents(struct findings *findings, const struct check_input *input,
                         const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->content_count; i++)
        if (!is_plain(site->contents[i].name) && check_has_room(findings))
            add(findings, row, check_content_name(input->policy, &site->contents[i]), "name");
}

static void add_machines(struct findings *findings, const struct check_input *input,
                         const struct check_row *row)
{
    const struct site_rows *machines = &input->site->tables->machines;
    for (size_t i = 0; i < machines->count; i++)
        if (!is_plain(machines->rows[i].text[0]) && check_has_room(findings))
            add(findings, row,
                arena_format(&input->policy->arena, "machine %s",
                             check_short(input->policy, machines->rows[i].text[0])),
                "name");
}

void check_name_unprintable(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    add_boundaries(findings, input, row);
    add_groups(findings, input, row);
    add_dps(findings, input, row);
    add_contents(findings, input, row);
    add_machines(findings, input, row);
}
