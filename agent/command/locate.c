/* locate: where the machine would get a content, and why not elsewhere. */
#include "agent/command/locate.h"

#include "policy/base/text.h"

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

static bool walk_one(struct locate *locate, struct error *err)
{
    const char *name = locate->options->why;
    if (!name)
        return true;
    locate->why = site_find_dp(&locate->world.site, name);
    for (size_t i = 0; !locate->why && i < locate->world.site.dp_count; i++)
        if (text_same_host(locate->world.site.dps[i].name, name))
            locate->why = &locate->world.site.dps[i];
    if (!locate->why)
        return error_set(err, ERROR_FAILED, BLAME_USER, "UNKNOWN_DP", NULL,
                         "the policy holds no distribution point '%s'", name);
    location_walk(&locate->walk, &locate->decision, &locate->question.request, locate->why);
    return true;
}

static bool ask(struct locate *locate, struct error *err)
{
    locate->content = site_find_content(&locate->world.site, locate->asked, locate->failure);
    if (!question_read(&locate->question, locate->options, &locate->world, locate->content, err) ||
        !read_manifest(locate, err))
        return false;
    location_decide(&locate->decision, &locate->question.request);
    locate->answer = (struct answer){&locate->world, &locate->question.request, &locate->decision};
    return walk_one(locate, err);
}

/* What there is to say beyond the list itself. */
static void find_failure(struct locate *locate)
{
    const struct decision *decision = &locate->decision;
    int64_t next = decision_next_minute(decision);
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

static bool print(const struct locate *locate, struct error *err)
{
    if (locate->options->json)
        return command_print_json(locate_json(locate), err);
    struct buf out = {0};
    if (locate->why)
        locate_why(locate, &out);
    else if (locate->options->brief)
        locate_brief(locate, &out);
    else
        locate_text(locate, &out);
    bool ok = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_free(&out);
    return ok || error_errno(err, NULL, "cannot write to standard output");
}

bool command_locate(struct context *context, struct error *err)
{
    struct error failure = {0};
    struct locate locate = {
        .options = context->options,
        .asked = context->options->arguments[0],
        .failure = &failure,
    };
    if (!command_read_world(context, &locate.world, err))
        return false;
    bool ok = ask(&locate, err);
    if (ok) {
        find_failure(&locate);
        ok = print(&locate, err);
    }
    if (ok && locate.failure) {
        *err = failure;
        ok = false;
    }
    decision_free(&locate.decision);
    question_free(&locate.question);
    if (locate.has_manifest)
        manifest_free(&locate.manifest);
    world_free(&locate.world);
    return ok;
}
