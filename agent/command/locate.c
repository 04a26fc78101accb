/* locate: where the machine would get a content, and why not elsewhere. */
#include "agent/command/locate.h"
#include "agent/command/location_json.h"

#include "agent/location/inquiry.h"

#include "policy/base/text.h"

#include <stdlib.h>

static bool read_manifest(struct locate *locate, struct error *err)
{
    const struct site_content *content = locate->content;
    if (!content || !content->has_manifest)
        return true;
    locate->has_manifest = manifest_read(&locate->manifest, content->manifest,
                                         content->manifest_len, content->manifest_where, err);
    return locate->has_manifest;
}

const struct location *locate_find_location(const struct locate *locate, const struct site_dp *dp)
{
    for (size_t i = 0; i < locate->decision.location_count; i++)
        if (locate->decision.locations[i].dp == dp)
            return &locate->decision.locations[i];
    return NULL;
}

const struct excluded_dp *locate_find_excluded(const struct locate *locate,
                                               const struct site_dp *dp)
{
    for (size_t i = 0; i < locate->decision.excluded_count; i++)
        if (locate->decision.excluded[i].dp == dp)
            return &locate->decision.excluded[i];
    return NULL;
}

char *locate_step_words(const struct locate *locate, const struct location_step *step)
{
    if (!step->excludes)
        return words_passed(&locate->answer, &locate->walk, locate->why, step->code);
    const struct excluded_dp excluded = {
        .dp = locate->why,
        .code = step->code,
        .after_minutes = -1,
        .presence = locate->walk.presence,
        .group = locate->walk.group,
    };
    const struct excluded_dp *listed = locate_find_excluded(locate, locate->why);
    return words_excluded(&locate->answer,
                          listed && listed->code == step->code ? listed : &excluded);
}

static void walk_one(struct locate *locate)
{
    const char *name = locate->options->why;
    if (!name)
        return;
    locate->why = site_find_dp(&locate->world.site, name);
    for (size_t i = 0; !locate->why && i < locate->world.site.dp_count; i++)
        if (text_same_host(locate->world.site.dps[i].name, name))
            locate->why = &locate->world.site.dps[i];
    if (locate->why)
        location_walk(&locate->walk, &locate->decision, &locate->question.request, locate->why);
}

/* A reply's age is the rules' where nobody says otherwise. */
static void take_rules(struct locate *locate)
{
    if (locate->options->compare && !locate->options->rules && !locate->world.site.rules)
        locate->question.request.rules = locate->reply.rules;
}

static bool ask(struct locate *locate, struct error *err)
{
    if (locate->asked)
        locate->content = site_find_content(&locate->world.site, locate->asked, locate->failure);
    if (!locate_reply_read(locate, err) ||
        !question_read(&locate->question, locate->options, &locate->world, locate->content, err) ||
        !read_manifest(locate, err))
        return false;
    take_rules(locate);
    location_decide(&locate->decision, &locate->question.request);
    locate->answer = (struct answer){&locate->world, &locate->question.request, &locate->decision};
    if (locate->options->compare)
        locate_compare(locate);
    walk_one(locate);
    return true;
}

/* A reply by itself is an answer where it has a location. */
static void find_reply_failure(struct locate *locate)
{
    if (locate->reply.record_count)
        locate->failure = NULL;
    else
        error_set(locate->failure, ERROR_FAILED, BLAME_POLICY, "NO_LOCATION",
                  locate->options->reply, "the reply holds no location");
}

/* What there is to say beyond the list itself. */
static void find_failure(struct locate *locate)
{
    const struct decision *decision = &locate->decision;
    int64_t next = decision_next_minute(decision);
    if (locate->options->why && !locate->why) {
        error_set(locate->failure, ERROR_FAILED, BLAME_USER, "UNKNOWN_DP", NULL,
                  "the policy holds no distribution point '%s'", locate->options->why);
        return;
    }
    if (!locate->content)
        return;
    if (decision->location_count)
        locate->failure = NULL;
    else if (next >= 0)
        error_set(locate->failure, ERROR_FAILED, BLAME_POLICY, "NO_LOCATION", locate->asked,
                  "no distribution point serves this machine now; the next joins after %lld "
                  "minutes",
                  (long long)next);
    else if (decision->on_demand_coming)
        error_set(locate->failure, ERROR_FAILED, BLAME_POLICY, "NO_LOCATION", locate->asked,
                  "no distribution point serves this machine; the site will send the content to "
                  "its preferred ones: ask again later");
    else
        error_set(locate->failure, ERROR_FAILED, BLAME_POLICY, "NO_LOCATION", locate->asked,
                  "no distribution point serves this machine");
}

