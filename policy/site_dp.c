/* Distribution points: one row of SMS_DistributionPointInfo, or of NP_DistributionPoint where that
   is all there is, and what joins to its NAL path. */
#include "policy/site_tables.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define DP_ROLE "SMS Distribution Point"

/* The tables that a DP's facts come from. */
struct dp_sources {
    struct site_rows infos, resources, clouds, machines, ours, resolved;
};

static bool read_sources(struct site *site, struct dp_sources *from, struct error *err)
{
    static const struct site_key nal_path = {.text = {"NALPath"}};
    static const struct site_key role = {.text = {"NALPath", "RoleName"}, .optional = true};
    static const struct site_key cloud = {.text = {"NALPath"}, .optional = true};
    static const struct site_key machine = {.text = {"Name", "ResourceId"}, .optional = true};
    return site_rows_of(site, "SMS_DistributionPointInfo", &nal_path, &from->infos, err) &&
           site_rows_of(site, "SMS_SystemResourceList", &role, &from->resources, err) &&
           site_rows_of(site, "SMS_AzureService", &cloud, &from->clouds, err) &&
           site_rows_of(site, "SMS_R_System", &machine, &from->machines, err) &&
           site_rows_of(site, "NP_DistributionPoint", &nal_path, &from->ours, err) &&
           site_rows_of(site, "NP_ResolvedAddresses", &nal_path, &from->resolved, err);
}

static bool refuse_host(struct site *site, const struct instance *instance, const char *host,
                        struct error *err)
{
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "HOST", instance_where(site->policy, instance),
                     host ? "'%s' is no host name or address"
                          : "a distribution point has no host%s",
                     host ? host : "");
}

/* NULL stays NULL; false: what is there is no host. */
static bool get_host(struct site *site, const struct instance *instance, const char *property,
                     const char **host, struct error *err)
{
    const char *text = instance_get_text(site->policy, instance, property);
    if (!text || !*text)
        return true;
    if (!text_is_host(text))
        return refuse_host(site, instance, text, err);
    *host = text;
    return true;
}

static bool read_name(struct site *site, struct site_dp *dp, struct error *err)
{
    const char *host = site_nal_host(site->policy, dp->nal_path);
    if (host && !text_is_host(host))
        return refuse_host(site, dp->instance, host, err);
    dp->name = dp->host = host;
    if (!get_host(site, dp->instance, "ServerName", &dp->name, err))
        return false;
    if (!dp->name)
        return refuse_host(site, dp->instance, NULL, err);
    if (!dp->host)
        dp->host = dp->name;
    return true;
}

static bool contains(const char *text, const char *part)
{
    return text && strcasestr(text, part) != NULL;
}

static enum dp_kind find_kind(struct site *site, const struct site_dp *dp, bool is_pull)
{
    const char *type = instance_get_text(site->policy, dp->instance, "ResourceType");
    const char *system = instance_get_text(site->policy, dp->instance, "OperatingSystem");
    if (type && *type && !text_equal(type, "Windows NT Server"))
        return DP_CLOUD;
    if (is_pull)
        return DP_PULL;
    bool is_client = contains(system, "workstation") ||
                     (contains(system, "windows") && !contains(system, "server"));
    return is_client ? DP_WORKSTATION : DP_SERVER;
}

/* *known stays -1 where the property is not there. */
static bool get_known(const struct instance *instance, const char *property, int *known,
                      struct error *err)
{
    bool truth = false;
    if (!instance_get_bool(instance, property, &truth, err))
        return false;
    if (instance_get(instance, property))
        *known = truth;
    return true;
}

static bool read_info(struct site *site, struct site_dp *dp, struct error *err)
{
    const struct instance *info = dp->instance;
    bool is_pull = false;
    int64_t communication = 0, maintenance = 0;
    if (!instance_get_int(info, "Communication", 0, 1, &communication, err) ||
        !instance_get_int(info, "MaintenanceMode", 0, 1, &maintenance, err) ||
        !instance_get_bool(info, "IsProtected", &dp->is_protected, err) ||
        !instance_get_bool(info, "IsPullDP", &is_pull, err) ||
        !instance_get_bool(info, "InternetFacing", &dp->internet_facing, err) ||
        !get_known(info, "BitsEnabled", &dp->bits_enabled, err))
        return false;
    dp->https = communication == 1;
    dp->maintenance = maintenance == 1;
    dp->kind = find_kind(site, dp, is_pull);
    dp->site_code = instance_get_text(site->policy, info, "SiteCode");
    dp->scheme_supported = true;
    return true;
}

