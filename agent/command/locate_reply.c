/* locate --reply: what a management point told a client, as a list of locate's shape. */
#include "agent/command/locate.h"
#include "agent/command/location_json.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stdlib.h>

static const struct site_dp *find_dp(const struct site *site,
                                     const struct location_reply_record *record)
{
    const struct site_dp *dp = site_find_dp(site, record->dp);
    for (size_t i = 0; !dp && i < site->dp_count; i++)
        if (text_same_host(site->dps[i].name, record->dp) ||
            text_same_host(record->dp, site->dps[i].name))
            dp = &site->dps[i];
    return dp;
}

const struct site_dp *locate_reply_dp(const struct locate *locate,
                                      const struct location_reply_record *record)
{
    return locate->record_dps[record - locate->reply.records];
}

/* Once: a hierarchy has thousands of distribution points, a reply may have as many records. A peer
   is none of them, whatever its name. */
static void find_dps(struct locate *locate)
{
    struct location_reply *reply = &locate->reply;
    locate->record_dps = arena_zero(&reply->arena, reply->record_count, sizeof *locate->record_dps);
    for (size_t i = 0; i < reply->record_count; i++)
        if (reply->records[i].kind != REPLY_PEER)
            locate->record_dps[i] = find_dp(&locate->world.site, &reply->records[i]);
}

static void learn_networks(struct locate *locate)
{
    struct site *site = &locate->world.site;
    for (size_t i = 0; i < locate->reply.record_count; i++) {
        const struct location_reply_record *record = &locate->reply.records[i];
        const struct site_dp *known = locate_reply_dp(locate, record);
        if (!known)
            continue;
        struct site_dp *dp = &site->dps[known - site->dps];
        if ((!dp->address_count && !dp->subnet_count) || dp->addresses_resolved) {
            dp->address_count = 0;
            dp->subnets = record->subnets;
            dp->subnet_count = record->subnet_count;
        }
        if (!dp->ad_site)
            dp->ad_site = record->ad_site;
    }
}

bool locate_reply_read(struct locate *locate, struct error *err)
{
    const char *path = locate->options->reply;
    struct buf bytes = {0};
    if (!path)
        return true;
    const char *id = locate->content ? locate->content->id : locate->asked;
    locate->has_reply =
        beneath_read_named(path, "the reply", LIMIT_REPLY_BYTES, &bytes, err) &&
        location_reply_read(&locate->reply, bytes.data ? bytes.data : "", bytes.len, id, path, err);
    buf_free(&bytes);
    if (!locate->has_reply)
        return false;
    find_dps(locate);
    learn_networks(locate);
    return true;
}

/* ---- one record ---- */

/* Of a record without a URL by HTTP what it has, which may be none. */
static const char *url_of(const struct location_reply_record *record)
{
    return record->url || record->url_count == 0 ? record->url : record->urls[0].text;
}

/* NULL: the contract has no word for it. */
static const char *kind_word(const struct location_reply_record *record, const struct site_dp *dp)
{
    if (record->kind == REPLY_UNKNOWN)
        return NULL;
    return dp && record->kind == REPLY_SERVER ? dp_kind_word(dp->kind)
                                              : location_reply_kind_word(record->kind);
}

static const char *distance_of(const struct location_reply_record *record)
{
    if (!record->locality_known)
        return NULL;
    if (record->locality == LOCALITY_CLOUD)
        return distance_word(DISTANCE_CLOUD);
    return distance_word(record->locality <= LOCALITY_BOUNDARYGROUP ? DISTANCE_LOCAL
                                                                    : DISTANCE_REMOTE);
}

static char *reason_of(const struct locate *locate, const struct location_reply_record *record)
{
    struct buf out = {0};
    buf_format(&out, "the reply says %s", record->reported ? record->reported : "no locality");
    if (record->ad_site)
        buf_format(&out, "; AD site %s", record->ad_site);
    for (size_t i = 0; i < record->subnet_count; i++)
        buf_format(&out, "%s%s", i ? ", " : "; subnet ", record->subnets[i]);
    if (record->forest_trust >= 0)
        buf_format(&out, "; forest %s", record->forest_trust ? "trusted" : "not trusted");
    if (!locate->options->json)
        buf_format(&out, " (%s:%u)", locate->options->reply, record->line);
    return out.data;
}

