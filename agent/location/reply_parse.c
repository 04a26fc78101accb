#include "agent/location/reply_parse.h"

#include "agent/location/reply_url.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/xml.h"

#include <string.h>

struct reading {
    struct location_reply *reply;
    struct xml_reader *xml;
    unsigned depth;
    bool in_record;
    struct location_reply_record record; /* the one that is open */
    const char **field;                  /* of the record: takes the element's text, or NULL */
    struct buf text;
};

static bool refuse_value(const struct reading *reading, struct error *err, const char *what,
                         const char *why)
{
    return xml_refuse(reading->xml, err, "REPLY", "holds a ContentLocationReply whose %s %s", what,
                      why);
}

/* Lists */

/* The list with room for one element more; NULL: it is full. The array doubles in the arena, where
   the shorter ones before it stay. */
static void *make_room(struct reading *reading, void *list, size_t count, size_t size, long limit,
                       const char *what, struct error *err)
{
    if (count >= (size_t)limit) {
        xml_refuse(reading->xml, err, "REPLY_LIMIT",
                   "holds a ContentLocationReply of more than %ld %s", limit, what);
        return NULL;
    }
    if (count & (count - 1))
        return list;
    void *longer = arena_zero(&reading->reply->arena, count ? 2 * count : 1, size);
    if (count)
        memcpy(longer, list, count * size);
    return longer;
}

/* Attributes */

/* NULL where it is absent or empty. */
static const char *text_of(struct reading *reading, const struct xml_element *element,
                           const char *name)
{
    const char *value = xml_attribute(element, name);
    return value && *value ? arena_copy_string(&reading->reply->arena, value) : NULL;
}

static bool read_number(struct reading *reading, const struct xml_element *element,
                        const char *name, int64_t *out, struct error *err)
{
    const char *value = xml_attribute(element, name);
    *out = -1;
    if (!value || !*value || text_to_int(value, 0, INT64_MAX, out))
        return true;
    return refuse_value(reading, err, name, "is no number from 0");
}

static int truth_of(const struct xml_element *element, const char *name)
{
    const char *value = xml_attribute(element, name);
    bool truth;
    return value && text_to_bool(value, &truth) ? truth : -1;
}

/* Elements outside of location records */

static bool add_hash(struct reading *reading, const struct location_reply_hash *hash,
                     struct error *err)
{
    struct location_reply *reply = reading->reply;
    if (!hash->hash)
        return true;
    for (size_t i = 0; i < reply->hash_count; i++)
        if (reply->hashes[i].algorithm == hash->algorithm &&
            text_equal(reply->hashes[i].hash, hash->hash))
            return true;
    reply->hashes = make_room(reading, reply->hashes, reply->hash_count, sizeof *reply->hashes,
                              LIMIT_REPLY_LIST, "hashes", err);
    if (!reply->hashes)
        return false;
    reply->hashes[reply->hash_count++] = *hash;
    return true;
}

static bool read_hash(struct reading *reading, const struct xml_element *element, const char *text,
                      const char *algorithm, const char *preference, struct error *err)
{
    struct location_reply_hash hash = {.hash = text_of(reading, element, text)};
    return read_number(reading, element, algorithm, &hash.algorithm, err) &&
           read_number(reading, element, preference, &hash.preference, err) &&
           add_hash(reading, &hash, err);
}

static bool start_reply(struct reading *reading, const struct xml_element *element,
                        struct error *err)
{
    struct location_reply *reply = reading->reply;
    return read_number(reading, element, "ContentFlags", &reply->content_flags, err) &&
           read_number(reading, element, "BGRVersion", &reply->bgr_version, err) &&
           read_hash(reading, element, "Hash", "HashAlgorithm", "AlgorithmPreference", err);
}

static bool start_content_info(struct reading *reading, const struct xml_element *element,
                               struct error *err)
{
    return read_number(reading, element, "PackageFlags", &reading->reply->package_flags, err);
}

static bool start_hash(struct reading *reading, const struct xml_element *element,
                       struct error *err)
{
    return read_hash(reading, element, "HashString", "Algorithm", "HashPreference", err);
}

static bool start_groups(struct reading *reading, const struct xml_element *element,
                         struct error *err)
{
    (void)err;
    struct location_reply *reply = reading->reply;
    reply->has_groups = true;
    reply->groups_time = text_of(reading, element, "BoundaryGroupListRetrieveTime");
    reply->on_vpn = truth_of(element, "IsOnVPN");
    return true;
}

