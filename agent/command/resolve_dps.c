/* resolve --dps: what DNS says of each distribution point, for machines that shall know who is near
   without asking. */
#include "agent/command/resolve.h"

#include "agent/command/fetched.h"
#include "agent/command/folders.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/write.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ours, for good: a newer document of it takes the older one's place. */
#define DPS_POLICY_ID "{4E0C1D3A-6B42-5F5D-8B0E-2D1F0A6C7E91}"

struct dps {
    size_t count;
    struct dns_name *names;
    const struct site_dp **dps;
};

/* In the policy's arena. */
static const char *host_of(struct policy *policy, const struct site_dp *dp)
{
    const char *host = dp->base_url ? strstr(dp->base_url, "://") : NULL;
    if (!host || !dp->scheme_supported)
        return dp->host;
    host += strlen("://");
    bool six = *host == '[';
    host += six;
    return arena_copy_bytes(&policy->arena, host, strcspn(host, six ? "]" : ":/"));
}

/* Those that addresses say something of, and that a document can name. */
static void collect(struct dps *dps, struct world *world)
{
    const struct site *site = &world->site;
    dps->names = mem_zero(site->dp_count, sizeof *dps->names);
    dps->dps = mem_zero(site->dp_count, sizeof *dps->dps);
    for (size_t i = 0; i < site->dp_count; i++) {
        const struct site_dp *dp = &site->dps[i];
        if (site_is_cloud(dp) || dp->kind == DP_LIBRARY || !dp->nal_path)
            continue;
        dps->names[dps->count].name = host_of(&world->policy, dp);
        dps->dps[dps->count++] = dp;
    }
}

static void add_dp(struct buf *out, const struct site_dp *dp, const struct resolve_answer *answer)
{
    struct value addresses[LIMIT_DNS_ADDRESSES];
    const struct value path = {.type = VALUE_TEXT, .text = dp->nal_path};
    const struct value list = {
        .type = VALUE_ARRAY, .count = (uint32_t)answer->address_count, .items = addresses};
    for (size_t i = 0; i < answer->address_count; i++)
        addresses[i] = (struct value){.type = VALUE_TEXT, .text = answer->addresses[i].text};
    write_instance_open(out, "NP_ResolvedAddresses", false, true);
    write_property(out, "NALPath", &path, false);
    write_property(out, "Addresses", &list, false);
    write_instance_close(out);
}

static size_t write_dps(struct buf *out, const struct dps *dps)
{
    char version[32];
    size_t written = 0;
    snprintf(version, sizeof version, "%" PRId64 ".00", (int64_t)time(NULL));
    write_declaration(out);
    write_document_open(out, &(struct write_head){.policy_id = DPS_POLICY_ID,
                                                  .version = version,
                                                  .source = "Local",
                                                  .layer = LAYER_LOCAL,
                                                  .priority = PRECEDENCE_NONE});
    write_rule_open(out, DPS_POLICY_ID, true);
    for (size_t i = 0; i < dps->count; i++)
        if (dps->names[i].answer->error == RESOLVE_OK) {
            add_dp(out, dps->dps[i], dps->names[i].answer);
            written++;
        }
    write_rule_close(out);
    write_document_close(out);
    return written;
}

static bool give(const char *path, const struct buf *document, struct error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == path ? mem_copy_string("/")
                   : slash       ? mem_copy_bytes(path, (size_t)(slash - path))
                                 : mem_copy_string(".");
    bool ok = folders_make_above(path, err);
    int dir = ok ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    ok = ok && (dir >= 0 || error_errno(err, folder, "cannot open the folder"));
    ok = ok &&
         beneath_replace(dir, slash ? slash + 1 : path, document->data, document->len, 0644, err);
    if (dir >= 0)
        close(dir);
    free(folder);
    return ok;
}

/* What has no address keeps none: the document says what is known. */
static void add_failure(struct buf *out, const struct dps *dps, size_t at)
{
    char why[200];
    resolve_explain(dps->names[at].answer, why, sizeof why);
    command_add_line(out, "%s: %s does not resolve: %s", dps->dps[at]->name, dps->names[at].name,
                     why);
}

static bool report(const struct context *context, const struct dps *dps, size_t written,
                   struct error *err)
{
    const struct options *options = context->options;
    struct buf out = {0};
    if (options->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < dps->count; i++) {
            const char *word = resolve_error_word(dps->names[i].answer->error);
            json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s?}", "dp", dps->dps[i]->name,
                                                  "name", dps->names[i].name, "addresses",
                                                  (json_int_t)dps->names[i].answer->address_count,
                                                  "error", word));
        }
        return command_print_json(list, err);
    }
    for (size_t i = 0; i < dps->count; i++)
        if (dps->names[i].answer->error != RESOLVE_OK)
            add_failure(&out, dps, i);
    command_add_line(&out, "%s: addresses of %zu of %zu distribution points", options->out, written,
                     dps->count);
    return command_print_text(&out, err);
}

static bool run(struct context *context, struct dps *dps, struct error *err)
{
    struct buf document = {0};
    bool ok = dns_names_ask(dps->names, dps->count, &context->config, err);
    size_t written = ok ? write_dps(&document, dps) : 0;
    ok = ok && give(context->options->out, &document, err) && report(context, dps, written, err) &&
         (written == dps->count || error_set(err, ERROR_FAILED, BLAME_DNS, "DNS", NULL,
                                             "%zu of %zu distribution points do not resolve",
                                             dps->count - written, dps->count));
    buf_free(&document);
    return ok;
}

bool resolve_dps(struct context *context, struct error *err)
{
    struct world world = {.assigned_site = NULL};
    struct dps dps = {0};
    if (!command_read_policy(context, &world.policy, &world.fetched, err))
        return false;
    bool ok = site_read(&world.site, &world.policy, err);
    if (ok) {
        collect(&dps, &world);
        ok = run(context, &dps, err);
        dns_names_free(dps.names, dps.count);
        free(dps.names);
        free(dps.dps);
    }
    world_free(&world);
    return ok;
}