static json_t *record_json(const struct locate *locate, size_t index)
{
    const struct location_reply_record *record = &locate->reply.records[index];
    const struct site_dp *dp = locate_reply_dp(locate, record);
    const char *locality = record->locality_known ? locality_word(record->locality) : NULL;
    char *reason = reason_of(locate, record);
    json_t *object =
        json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:n, s:[], s:[], s:o}", "rank",
                  (json_int_t)index + 1, "dp", location_json_text(dp ? dp->name : record->dp),
                  "kind", location_json_text(kind_word(record, dp)), "locality",
                  location_json_text(locality), "reported", location_json_text(record->reported),
                  "distance", location_json_text(distance_of(record)), "protected",
                  dp ? json_boolean(dp->is_protected) : json_null(), "url",
                  location_json_text(url_of(record)), "afterMinutes", "groups", "boundaries",
                  "reason", location_json_text(reason));
    free(reason);
    return object;
}

static json_t *locations_json(const struct locate *locate)
{
    json_t *list = json_array();
    for (size_t i = 0; i < locate->reply.record_count; i++)
        json_array_append_new(list, record_json(locate, i));
    return list;
}

/* ---- the whole ---- */

/* A record's folder names the content; an application's has its version behind a dot. */
static const char *content_id(const struct locate *locate)
{
    const struct location_reply *reply = &locate->reply;
    if (locate->content)
        return locate->content->id;
    if (locate->asked)
        return locate->asked;
    return reply->record_count && reply->records[0].url_count ? reply->records[0].urls[0].folder
                                                              : NULL;
}

static json_t *groups_json(const struct locate *locate)
{
    json_t *list = json_array();
    for (size_t i = 0; i < locate->reply.group_count; i++) {
        int64_t id = locate->reply.groups[i].id;
        const struct site_group *group = site_find_group(&locate->world.site, id);
        json_array_append_new(list,
                              json_pack("{s:I, s:o, s:s, s:i, s:n}", "id", (json_int_t)id, "name",
                                        location_json_text(group ? group->name : NULL), "via",
                                        "boundary", "fallbackMinutes", 0, "minutesFrom"));
    }
    return list;
}

/* What a reply does not say is null. */
json_t *locate_reply_json(const struct locate *locate)
{
    json_t *object = json_pack(
        "{s:{s:o, s:n, s:n, s:n}, s:n, s:s, s:n, s:n, s:[], s:[], s:o, s:n, s:n, s:o, s:[], s:n}",
        "content", "id", location_json_text(content_id(locate)), "version", "size", "files",
        "machine", "rules", location_rules_word(locate->reply.rules), "deployment", "settings",
        "assumed", "boundaries", "boundaryGroups", groups_json(locate), "sites", "onDemandComing",
        "locations", locations_json(locate), "excluded", "why");
    if (locate->failure)
        json_object_set_new(object, "error", location_json_failure(locate->failure));
    return object;
}

static void add_groups(const struct locate *locate, struct buf *out)
{
    const struct location_reply *reply = &locate->reply;
    for (size_t i = 0; i < reply->group_count; i++) {
        const struct site_group *group = site_find_group(&locate->world.site, reply->groups[i].id);
        command_add_line(out, "group     %s (%lld)", group ? group->name : "not in the policy",
                         (long long)reply->groups[i].id);
    }
    if (reply->has_groups && reply->group_count == 0)
        command_add_line(out, "group     none");
    if (reply->on_vpn >= 0)
        command_add_line(out, "vpn       %s", reply->on_vpn ? "yes" : "no");
}

static void add_record(const struct locate *locate, size_t index, struct buf *out)
{
    const struct location_reply_record *record = &locate->reply.records[index];
    const struct site_dp *dp = locate_reply_dp(locate, record);
    char *reason = reason_of(locate, record);
    buf_append_text(out, "\n");
    const char *kind = kind_word(record, dp);
    command_add_line(out, "%3zu  %s  %s  %s", index + 1, dp ? dp->name : record->dp,
                     record->locality_known ? locality_word(record->locality) : "(not known)",
                     kind ? kind : record->dp_type);
    const char *url = url_of(record);
    command_add_line(out, "     %s", url ? url : "no URL that nearpoint could use");
    command_add_line(out, "     %s", reason);
    free(reason);
}

void locate_reply_text(const struct locate *locate, struct buf *out)
{
    const struct location_reply *reply = &locate->reply;
    const char *id = content_id(locate);
    command_add_line(out, "reply     %s:%u, one of %zu in the file%s", locate->options->reply,
                     reply->line, reply->replies_in_file,
                     reply->content_assumed ? ", and names no content" : "");
    if (reply->empty_after)
        command_add_line(out, "          %zu later ones hold no location, of whatever content",
                         reply->empty_after);
    command_add_line(out, "content   %s", id ? id : "not said");
    command_add_line(out, "rules     %s, by the reply's form", location_rules_word(reply->rules));
    add_groups(locate, out);
    for (size_t i = 0; i < reply->record_count; i++)
        add_record(locate, i, out);
    if (reply->record_count == 0)
        buf_append_text(out, "\nno location\n");
}