static bool join_resource(struct site *site, const struct site_rows *resources, struct site_dp *dp,
                          struct error *err)
{
    const struct site_row *row = site_rows_find(resources, dp->nal_path, DP_ROLE);
    if (!row)
        row = site_rows_find(resources, dp->nal_path, NULL);
    /* A row of another role says nothing of the distribution point. */
    if (!row || (row->text[1] && !text_equal(row->text[1], DP_ROLE)))
        return true;
    return get_known(row->instance, "InternetShared", &dp->internet_shared, err) &&
           get_host(site, row->instance, "ServerRemoteName", &dp->host, err);
}

static bool join_cloud(struct site *site, const struct site_rows *clouds, struct site_dp *dp,
                       struct error *err)
{
    const struct site_row *row = site_rows_find(clouds, dp->nal_path, NULL);
    if (row) {
        dp->kind = DP_CLOUD;
        if (!get_host(site, row->instance, "ServiceCName", &dp->service, err) ||
            !get_host(site, row->instance, "Fqdn", &dp->azure_name, err))
            return false;
        if (dp->service)
            dp->host = dp->service;
    }
    dp->https = dp->https || site_is_cloud(dp);
    return true;
}

/* Network IDs as a machine's are written, to be compared with them. */
static void join_subnets(struct policy *policy, const struct instance *row, struct site_dp *dp)
{
    size_t count;
    const char *const *texts = site_texts(policy, row, "IPSubnets", &count);
    const char **subnets = arena_zero(&policy->arena, count, sizeof *subnets);
    for (size_t i = 0; i < count; i++) {
        struct site_address address;
        char id[INET6_ADDRSTRLEN];
        if (!site_address_parse(&address, &policy->arena, texts[i]))
            continue;
        address_number network = address_from_bytes(address.bytes);
        if (address_is_placeless(network))
            continue;
        address_format(address.prefix < 0 ? network : address_first(network, address.prefix), id);
        subnets[dp->subnet_count++] = arena_copy_string(&policy->arena, id);
    }
    dp->subnets = subnets;
}

/* Addresses without the link-local ones that discovery records too. */
static void join_machine(struct site *site, const struct site_rows *machines, struct site_dp *dp)
{
    struct policy *policy = site->policy;
    size_t label = strcspn(dp->name, "."), count;
    const struct site_row *row = site_rows_find(machines, dp->name, NULL);
    if (!row)
        row = site_rows_find(machines, arena_copy_bytes(&policy->arena, dp->name, label), NULL);
    if (!row)
        return;
    const char *const *texts = site_texts(policy, row->instance, "IPAddresses", &count);
    struct site_address *addresses = arena_zero(&policy->arena, count, sizeof *addresses);
    for (size_t i = 0; i < count; i++) {
        struct site_address *address = &addresses[dp->address_count];
        if (site_address_parse(address, &policy->arena, texts[i]) &&
            !address_is_placeless(address_from_bytes(address->bytes)))
            dp->address_count++;
    }
    dp->addresses = addresses;
    join_subnets(policy, row->instance, dp);
    dp->ad_site = instance_get_text(policy, row->instance, "ADSiteName");
}

static bool refuse_url(struct site *site, const struct instance *instance, const char *url,
                       const char *why, struct error *err)
{
    /* A user name, a password or a query may be a secret. */
    const char *scheme = strstr(url, "://");
    size_t start = scheme ? (size_t)(scheme + 3 - url) : 0;
    size_t host = strcspn(url + start, "/?#");
    const char *at = memrchr(url + start, '@', host);
    const char *shown = at ? at + 1 : url + start;
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "BASE_URL",
                     instance_where(site->policy, instance), "BaseURL '%.*s%s%.*s%s' %s",
                     (int)start, url, at ? "(hidden)@" : "", (int)strcspn(shown, "?#"), shown,
                     shown[strcspn(shown, "?#")] ? "?(hidden)" : "", why);
}

