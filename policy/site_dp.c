/* Distribution points: their rows joined by NAL path, their host, kind, URL, reach, addresses. */
#include "policy/site_internal.h"

#include "policy/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The joined rows of one DP while it is read. */
struct dp_rows {
    const struct instance *info;   /* SMS_DistributionPointInfo */
    const struct instance *role;   /* SMS_SystemResourceList */
    const struct instance *azure;  /* SMS_AzureService */
    const struct instance *own;    /* NP_DistributionPoint */
    const struct instance *system; /* SMS_R_System */
};

const char *site_nal_host(struct policy *policy, const char *nal_path)
{
    /* The network path follows the last "]": \\HOST\ or \\HOST\share\. */
    const char *start = strrchr(nal_path, ']');
    start = start ? start + 1 : nal_path;
    const char *slashes = strstr(start, "\\\\");
    if (!slashes)
        return NULL;
    slashes += 2;
    size_t len = strcspn(slashes, "\\/\"");
    return len ? arena_copy_bytes(&policy->arena, slashes, len) : NULL;
}

static const char *text_of(struct site *site, const struct instance *instance, const char *name)
{
    const char *text = instance ? instance_get_text(site->policy, instance, name) : NULL;
    return text && *text ? text : NULL;
}

static bool bool_of(const struct instance *instance, const char *name, bool *out, struct error *err)
{
    return !instance || instance_get_bool(instance, name, out, err);
}

static bool int_of(const struct instance *instance, const char *name, int64_t min, int64_t max,
                   int64_t *out, struct error *err)
{
    return !instance || instance_get_int(instance, name, min, max, out, err);
}

static bool read_host(struct site *site, struct site_dp *dp, const struct dp_rows *rows,
                      struct error *err)
{
    const struct instance *any = rows->info ? rows->info : rows->own;
    const char *host = text_of(site, rows->info, "ServerName");
    if (host && text_starts_with(host, "\\\\"))
        host += 2;
    if (!host)
        host = site_nal_host(site->policy, dp->nal_path);
    if (!host || !text_is_host(host))
        return site_refuse(site->policy, any, err, "'%s' is no host", host ? host : dp->nal_path);
    dp->name = host;
    return true;
}

/* NP_DistributionPoint.Kind, else what the site says (policy model: A DP's kind). */
static bool read_kind(struct site *site, struct site_dp *dp, const struct dp_rows *rows,
                      struct error *err)
{
    static const enum dp_kind kinds[] = {DP_SERVER, DP_WORKSTATION, DP_PULL,
                                         DP_CLOUD,  DP_MDM,         DP_LIBRARY};
    const char *kind = text_of(site, rows->own, "Kind");
    for (size_t i = 0; kind && i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_equal(kind, dp_kind_word(kinds[i]))) {
            dp->kind = kinds[i];
            return true;
        }
    if (kind)
        return site_refuse(site->policy, rows->own, err, "Kind '%s' is unknown", kind);
    const char *resource = text_of(site, rows->info, "ResourceType");
    const char *system = text_of(site, rows->info, "OperatingSystem");
    bool is_pull = false;
    if (!bool_of(rows->info, "IsPullDP", &is_pull, err))
        return false;
    if (rows->azure || (resource && !text_equal(resource, "Windows NT Server")))
        dp->kind = DP_CLOUD;
    else if (is_pull)
        dp->kind = DP_PULL;
    else if (system && strcasestr(system, "workstation"))
        dp->kind = DP_WORKSTATION;
    else
        dp->kind = DP_SERVER;
    return true;
}

static void read_url(struct site *site, struct site_dp *dp, const struct dp_rows *rows)
{
    struct arena *arena = &site->policy->arena;
    const char *host = text_of(site, rows->role, "ServerRemoteName");
    const char *service = text_of(site, rows->azure, "ServiceCName");
    dp->base_url = text_of(site, rows->own, "BaseURL");
    if (dp->base_url)
        return;
    if (dp->kind == DP_CLOUD)
        dp->base_url = arena_format(arena, "https://%s", service ? service : dp->name);
    else
        dp->base_url = arena_format(
            arena, "%s://%s/SMS_DP_SMSPKG$", dp->https ? "https" : "http",
            host && text_is_host(host) ? host : site_nal_host(site->policy, dp->nal_path));
}