static void write_request(const struct locate *locate, struct buf *out)
{
    const struct decision *decision = &locate->decision;
    const struct site_group **groups = mem_zero(decision->group_count, sizeof *groups);
    struct location_inquiry inquiry = {
        .machine = &locate->world.machine,
        .content = locate->content,
        .assigned_site = decision->assigned_site,
        .rules = decision->rules,
        .allow_cloud = locate->world.settings.value[SETTING_ALLOW_CLOUD_DP],
        .minutes = locate->options->at,
        .groups = groups,
    };
    for (size_t i = 0; i < decision->group_count; i++)
        if (decision->groups[i].via == VIA_BOUNDARY)
            groups[inquiry.group_count++] = decision->groups[i].group;
    location_inquiry_write(out, &inquiry);
    free(groups);
}

static bool print_request(struct locate *locate, struct error *err)
{
    struct buf out = {0};
    if (locate->content) {
        locate->failure = NULL;
        write_request(locate, &out);
    }
    if (!locate->options->json)
        return !locate->content || command_print_text(&out, err);
    json_t *object = json_pack("{s:s?}", "request", out.data);
    if (locate->failure)
        json_object_set_new(object, "error", location_json_failure(locate->failure));
    bool ok = command_print_json(object, err);
    buf_free(&out);
    return ok;
}

static json_t *answer_json(const struct locate *locate)
{
    if (locate->options->compare)
        return locate_compare_json(locate);
    return locate->has_reply ? locate_reply_json(locate) : locate_json(locate);
}

static bool print(struct locate *locate, struct error *err)
{
    struct buf out = {0};
    if (locate->options->request)
        return print_request(locate, err);
    if (locate->options->json)
        return command_print_json(answer_json(locate), err);
    if (locate->options->compare)
        locate_compare_text(locate, &out);
    else if (locate->has_reply)
        locate_reply_text(locate, &out);
    else if (locate->why)
        locate_why(locate, &out);
    else if (locate->options->why)
        return true; /* the failure says it */
    else if (locate->options->brief)
        locate_brief(locate, &out);
    else
        locate_text(locate, &out);
    return command_print_text(&out, err);
}

static bool check_options(const struct options *options, struct error *err)
{
    if (options->argument_count == 0 && (!options->reply || options->compare))
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "usage: nearpoint locate CONTENT; without it only --reply FILE");
    if (options->compare && !options->reply)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--compare takes --reply FILE beside it");
    int questions =
        (options->reply != NULL) + options->request + (options->why != NULL) + options->brief;
    if (questions > 1)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--why, --brief, --reply and --request are four questions: one at a time");
    return question_check(options, err);
}

bool command_locate(struct context *context, struct error *err)
{
    struct error failure = {0};
    struct locate locate = {
        .options = context->options,
        .asked = context->options->argument_count ? context->options->arguments[0] : NULL,
        .failure = &failure,
    };
    if (!check_options(context->options, err) || !command_read_world(context, &locate.world, err))
        return false;
    bool ok = ask(&locate, err);
    if (ok) {
        if (locate.has_reply && !locate.options->compare)
            find_reply_failure(&locate);
        else
            find_failure(&locate);
        ok = print(&locate, err);
    }
    if (ok && locate.failure) {
        *err = failure;
        ok = false;
    }
    decision_free(&locate.decision);
    question_free(&locate.question);
    if (locate.has_reply)
        location_reply_free(&locate.reply);
    if (locate.has_manifest)
        manifest_free(&locate.manifest);
    world_free(&locate.world);
    return ok;
}