static bool start_group(struct reading *reading, const struct xml_element *element,
                        struct error *err)
{
    struct location_reply *reply = reading->reply;
    struct location_reply_group group = {.guid = text_of(reading, element, "GroupGUID")};
    if (!read_number(reading, element, "GroupID", &group.id, err) ||
        !read_number(reading, element, "GroupFlag", &group.flags, err))
        return false;
    reply->groups = make_room(reading, reply->groups, reply->group_count, sizeof *reply->groups,
                              LIMIT_REPLY_LIST, "boundary groups", err);
    if (!reply->groups)
        return false;
    reply->groups[reply->group_count++] = group;
    return true;
}

static bool start_site(struct reading *reading, const struct xml_element *element,
                       struct error *err)
{
    (void)element;
    struct location_reply *reply = reading->reply;
    reply->sites = make_room(reading, reply->sites, reply->site_count, sizeof *reply->sites,
                             LIMIT_REPLY_LIST, "sites", err);
    if (!reply->sites)
        return false;
    reply->sites[reply->site_count++] = (struct location_reply_site){0};
    return true;
}

static bool start_site_code(struct reading *reading, const struct xml_element *element,
                            struct error *err)
{
    struct location_reply *reply = reading->reply;
    if (!reply->site_count)
        return refuse_value(reading, err, "<MPSite>", "stands outside of <Site>");
    struct location_reply_site *site = &reply->sites[reply->site_count - 1];
    site->code = text_of(reading, element, "SiteCode");
    site->master = text_of(reading, element, "MasterSiteCode");
    site->locality = text_of(reading, element, "SiteLocality");
    if (!site->locality)
        site->locality = text_of(reading, element, "Locality");
    return true;
}

/* Location records */

static bool start_record(struct reading *reading, const struct xml_element *element,
                         struct error *err)
{
    size_t sites = reading->reply->site_count;
    if (!sites)
        return refuse_value(reading, err, "<LocationRecord>", "stands outside of <Site>");
    reading->in_record = true;
    reading->record = (struct location_reply_record){
        .line = element->line,
        .site = sites - 1,
        .ssl_state = -1,
        .auth_method = -1,
        .forest_trust = -1,
    };
    return true;
}

static bool add_url(struct reading *reading, const struct location_reply_url *url, const char *host,
                    struct error *err)
{
    struct location_reply_record *record = &reading->record;
    for (size_t i = 0; i < record->url_count; i++)
        if (strcmp(record->urls[i].text, url->text) == 0)
            return true;
    record->urls = make_room(reading, record->urls, record->url_count, sizeof *record->urls,
                             LIMIT_REPLY_LIST, "URLs in one location", err);
    if (!record->urls)
        return false;
    record->urls[record->url_count++] = *url;
    if (!record->url && !url->smb) {
        record->url = url->text;
        record->dp = host;
    }
    if (!record->dp)
        record->dp = host;
    return true;
}

static bool read_signature(struct reading *reading, const char *text, struct error *err)
{
    struct location_reply_url signature;
    const char *host;
    const char *why = reply_url_parse(&signature, &host, &reading->reply->arena, text);
    reading->record.signature = why ? NULL : signature.text;
    return !why || refuse_value(reading, err, "signature's URL", why);
}

static bool start_url(struct reading *reading, const struct xml_element *element, struct error *err)
{
    struct arena *arena = &reading->reply->arena;
    const char *name = xml_attribute(element, "Name");
    const char *signature = xml_attribute(element, "Signature");
    struct location_reply_url url;
    const char *host;
    if (signature && reply_url_is_web(signature) && !reading->record.signature &&
        !read_signature(reading, signature, err))
        return false;
    if (!name || !reply_url_is_web(name))
        return true;
    const char *why = reply_url_parse(&url, &host, arena, name);
    return why ? refuse_value(reading, err, "URL", why) : add_url(reading, &url, host, err);
}

static bool start_smb(struct reading *reading, const struct xml_element *element, struct error *err)
{
    const char *name = xml_attribute(element, "Name");
    struct location_reply_url url;
    const char *host;
    if (!name || !*name)
        return true;
    const char *why = reply_smb_parse(&url, &host, &reading->reply->arena, name);
    return why ? refuse_value(reading, err, "SMBPath", why) : add_url(reading, &url, host, err);
}

static bool start_ad_site(struct reading *reading, const struct xml_element *element,
                          struct error *err)
{
    (void)err;
    reading->record.ad_site = text_of(reading, element, "Name");
    return true;
}

static bool start_subnet(struct reading *reading, const struct xml_element *element,
                         struct error *err)
{
    struct location_reply_record *record = &reading->record;
    const char *address = text_of(reading, element, "Address");
    if (!address)
        return true;
    record->subnets =
        make_room(reading, record->subnets, record->subnet_count, sizeof *record->subnets,
                  LIMIT_REPLY_LIST, "subnets in one location", err);
    if (!record->subnets)
        return false;
    record->subnets[record->subnet_count++] = address;
    return true;
}

