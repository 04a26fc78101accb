#include "agent/command/fetched.h"

#include "agent/command/folders.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool counts(const struct options *options)
{
    const char *named = getenv("NEARPOINT_POLICY");
    bool is_named = options->policy_count || (named && *named);
    return !is_named || options->state;
}

static bool check_trust(const struct store_set *set, const struct policy_trust *trust,
                        struct error *err)
{
    for (size_t i = 0; trust && trust->required && i < set->count; i++)
        if (!set->documents[i].is_signed)
            return error_set(err, ERROR_INPUT, BLAME_POLICY, "SIGNATURE_MISSING",
                             set->documents[i].url,
                             "was fetched without a signature, and requireSignedPolicy is set: "
                             "'nearpoint policy fetch' brings it anew");
    return true;
}

static void sign_documents(const struct store_set *set, struct policy *policy)
{
    for (size_t i = 0; i < policy->document_count && i < set->count; i++)
        if (set->documents[i].is_signed)
            policy->documents[i]->signer = "the policy point's reply";
}

bool fetched_read(struct fetched *fetched, const struct options *options,
                  const struct policy_trust *trust, struct policy *policy, struct error *err)
{
    *fetched = (struct fetched){.state_dir = -1};
    *policy = (struct policy){0};
    if (!counts(options))
        return true;
    if (!folders_open_state(&fetched->state_dir, options, err))
        return false;
    bool ok = store_load(&fetched->set, fetched->state_dir, policy, err) &&
              check_trust(&fetched->set, trust, err);
    if (ok) {
        sign_documents(&fetched->set, policy);
    } else {
        policy_free(policy);
        fetched_free(fetched);
    }
    return ok;
}

void fetched_free(struct fetched *fetched)
{
    store_free(&fetched->set);
    arena_free(&fetched->arena);
    if (fetched->state_dir >= 0)
        close(fetched->state_dir);
    *fetched = (struct fetched){.state_dir = -1};
}

const char *fetched_time(struct arena *arena, int64_t seconds)
{
    struct tm utc;
    time_t moment = (time_t)seconds;
    char text[32];
    if (!gmtime_r(&moment, &utc) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc))
        return NULL;
    return arena_copy_string(arena, text);
}

/* The newest first, as the tree has them. */
static void describe_events(struct fetched *fetched, struct spy_client *client)
{
    struct store_events events;
    struct arena *arena = &fetched->arena;
    store_read_events(&events, fetched->state_dir);
    struct spy_event *shown = arena_zero(arena, events.count, sizeof *shown);
    for (size_t i = 0; i < events.count; i++) {
        const struct store_event *event = &events.rows[events.count - 1 - i];
        shown[i] = (struct spy_event){
            .time = fetched_time(arena, event->time),
            .kind = store_event_word(event->kind),
            .policy_id = event->policy_id ? arena_copy_string(arena, event->policy_id) : NULL,
            .version = event->version ? arena_copy_string(arena, event->version) : NULL,
            .text = event->text ? arena_copy_string(arena, event->text) : NULL,
        };
    }
    client->event_count = events.count;
    client->events = shown;
    store_free_events(&events);
}

void fetched_describe(struct fetched *fetched, const struct config *config,
                      const struct settings *settings, struct spy_client *client)
{
    const struct store_set *set = &fetched->set;
    int64_t minutes = config->poll_minutes > 0 ? config->poll_minutes
                                               : settings->value[SETTING_POLICY_POLLING_MINUTES];
    const char *point = config->policy_point ? config->policy_point : set->policy_point;
    if (point) /* a query may hold a secret */
        client->policy_point = arena_copy_bytes(&fetched->arena, point, strcspn(point, "?#"));
    if (set->policy_point) {
        client->last_policy = fetched_time(&fetched->arena, set->checked);
        client->next_policy = fetched_time(&fetched->arena, set->checked + minutes * 60);
    }
    if (fetched->state_dir >= 0)
        describe_events(fetched, client);
}