static bool add_address(struct site *site, struct site_address *address, const char *text)
{
    const char *slash = strchr(text, '/');
    struct ip_address parsed;
    int64_t prefix = -1;
    char *plain =
        arena_copy_bytes(&site->policy->arena, text, slash ? (size_t)(slash - text) : strlen(text));
    if (!ip_address_parse(plain, &parsed) ||
        (slash && !text_to_int(slash + 1, 0, parsed.is_ipv4 ? 32 : 128, &prefix)))
        return false;
    memcpy(address->bytes, parsed.bytes, sizeof address->bytes);
    address->is_ipv4 = parsed.is_ipv4;
    address->prefix = (int)prefix;
    address->text = text;
    return true;
}

/* The property's text or texts as addresses. */
static bool read_address_list(struct site *site, struct site_dp *dp,
                              const struct instance *instance, const char *name, struct error *err)
{
    const struct value *value = instance ? instance_get(instance, name) : NULL;
    if (!value)
        return true;
    size_t count = value->type == VALUE_ARRAY ? value->count : 1;
    const struct value *items = value->type == VALUE_ARRAY ? value->items : value;
    struct site_address *addresses = arena_zero(&site->policy->arena, count, sizeof *addresses);
    for (size_t i = 0; i < count; i++) {
        const char *text = items[i].type == VALUE_TEXT ? items[i].text : "";
        if (!add_address(site, &addresses[i], text))
            return site_refuse(site->policy, instance, err, "%s '%s' is no address", name, text);
    }
    dp->addresses = addresses;
    dp->address_count = count;
    return true;
}

/* Strongest first (policy model: A DP's addresses). */
static bool read_addresses(struct site *site, struct site_dp *dp, const struct dp_rows *rows,
                           struct error *err)
{
    if (!read_address_list(site, dp, rows->own, "Addresses", err))
        return false;
    if (dp->address_count == 0 && !read_address_list(site, dp, rows->system, "IPAddresses", err))
        return false;
    dp->ad_site = text_of(site, rows->own, "ADSite");
    if (!dp->ad_site)
        dp->ad_site = text_of(site, rows->system, "ADSiteName");
    return true;
}

static bool read_flags(struct site_dp *dp, const struct dp_rows *rows, struct error *err)
{
    int64_t communication = 0, maintenance = 0, connections = 0;
    bool shared = false;
    if (!int_of(rows->info, "Communication", 0, UINT32_MAX, &communication, err) ||
        !int_of(rows->info, "MaintenanceMode", 0, UINT32_MAX, &maintenance, err) ||
        !int_of(rows->own, "MaxConnections", 0, UINT32_MAX, &connections, err) ||
        !bool_of(rows->info, "IsProtected", &dp->is_protected, err) ||
        !bool_of(rows->info, "InternetFacing", &dp->internet_facing, err) ||
        !bool_of(rows->role, "InternetShared", &shared, err))
        return false;
    dp->https = communication == 1;
    dp->maintenance = maintenance != 0;
    dp->max_connections = connections;
    bool known = rows->role && instance_get(rows->role, "InternetShared");
    dp->internet_shared = known ? shared : -1;
    return true;
}

static bool read_dp(struct site *site, struct site_dp *dp, const struct dp_rows *rows,
                    struct error *err)
{
    dp->instance = rows->info ? rows->info : rows->own;
    dp->site_code = text_of(site, rows->info, "SiteCode");
    if (!read_host(site, dp, rows, err) || !read_kind(site, dp, rows, err) ||
        !read_flags(dp, rows, err) || !read_addresses(site, dp, rows, err))
        return false;
    read_url(site, dp, rows);
    return true;
}

static const struct instance *join(const struct site_rows *rows, const char *key)
{
    size_t count;
    const struct site_row *found = key ? site_find_rows(rows, key, &count) : NULL;
    return found ? found->instance : NULL;
}

/* NetBIOS name or first label (policy model: machine, and a DP's own addresses). */
static const char *first_label(struct site *site, const char *host)
{
    struct ip_address address;
    size_t len = ip_address_parse(host, &address) ? strlen(host) : strcspn(host, ".");
    return arena_copy_bytes(&site->policy->arena, host, len);
}

struct dp_tables {
    struct site_rows infos, roles, azures, owns, systems;
};

static bool collect(struct dp_tables *tables, struct site *site, struct error *err)
{
    static const char *const by_nal[] = {"NALPath", NULL};
    static const char *const by_name[] = {"Name", NULL};
    static const char *const role_keys[] = {"NALPath", "RoleName", NULL};
    struct policy *policy = site->policy;
    const char *infos[] = {"SMS_DistributionPointInfo", NULL};
    const char *roles[] = {"SMS_SystemResourceList", NULL};
    const char *azures[] = {"SMS_AzureService", NULL};
    const char *owns[] = {"NP_DistributionPoint", NULL};
    const char *systems[] = {"SMS_R_System", NULL};
    return site_collect(&tables->infos, policy, infos, by_nal, err) &&
           site_collect(&tables->roles, policy, roles, role_keys, err) &&
           site_collect(&tables->azures, policy, azures, by_nal, err) &&
           site_collect(&tables->owns, policy, owns, by_nal, err) &&
           site_collect(&tables->systems, policy, systems, by_name, err);
}

