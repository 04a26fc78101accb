/* One question about a small site (estate.h): site, machine, deployment and minutes in, a decision
   out. */
#ifndef TESTS_UNIT_ASKED_H
#define TESTS_UNIT_ASKED_H

#include "agent/location/location.h"
#include "tests/unit/estate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define METERED_ALLOW 1
#define METERED_LIMIT 2
#define METERED_BLOCK 4

/* What is asked beside the site and the machine; all zero: at minute 0, no deployment, cloud
   allowed, metered networks blocked. */
struct question {
    int64_t minutes;
    const char *bits; /* "flags=48", "locality=80"; NULL: no deployment */
    bool no_cloud;
    int64_t metered; /* MeteredNetworkUsage; 0: block */
    bool unknown_content;
    const char *rules; /* "2007", "2012"; NULL: current */
    bool task_sequence;
};

struct asked {
    struct estate estate;
    struct settings settings;
    struct machine machine;
    struct location_index *index;
    struct location_content *content;
    struct location_request request;
    struct decision decision;
};

static inline void read_machine(struct machine *machine, const char *assignments)
{
    struct error err = {0};
    char *copy = mem_copy_string(assignments), *rest = copy, *word;
    *machine = (struct machine){0};
    while ((word = strsep(&rest, " ")))
        if (*word && !machine_set(machine, word, &err))
            fail_msg("%s", err.text);
    free(copy);
    machine_settle(machine);
}

static inline struct location_deployment read_bits(const char *bits)
{
    if (!bits)
        return location_deployment_assumed();
    int64_t number = (int64_t)strtol(strchr(bits, '=') + 1, NULL, 0);
    return bits[0] == 'l' ? location_deployment_locality(number)
                          : location_deployment_flags(number);
}

static const char *const library_roots[] = {"/mnt"};

static inline void ask_twice(struct asked *asked, const char *site, const char *more,
                             const char *machine, const struct question *question)
{
    struct error err = {0};
    const char *const texts[] = {"package 3", site, more, NULL};
    *asked = (struct asked){.settings = {.value = {0}}};
    if (!estate_read(&asked->estate, texts, &err))
        fail_msg("%s: %s", err.where, err.text);
    read_machine(&asked->machine, machine);
    asked->settings.value[SETTING_ALLOW_CLOUD_DP] = !question->no_cloud;
    asked->settings.value[SETTING_METERED_NETWORK_USAGE] =
        question->metered ? question->metered : METERED_BLOCK;
    asked->request = (struct location_request){
        .settings = &asked->settings,
        .machine = &asked->machine,
        .rules = RULES_CURRENT,
        .deployment = read_bits(question->bits),
        .minutes = question->minutes,
        .library_roots = {1, library_roots},
    };
    asked->request.deployment.task_sequence = question->task_sequence;
    if (question->rules && !location_rules_parse(question->rules, &asked->request.rules))
        fail_msg("no rules: %s", question->rules);
    const struct site *known = &asked->estate.site;
    const struct site_content *content =
        question->unknown_content ? NULL : site_find_content(known, ESTATE_PACKAGE, NULL);
    asked->request.index = asked->index = location_index_create(known);
    asked->request.content = asked->content = location_content_create(known, content);
    location_decide(&asked->decision, &asked->request);
}

static inline void ask(struct asked *asked, const char *site, const char *machine,
                       const struct question *question)
{
    ask_twice(asked, site, NULL, machine, question);
}

static inline void asked_free(struct asked *asked)
{
    decision_free(&asked->decision);
    location_content_free(asked->content);
    location_index_free(asked->index);
    machine_free(&asked->machine);
    estate_free(&asked->estate);
}

#endif