static bool start_capability(struct reading *reading, const struct xml_element *element,
                             struct error *err)
{
    const char *name = xml_attribute(element, "Name");
    if (name && text_equal(name, "SSLState"))
        return read_number(reading, element, "Value", &reading->record.ssl_state, err);
    if (name && text_equal(name, "AuthMethod"))
        return read_number(reading, element, "Value", &reading->record.auth_method, err);
    return true;
}

static bool start_windows(struct reading *reading, const struct xml_element *element,
                          struct error *err)
{
    (void)err;
    reading->record.forest_trust = truth_of(element, "Trust");
    return true;
}

/* The field of the record that such an element's text is, or NULL. */
static const char **field_of(struct location_reply_record *record, const char *name)
{
    const struct {
        const char *name;
        const char **field;
    } fields[] = {
        {"Version", &record->version},      {"ServerRemoteName", &record->server_remote_name},
        {"DPType", &record->dp_type},       {"Locality", &record->reported},
        {"BlockInfo", &record->block_info},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].field;
    return NULL;
}

static void take_field(struct reading *reading)
{
    const char *text = reading->text.data;
    size_t len = reading->text.len;
    for (; len && text_is_blank(text, 1); text++)
        len--;
    while (len && text_is_blank(text + len - 1, 1))
        len--;
    *reading->field = len ? arena_copy_bytes(&reading->reply->arena, text, len) : NULL;
    reading->field = NULL;
}

static bool end_record(struct reading *reading, struct error *err)
{
    struct location_reply *reply = reading->reply;
    struct location_reply_record *record = &reading->record;
    reading->in_record = false;
    if (record->server_remote_name && !text_is_host(record->server_remote_name))
        return refuse_value(reading, err, "ServerRemoteName", "is no host");
    if (record->server_remote_name)
        record->dp = record->server_remote_name;
    if (!record->dp)
        return refuse_value(reading, err, "<LocationRecord>", "names neither server nor URL");
    reply->records = make_room(reading, reply->records, reply->record_count, sizeof *reply->records,
                               LIMIT_REPLY_RECORDS, "locations", err);
    if (!reply->records)
        return false;
    reply->records[reply->record_count++] = *record;
    return true;
}

/* Events */

static const struct {
    const char *name;
    bool in_record;
    bool (*start)(struct reading *reading, const struct xml_element *element, struct error *err);
} elements[] = {
    {"ContentInfo", false, start_content_info},
    {"Hash", false, start_hash},
    {"BoundaryGroups", false, start_groups},
    {"BoundaryGroup", false, start_group},
    {"Site", false, start_site},
    {"MPSite", false, start_site_code},
    {"LocationRecord", false, start_record},
    {"URL", true, start_url},
    {"SMBPath", true, start_smb},
    {"ADSite", true, start_ad_site},
    {"IPSubnet", true, start_subnet},
    {"Property", true, start_capability},
    {"Windows", true, start_windows},
};

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct reading *reading = arg;
    if (reading->depth++ == 0)
        return start_reply(reading, element, err);
    reading->field = field_of(&reading->record, element->name);
    buf_clear(&reading->text);
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (elements[i].in_record == reading->in_record &&
            strcmp(elements[i].name, element->name) == 0)
            return elements[i].start(reading, element, err);
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    struct reading *reading = arg;
    reading->depth--;
    if (reading->field)
        take_field(reading);
    return !reading->in_record || strcmp(name, "LocationRecord") != 0 || end_record(reading, err);
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct reading *reading = arg;
    if (!reading->field)
        return true;
    if (reading->text.len + len > LIMIT_URL_BYTES)
        return xml_refuse(reading->xml, err, "REPLY_LIMIT",
                          "holds a ContentLocationReply with a text of more than %d bytes",
                          LIMIT_URL_BYTES);
    buf_append(&reading->text, text, len);
    return true;
}

bool reply_parse(struct location_reply *reply, const struct reply_bytes *bytes, const char *where,
                 struct error *err)
{
    static const struct xml_handlers handlers = {on_start, on_end, on_text, .many_roots = false};
    struct reading reading = {.reply = reply};
    *reply = (struct location_reply){.line = bytes->line,
                                     .content_flags = -1,
                                     .package_flags = -1,
                                     .bgr_version = -1,
                                     .on_vpn = -1};
    reading.xml = xml_open(&handlers, &reading, where);
    xml_begin_at(reading.xml, bytes->line);
    bool ok = xml_feed(reading.xml, bytes->mark, strlen(bytes->mark), err) &&
              xml_feed(reading.xml, bytes->text, bytes->len, err) && xml_finish(reading.xml, err);
    xml_close(reading.xml);
    buf_free(&reading.text);
    if (!ok)
        location_reply_free(reply);
    return ok;
}
