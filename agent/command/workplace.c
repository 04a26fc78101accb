#include "agent/command/workplace.h"

static bool is_pinned(void *arg, const char *content_id, int64_t version)
{
    const struct workplace *place = arg;
    return site_is_pinned(&place->world.site, content_id, version);
}

static int64_t narrower(int64_t policy, int64_t local)
{
    return local && local < policy ? local : policy;
}

static struct cache_rules cache_rules(struct workplace *place)
{
    const struct config *config = &place->context->config;
    const int64_t *value = place->world.settings.value;
    return (struct cache_rules){
        .megabytes = narrower(value[SETTING_MAX_CACHE_SIZE_MB], config->cache_megabytes),
        .percent = narrower(value[SETTING_MAX_CACHE_SIZE_PERCENT], config->cache_percent),
        .free_megabytes = config->min_free_megabytes >= 0 ? config->min_free_megabytes
                                                          : value[SETTING_CACHE_FREE_SPACE_MB],
        .keep_seconds = value[SETTING_CACHE_TOMBSTONE],
        .is_pinned = is_pinned,
        .arg = place,
    };
}

static bool open_cache(struct workplace *place, struct error *err)
{
    const struct cache_options options = {
        .folder = place->folders.cache,
        .secondary = place->context->config.cache_secondary,
        .sync = !place->context->options->no_sync,
        .rules = cache_rules(place),
        .clock = &clock_system,
    };
    return (place->cache = cache_open(&options, err)) != NULL;
}

/* The chain as people draw it: which storage host serves the content is told nowhere else. */
static void log_resolved(void *arg, const char *host, const struct resolve_answer *answer)
{
    struct buf line = {0};
    enum log_severity severity = LOG_INFO;
    for (size_t i = 0; i < answer->link_count; i++)
        buf_format(&line, " -> %s", answer->links[i].target);
    for (size_t i = 0; i < answer->address_count; i++) {
        enum resolve_nature nature = resolve_nature(answer->addresses[i].text);
        const char *note = resolve_nature_words(nature);
        buf_format(&line, "%s%s%s%s%s", i ? ", " : " -> ", answer->addresses[i].text,
                   note ? " (" : "", note ? note : "", note ? ")" : "");
        severity = nature == RESOLVE_LOOPBACK ? LOG_WARNING : severity;
    }
    log_write(arg, LOG_LOCATION_SERVICES, severity, LOG_AT, "Resolved %s%s", host, line.data);
    buf_free(&line);
}

static bool open_all(struct workplace *place, struct error *err)
{
    const struct config *config = &place->context->config;
    const struct options *options = place->context->options;
    struct log_options log = {
        .level = (int)config->log_level,
        .max_size = config->log_max_size,
        .max_history = (int)config->log_max_history,
    };
    if (!folders_enter(&place->folders, options, config->cache_secondary, err) ||
        !(place->log = log_open(place->folders.logs, &log, err)) ||
        !network_open(&place->network, config, err) || !open_cache(place, err))
        return false;
    place->network.options.resolved = log_resolved;
    place->network.options.resolved_arg = place->log;
    place->engine = (struct job_engine){
        .loop = place->network.loop,
        .client = place->network.client,
        .cache = place->cache,
        .log = place->log,
        .state_dir = place->folders.state_dir,
        .sync = !options->no_sync,
        .scheduler = place->network.scheduler,
        .stall_ms = place->network.options.stall_ms,
        .wait_stall_ms = place->network.wait_stall_ms,
    };
    return true;
}

bool workplace_open(struct workplace *place, struct context *context, struct error *err)
{
    *place = (struct workplace){.context = context, .folders = {.state_dir = -1}};
    return command_read_world(context, &place->world, err) && open_all(place, err);
}

void workplace_close(struct workplace *place)
{
    cache_close(place->cache);
    network_close(&place->network);
    log_close(place->log);
    folders_leave(&place->folders);
    world_free(&place->world);
}