/* host, host:port, [IPv6], [IPv6]:port */
static bool is_authority(struct policy *policy, const char *text, size_t len)
{
    char *host = arena_copy_bytes(&policy->arena, text, len);
    bool is_bracketed = *host == '[';
    host += is_bracketed;
    char *end = is_bracketed ? strchr(host, ']') : host + strcspn(host, ":");
    if (!end)
        return false;
    const char *rest = end + is_bracketed;
    int64_t port;
    if (*rest && (*rest != ':' || !text_to_int(rest + 1, 1, 65535, &port)))
        return false;
    *end = '\0';
    return text_is_host(host) && is_bracketed == (strchr(host, ':') != NULL);
}

static bool read_base_url(struct site *site, const struct instance *ours, struct site_dp *dp,
                          struct error *err)
{
    const char *url = instance_get_text(site->policy, ours, "BaseURL");
    if (!url || !*url)
        return true;
    dp->base_url = url;
    bool https = strncasecmp(url, "https://", 8) == 0;
    dp->scheme_supported = https || strncasecmp(url, "http://", 7) == 0;
    if (!dp->scheme_supported)
        return true;
    dp->https = https;
    for (const char *c = url; *c; c++)
        if (*c <= ' ' || *c >= 0x7F || strchr("?#\\\"<>", *c))
            return refuse_url(site, ours, url, "holds what may not stand in a DP's root", err);
    const char *authority = strstr(url, "://") + 3;
    if (!is_authority(site->policy, authority, strcspn(authority, "/")))
        return refuse_url(site, ours, url, "names no host", err);
    return true;
}

static bool read_kind(struct site *site, const struct instance *ours, struct site_dp *dp,
                      struct error *err)
{
    const char *word = instance_get_text(site->policy, ours, "Kind");
    if (!word)
        return true;
    for (enum dp_kind kind = DP_SERVER; kind <= DP_LIBRARY; kind++)
        if (text_equal(word, dp_kind_word(kind))) {
            dp->kind = kind;
            return true;
        }
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "DP_KIND", instance_where(site->policy, ours),
                     "'%s' is no kind of distribution point", word);
}

static bool read_addresses(struct site *site, const struct instance *ours, struct site_dp *dp,
                           struct error *err)
{
    struct policy *policy = site->policy;
    size_t count;
    const char *const *texts = site_texts(policy, ours, "Addresses", &count);
    if (count == 0)
        return true;
    struct site_address *addresses = arena_zero(&policy->arena, count, sizeof *addresses);
    for (size_t i = 0; i < count; i++)
        if (!site_address_parse(&addresses[i], &policy->arena, texts[i]))
            return error_set(err, ERROR_INPUT, BLAME_POLICY, "ADDRESS",
                             instance_where(policy, ours), "'%s' is no address", texts[i]);
    dp->addresses = addresses;
    dp->address_count = count;
    dp->subnet_count = 0;
    return true;
}

/* What `resolve --dps` wrote, where nothing else says an address. */
static bool join_resolved(struct site *site, const struct site_rows *resolved, struct site_dp *dp,
                          struct error *err)
{
    const struct site_row *row = site_rows_find(resolved, dp->nal_path, NULL);
    if (!row || dp->address_count || dp->subnet_count)
        return true;
    dp->addresses_resolved = true;
    return read_addresses(site, row->instance, dp, err);
}

static void read_library(const struct site *site, const struct instance *ours, struct site_dp *dp)
{
    const char *path = instance_get_text(site->policy, ours, "LibraryPath");
    if (!path || !*path)
        return;
    dp->library_path = path;
    dp->library_signed = ours->document->signer != NULL;
    if (!instance_get_text(site->policy, ours, "Kind"))
        dp->kind = DP_LIBRARY;
}

