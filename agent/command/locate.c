/* locate: where the machine would get a content, and why not elsewhere. */
#include "agent/command/locate.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

static bool read_manifest(struct locate *locate, struct error *err)
{
    const struct site_content *content = locate->request.content;
    if (!content || !content->has_manifest)
        return true;
    locate->has_manifest = manifest_read(&locate->manifest, content->manifest,
                                         content->manifest_len, content->manifest_where, err);
    return locate->has_manifest;
}

static bool ask(struct locate *locate, struct error *err)
{
    const struct options *options = locate->options;
    struct world *world = &locate->world;
    locate->request = (struct location_request){
        .site = &world->site,
        .settings = &world->settings,
        .machine = &world->machine,
        .minutes = options->all ? INT64_MAX : options->at,
    };
    if (!location_check_rules(&world->site, err) ||
        !command_read_deployment(options, world, &locate->request, err))
        return false;
    if (options->deployment && !strchr(options->deployment, '='))
        locate->deployment_id = options->deployment;
    locate->request.content = site_find_content(&world->site, locate->asked, locate->failure);
    if (!read_manifest(locate, err))
        return false;
    location_decide(&locate->decision, &locate->request);
    return true;
}

/* What there is to say beyond the list itself. */
static void find_failure(struct locate *locate)
{
    const struct decision *decision = &locate->decision;
    int64_t next = decision_next_minute(decision);
    if (!locate->request.content)
        return;
    if (decision->location_count)
        locate->failure = NULL;
    else if (next >= 0)
        error_set(locate->failure, ERROR_FAILED, BLAME_POLICY, "NO_LOCATION", locate->asked,
                  "no distribution point serves this machine now; the next joins after %lld "
                  "minutes",
                  (long long)next);
    else
        error_set(locate->failure, ERROR_FAILED, BLAME_POLICY, "NO_LOCATION", locate->asked,
                  "no distribution point serves this machine");
}

static bool print(const struct locate *locate, struct error *err)
{
    if (locate->options->json)
        return command_print_json(locate_json(locate), err);
    struct buf out = {0};
    if (locate->options->brief)
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
    if (locate.has_manifest)
        manifest_free(&locate.manifest);
    world_free(&locate.world);
    return ok;
}
