#include "agent/command/question.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define TASK_SEQUENCE         "task-sequence"
#define ADVERT_DONOT_FALLBACK 0x20000 /* AdvertFlags (configmgr-sdk 5.1) */

static bool read_number(const char *text, int64_t *number)
{
    bool is_hex = strncasecmp(text, "0x", 2) == 0;
    if (!is_hex)
        return text_to_int(text, 0, UINT32_MAX, number);
    size_t len = strspn(text + 2, "0123456789abcdefABCDEF");
    *number = (int64_t)strtoul(text + 2, NULL, 16);
    return len > 0 && len <= 8 && text[2 + len] == '\0';
}

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
        int64_t bits;
        bool ok = read_number(text + len, &bits);
        if (ok)
            *deployment = kinds[i].read(bits);
        return ok;
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
    struct location_deployment *deployment = &question->request.deployment;
    *deployment = location_deployment_assumed();
    if (!text || read_bits(text, deployment))
        return true;
    question->deployment = site_find_deployment(&world->site, text);
    if (!question->deployment)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "UNKNOWN_DEPLOYMENT", NULL,
                         "the policy holds no deployment '%s'", text);
    return read_named(question, world, content, err);
}

static enum location_rules rules_of(const struct options *options, const struct site *site)
{
    enum location_rules rules = RULES_CURRENT;
    if (options->rules)
        location_rules_parse(options->rules, &rules);
    else if (site->rules)
        location_rules_parse(site->rules, &rules);
    return rules;
}

bool question_check(const struct options *options, struct error *err)
{
    enum location_rules rules;
    struct location_deployment deployment;
    const char *bits = options->deployment;
    if (options->rules && !location_rules_parse(options->rules, &rules))
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--rules takes 2007, 2012 or current, not '%s'", options->rules);
    if (options->purpose && !text_equal(options->purpose, TASK_SEQUENCE))
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--for takes " TASK_SEQUENCE ", not '%s'", options->purpose);
    if (bits && strchr(bits, '=') && !read_bits(bits, &deployment))
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--deployment takes an ID, RemoteClientFlags=N or DPLocality=N, not '%s'",
                         bits);
    return true;
}

bool question_read(struct question *question, const struct options *options, struct world *world,
                   const struct site_content *content, struct error *err)
{
    *question = (struct question){
        .request = {.index = command_index(world),
                    .settings = &world->settings,
                    .machine = &world->machine,
                    .assigned_site = world->assigned_site,
                    .library_roots = world->library_roots,
                    .rules = rules_of(options, &world->site),
                    .minutes = options->all ? INT64_MAX : options->at},
    };
    if (!read_deployment(question, options, world, content, err))
        return false;
    if (options->purpose)
        question->request.deployment.task_sequence = true;
    question->request.content = question->holders = location_content_create(&world->site, content);
    return true;
}

void question_free(struct question *question)
{
    location_content_free(question->holders);
    question->holders = NULL;
}
