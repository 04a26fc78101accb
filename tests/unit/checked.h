/* A small site of estate.h and what policy check finds in it. Include after cmocka.h. */
#ifndef TESTS_UNIT_CHECKED_H
#define TESTS_UNIT_CHECKED_H

#include "policy/check.h"
#include "tests/unit/estate.h"

struct checked {
    struct estate estate;
    struct resultant resultant;
    struct settings settings;
    struct findings findings;
};

static inline void check(struct checked *checked, const char *text)
{
    const char *const texts[] = {text, NULL};
    struct error err = {0};
    struct estate *estate = &checked->estate;
    if (!estate_read(estate, texts, &err))
        fail_msg("%s: %s: %s", text, err.where, err.text);
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

#endif