/* NP_DistributionPoint: what exports cannot say, stronger than they are. */
static bool join_ours(struct site *site, const struct site_rows *ours, struct site_dp *dp,
                      struct error *err)
{
    const struct site_row *row = site_rows_find(ours, dp->nal_path, NULL);
    if (!row)
        return true;
    const char *ad_site = instance_get_text(site->policy, row->instance, "ADSite");
    if (ad_site)
        dp->ad_site = ad_site;
    read_library(site, row->instance, dp);
    return read_kind(site, row->instance, dp, err) && read_base_url(site, row->instance, dp, err) &&
           read_addresses(site, row->instance, dp, err) &&
           get_known(row->instance, "ForestTrust", &dp->forest_trust, err) &&
           get_known(row->instance, "AllowFallback", &dp->allow_fallback, err) &&
           instance_get_int(row->instance, "MaxConnections", 0, 65535, &dp->max_connections, err);
}

static bool read_dp(struct site *site, const struct dp_sources *from, const struct site_row *row,
                    struct site_dp *dp, struct error *err)
{
    *dp = (struct site_dp){.nal_path = row->text[0],
                           .instance = row->instance,
                           .internet_shared = -1,
                           .forest_trust = -1,
                           .allow_fallback = -1,
                           .bits_enabled = -1};
    if (!read_name(site, dp, err) || !read_info(site, dp, err) ||
        !join_resource(site, &from->resources, dp, err) ||
        !join_cloud(site, &from->clouds, dp, err))
        return false;
    join_machine(site, &from->machines, dp);
    dp->access = site_find_access(site, dp->nal_path);
    return join_ours(site, &from->ours, dp, err) && join_resolved(site, &from->resolved, dp, err);
}

static int by_name(const void *a, const void *b)
{
    const struct site_dp *left = a, *right = b;
    int order = text_compare(left->name, right->name);
    return order ? order : text_compare(left->nal_path, right->nal_path);
}

static int by_nal_path(const void *a, const void *b)
{
    const struct site_row *left = a, *right = b;
    return text_compare(left->text[0], right->text[0]);
}

static void index_nal_paths(struct site *site)
{
    struct site_rows *index = &site->tables->nal_paths;
    index->count = site->dp_count;
    index->rows = arena_zero(&site->policy->arena, site->dp_count, sizeof *index->rows);
    for (size_t i = 0; i < site->dp_count; i++)
        index->rows[i] = (struct site_row){.text = {site->dps[i].nal_path}, .order = i};
    qsort(index->rows, index->count, sizeof *index->rows, by_nal_path);
}

struct site_dp *site_dp_by_nal_path(const struct site *site, const char *nal_path)
{
    const struct site_row *row = site_rows_find(&site->tables->nal_paths, nal_path, NULL);
    return row ? &site->dps[row->order] : NULL;
}

bool site_read_dps(struct site *site, struct error *err)
{
    struct dp_sources from;
    if (!site_read_accesses(site, err) || !read_sources(site, &from, err))
        return false;
    site->tables->resources = from.resources;
    site->tables->machines = from.machines;
    size_t most = from.infos.count + from.ours.count;
    site->dps = arena_zero(&site->policy->arena, most, sizeof *site->dps);
    for (size_t i = 0; i < from.infos.count; i++)
        if (!read_dp(site, &from, &from.infos.rows[i], &site->dps[site->dp_count++], err))
            return false;
    /* A plain web server that no site knows of is a distribution point too. */
    for (size_t i = 0; i < from.ours.count; i++)
        if (!site_rows_find(&from.infos, from.ours.rows[i].text[0], NULL) &&
            !read_dp(site, &from, &from.ours.rows[i], &site->dps[site->dp_count++], err))
            return false;
    qsort(site->dps, site->dp_count, sizeof *site->dps, by_name);
    index_nal_paths(site);
    return true;
}

const struct site_dp *site_find_dp(const struct site *site, const char *host)
{
    size_t low = 0, high = site->dp_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(site->dps[middle].name, host) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < site->dp_count && text_equal(site->dps[low].name, host);
    return found ? &site->dps[low] : NULL;
}

const char *dp_kind_word(enum dp_kind kind)
{
    switch (kind) {
    case DP_SERVER: return "server";
    case DP_WORKSTATION: return "workstation";
    case DP_PULL: return "pull";
    case DP_CLOUD: return "cloud";
    case DP_MDM: return "mdm";
    case DP_LIBRARY: return "library";
    }
    return NULL;
}
