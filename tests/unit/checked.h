/* A small site of estate.h and what policy check finds in it. Include after cmocka.h. */
#ifndef TESTS_UNIT_CHECKED_H
#define TESTS_UNIT_CHECKED_H

#include "policy/check.h"
#include "tests/unit/estate.h"

/* A site in which nothing is to be found. */
#define BASE                                                                 \
    "group A; default Z Default-Site-Boundary-Group<PS1>; dp d1 A; dp d2 Z;" \
    "ours d1 Addresses=10.1.1.9/24; ours d2 Addresses=10.9.9.9/24; range A 10.1.1.1-10.1.1.254;"
/* Another group with a distribution point and a boundary far away. */
#define B  "group B; dp d3 B; ours d3 Addresses=10.2.1.9/24; range B 10.2.1.1-10.2.1.254;"
#define PC "SMS_R_System ResourceId=7 Name=PC7 IPAddresses=10.1.1.30 IPSubnets=10.1.1.0;"

struct checked {
    struct estate estate;
    struct resultant resultant;
    struct settings settings;
    struct findings findings;
};

/* What is found in the estate that was read. */
static inline void find_all(struct checked *checked)
{
    struct estate *estate = &checked->estate;
    resultant_read(&checked->resultant, &estate->policy, &(const struct audience){.name = NULL});
    settings_read(&checked->settings, &estate->policy, &checked->resultant);
    const struct check_input input = {
        .policy = &estate->policy,
        .resultant = &checked->resultant,
        .settings = &checked->settings,
        .site = &estate->site,
    };
    check_policy(&checked->findings, &input);
}

static inline void check(struct checked *checked, const char *text)
{
    const char *const texts[] = {text, NULL};
    struct error err = {0};
    if (!estate_read(&checked->estate, texts, &err))
        fail_msg("%s: %s: %s", text, err.where, err.text);
    find_all(checked);
}

static inline void free_checked(struct checked *checked)
{
    check_free(&checked->findings);
    estate_free(&checked->estate);
}

/* The first of the code, and how many there are. */
static inline const struct finding *find(const struct checked *checked, const char *code,
                                         size_t *count)
{
    const struct finding *found = NULL;
    *count = 0;
    for (size_t i = 0; i < checked->findings.count; i++)
        if (strcmp(checked->findings.items[i].code, code) == 0 && (*count)++ == 0)
            found = &checked->findings.items[i];
    return found;
}

/* A small site that raises a code once, and a twin with one fact changed that does not. */
struct check_case {
    const char *code;
    enum finding_severity severity;
    const char *raises, *twin;
    const char *object, *text; /* parts of them */
};

static inline void raised(const struct check_case *row)
{
    struct checked checked;
    size_t count;
    check(&checked, row->raises);
    const struct finding *finding = find(&checked, row->code, &count);
    if (count != 1)
        fail_msg("%s: %zu of %s", row->raises, count, row->code);
    if (finding->severity != row->severity)
        fail_msg("%s: %s is %s", row->raises, row->code, check_severity_word(finding->severity));
    if (!strstr(finding->object, row->object) || !strstr(finding->text, row->text))
        fail_msg("%s: %s %s: %s", row->raises, row->code, finding->object, finding->text);
    free_checked(&checked);
}

static inline void not_raised(const struct check_case *row)
{
    struct checked checked;
    size_t count;
    check(&checked, row->twin);
    const struct finding *finding = find(&checked, row->code, &count);
    if (count)
        fail_msg("%s: %s %s: %s", row->twin, row->code, finding->object, finding->text);
    free_checked(&checked);
}

static inline void check_cases(const struct check_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        raised(&cases[i]);
        not_raised(&cases[i]);
    }
}

#endif