static const struct instance *find_role(const struct dp_tables *tables, const char *nal_path)
{
    size_t count;
    const struct site_row *rows = site_find_rows(&tables->roles, nal_path, &count);
    for (size_t i = 0; rows && i < count; i++)
        if (text_ends_with(rows[i].key, "SMS Distribution Point"))
            return rows[i].instance;
    return NULL;
}

static bool add_dp(struct site *site, const struct dp_tables *tables, const char *nal_path,
                   struct error *err)
{
    struct site_dp *dp = &site->dps[site->dp_count++];
    const char *host = site_nal_host(site->policy, nal_path);
    struct dp_rows rows = {
        .info = join(&tables->infos, nal_path),
        .role = find_role(tables, nal_path),
        .azure = join(&tables->azures, nal_path),
        .own = join(&tables->owns, nal_path),
        .system = host ? join(&tables->systems, first_label(site, host)) : NULL,
    };
    dp->nal_path = nal_path;
    return read_dp(site, dp, &rows, err);
}

static int compare_names(const void *a, const void *b)
{
    return text_compare(((const struct site_dp *)a)->name, ((const struct site_dp *)b)->name);
}

/* One host, one DP: decisions, logs and --why name it by its host. */
static void drop_doubles(struct site *site)
{
    size_t kept = 0;
    for (size_t i = 0; i < site->dp_count; i++) {
        if (kept && text_equal(site->dps[kept - 1].name, site->dps[i].name))
            policy_warn(site->policy, "DUPLICATE_OBJECT",
                        instance_where(site->policy, site->dps[i].instance),
                        "a second distribution point is named %s: only the first counts",
                        site->dps[i].name);
        else
            site->dps[kept++] = site->dps[i];
    }
    site->dp_count = kept;
}

static int compare_nals(const void *a, const void *b)
{
    return text_compare((*(const struct site_dp *const *)a)->nal_path,
                        (*(const struct site_dp *const *)b)->nal_path);
}

static void index_nals(struct site *site)
{
    struct site_tables *tables = site->tables;
    tables->dps_by_nal =
        arena_zero(&site->policy->arena, site->dp_count, sizeof *tables->dps_by_nal);
    for (size_t i = 0; i < site->dp_count; i++)
        tables->dps_by_nal[tables->dps_by_nal_count++] = &site->dps[i];
    if (site->dp_count)
        qsort(tables->dps_by_nal, site->dp_count, sizeof *tables->dps_by_nal, compare_nals);
}

const struct site_dp *site_find_dp_by_nal(const struct site *site, const char *nal_path)
{
    struct site_dp wanted = {.nal_path = nal_path};
    const struct site_dp *key = &wanted;
    const struct site_tables *tables = site->tables;
    const struct site_dp **found = tables->dps_by_nal_count
                                       ? bsearch(&key, tables->dps_by_nal, tables->dps_by_nal_count,
                                                 sizeof *tables->dps_by_nal, compare_nals)
                                       : NULL;
    return found ? *found : NULL;
}

bool site_read_dps(struct site *site, struct error *err)
{
    struct dp_tables tables;
    if (!collect(&tables, site, err))
        return false;
    size_t most = tables.infos.count + tables.owns.count;
    site->dps = arena_zero(&site->policy->arena, most, sizeof *site->dps);
    for (size_t i = 0; i < tables.infos.count; i++)
        if (!add_dp(site, &tables, tables.infos.rows[i].key, err))
            return false;
    for (size_t i = 0; i < tables.owns.count; i++)
        if (!join(&tables.infos, tables.owns.rows[i].key) &&
            !add_dp(site, &tables, tables.owns.rows[i].key, err))
            return false;
    if (site->dp_count)
        qsort(site->dps, site->dp_count, sizeof *site->dps, compare_names);
    drop_doubles(site);
    index_nals(site);
    return true;
}

const struct site_dp *site_find_dp(const struct site *site, const char *host)
{
    struct site_dp wanted = {.name = host};
    return site->dp_count
               ? bsearch(&wanted, site->dps, site->dp_count, sizeof *site->dps, compare_names)
               : NULL;
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
    return "unknown";
}
