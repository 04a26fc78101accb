/* The steps of a probe, in their order. */
#include "agent/source/probe_parts.h"

#include "policy/base/limits.h"

#include <stdlib.h>

static const char *const words[PROBE_CODE_COUNT] = {
    [PROBE_NAME] = "NAME",
    [PROBE_TCP] = "TCP",
    [PROBE_TLS] = "TLS",
    [PROBE_AUTH] = "AUTH",
    [PROBE_VDIR_PLAIN] = "VDIR_PLAIN",
    [PROBE_VDIR_NOCERT] = "VDIR_NOCERT",
    [PROBE_VDIR_CCMTOKENAUTH] = "VDIR_CCMTOKENAUTH",
    [PROBE_PROPFIND] = "PROPFIND",
    [PROBE_PROPFIND_INFINITY] = "PROPFIND_INFINITY",
    [PROBE_HEAD] = "HEAD",
    [PROBE_SCCM_FORM] = "SCCM_FORM",
    [PROBE_GET] = "GET",
    [PROBE_COMPRESSION] = "COMPRESSION",
    [PROBE_RANGE] = "RANGE",
    [PROBE_IF_RANGE] = "IF_RANGE",
    [PROBE_NAMES] = "NAMES",
};

const char *probe_word(enum probe_code code)
{
    return words[code];
}

struct probe_step *probe_add(struct probe *probe, enum probe_code code, enum probe_verdict verdict,
                             enum probe_fault fault, const char *about, const char *what)
{
    struct probe_report *report = probe->report;
    size_t place = report->count < PROBE_STEPS_MAX ? report->count++ : PROBE_STEPS_MAX - 1;
    struct probe_step *step = &report->steps[place];
    *step = (struct probe_step){
        .code = code,
        .verdict = verdict,
        .fault = fault,
        .about = arena_copy_string(&report->arena, about ? about : ""),
        .what = arena_copy_string(&report->arena, what ? what : ""),
        .got = -1,
        .wanted = -1,
    };
    return step;
}

void probe_block(struct probe *probe, enum probe_code code)
{
    probe->blocked = true;
    probe->blocked_by = code;
}

int64_t probe_patience(const struct probe *probe)
{
    const int64_t most = LIMIT_PROBE_SECONDS * 1000L;
    return probe->options->stall_ms < most ? probe->options->stall_ms : most;
}

static bool was_added(const struct probe_report *report, enum probe_code code)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->steps[i].code == code)
            return true;
    return false;
}

/* The steps that something stands before. */
static void skip_rest(struct probe *probe)
{
    int end = probe->target->content_url ? PROBE_CODE_COUNT : PROBE_PROPFIND;
    for (int code = PROBE_NAME; code < end; code++)
        if (!was_added(probe->report, (enum probe_code)code))
            probe_add(probe, (enum probe_code)code, PROBE_SKIPPED, PROBE_BLOCKED, NULL,
                      words[probe->blocked_by]);
}

static void run_steps(struct probe *probe)
{
    if (!probe->blocked)
        probe_connect(probe);
    if (!probe->blocked)
        probe_secure(probe);
    if (probe->target->connection_only && !probe->blocked)
        return;
    if (!probe->blocked)
        probe_root(probe);
    if (!probe->blocked && probe->target->content_url)
        probe_list(probe);
    if (!probe->blocked && probe->target->content_url)
        probe_files(probe);
    if (probe->blocked)
        skip_rest(probe);
}

static void offer_manifest(struct probe *probe)
{
    const struct manifest *manifest = probe->target->manifest;
    for (size_t i = 0; manifest && i < manifest->count; i++)
        probe_pick_offer(&probe->pick, manifest->files[i].name, manifest->files[i].size,
                         &manifest->files[i]);
}

bool probe_run(struct probe_report *report, struct loop *loop, struct resolver *resolver,
               const struct source_options *options, const struct probe_target *target,
               struct error *err)
{
    *report = (struct probe_report){.trusted = true};
    struct probe probe = {
        .report = report,
        .target = target,
        .options = options,
        .loop = loop,
        .resolver = resolver,
        .easy = curl_easy_init(),
    };
    bool ok = probe.easy != NULL ||
              error_set(err, ERROR_FAILED, BLAME_NONE, "CURL", NULL, "libcurl gives no handle");
    ok = ok && probe_read_root(&probe, err) && probe_resolve(&probe, err);
    if (ok) {
        offer_manifest(&probe);
        run_steps(&probe);
    }
    curl_easy_cleanup(probe.easy);
    curl_slist_free_all(probe.pins);
    free(probe.host);
    return ok;
}

void probe_free(struct probe_report *report)
{
    arena_free(&report->arena);
    *report = (struct probe_report){.count = 0};
}
