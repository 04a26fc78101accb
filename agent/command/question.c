#include "agent/command/question.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define ADVERT_DONOT_FALLBACK 0x20000 /* AdvertFlags (configmgr-sdk 5.1) */

/* "RemoteClientFlags=48", decimal or 0x... */
static bool read_bits(const char *text, struct location_deployment *deployment)
{
    static const struct {
        const char *name;
        struct location_deployment (*read)(int64_t bits);
    } kinds[] = {{"RemoteClientFlags=", location_deployment_flags},
                 {"DPLocality=", location_deployment_locality}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i].name);
        if (strncasecmp(text, kinds[i].name, len) != 0)
            continue;
        char *end;
        unsigned long bits = strtoul(text + len, &end, 0);
        if (!strchr("0123456789", text[len]) || end == text + len || *end || bits > UINT32_MAX)
            return false;
        *deployment = kinds[i].read((int64_t)bits);
        return true;
    }
    return false;
}

/* An application's deployment type knows better than the bits (configmgr-sdk 5.3). */
static bool read_named(struct question *question, const struct world *world,
                       const struct site_content *content, struct error *err)
{
    const struct site_deployment *named = question->deployment;
    struct location_deployment *deployment = &question->request.deployment;
    if (named->from_dp_locality)
        *deployment = location_deployment_locality(named->bits);
    else /* the same promise stands in AdvertFlags */
        *deployment =
            location_deployment_flags(named->bits | (named->advert_flags & ADVERT_DONOT_FALLBACK));
    deployment->task_sequence = named->is_task_sequence;
    struct site_content_options options = {.known = false};
    if (named->is_application && content &&
        !site_find_content_options(&world->site, content, &options, err))
        return false;
    location_deployment_options(deployment, &options);
    return true;
}

static bool read_deployment(struct question *question, const struct options *options,
                            const struct world *world, const struct site_content *content,
                            struct error *err)
{
    const char *text = options->deployment;
    if (!text) {
        question->request.deployment = location_deployment_assumed();
        return true;
    }
    if (strchr(text, '='))
        return read_bits(text, &question->request.deployment) ||
               error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--deployment takes an ID, RemoteClientFlags=N or DPLocality=N, not '%s'",
                         text);
    question->deployment = site_find_deployment(&world->site, text);
    if (!question->deployment)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "UNKNOWN_DEPLOYMENT", NULL,
                         "the policy holds no deployment '%s'", text);
    return read_named(question, world, content, err);
}

static bool read_rules(struct question *question, const struct options *options,
                       const struct site *site, struct error *err)
{
    question->request.rules = RULES_CURRENT;
    if (options->rules)
        return location_rules_parse(options->rules, &question->request.rules) ||
               error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--rules takes 2007, 2012 or current, not '%s'", options->rules);
    if (site->rules)
        location_rules_parse(site->rules, &question->request.rules);
    return true;
}

static bool read_purpose(struct question *question, const struct options *options,
                         struct error *err)
{
    if (!options->purpose)
        return true;
    if (!text_equal(options->purpose, "task-sequence"))
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--for takes task-sequence, not '%s'", options->purpose);
    question->request.deployment.task_sequence = true;
    return true;
}

bool question_read(struct question *question, const struct options *options, struct world *world,
                   const struct site_content *content, struct error *err)
{
    *question = (struct question){
        .request = {.index = command_index(world),
                    .settings = &world->settings,
                    .machine = &world->machine,
                    .minutes = options->all ? INT64_MAX : options->at},
    };
    if (!read_rules(question, options, &world->site, err) ||
        !read_deployment(question, options, world, content, err) ||
        !read_purpose(question, options, err))
        return false;
    question->request.content = question->holders = location_content_create(&world->site, content);
    return true;
}

void question_free(struct question *question)
{
    location_content_free(question->holders);
    question->holders = NULL;
}
