#include "agent/location/reply.h"

#include "agent/location/reply_find.h"
#include "agent/location/reply_parse.h"
#include "agent/location/reply_url.h"
#include "policy/base/text.h"

#include <stdlib.h>

/* What the values mean */

static const struct {
    const char *word;
    enum locality locality;
    enum location_reply_kind kind; /* REPLY_UNKNOWN: the word does not say */
} words[] = {
    {"SITE", LOCALITY_SITEDEFAULT, REPLY_UNKNOWN},
    {"SUBNETPEER", LOCALITY_SUBNET, REPLY_PEER},
    {"PEER", LOCALITY_BOUNDARYGROUP, REPLY_PEER},
    {"ADSITEPEER", LOCALITY_ADSITE, REPLY_PEER},
    {"WUMU", LOCALITY_INTERNET, REPLY_MICROSOFT_UPDATE},
    {"CLOUD", LOCALITY_CLOUD, REPLY_CLOUD}, /* ours, as all of nearpoint's own words */
};

static enum location_reply_kind kind_of(const struct location_reply_record *record,
                                        enum location_reply_kind by_word)
{
    if (by_word != REPLY_UNKNOWN)
        return by_word;
    for (size_t i = 0; i < record->url_count; i++) {
        if (reply_url_is_peer(&record->urls[i]))
            return REPLY_PEER;
        if (reply_url_is_cloud(&record->urls[i]))
            return REPLY_CLOUD;
    }
    const char *type = record->dp_type ? record->dp_type : "SERVER";
    if (text_equal(type, "SERVER"))
        return REPLY_SERVER;
    if (text_equal(type, "BRANCH"))
        return REPLY_WORKSTATION;
    return text_equal(type, "CLOUD") ? REPLY_CLOUD : REPLY_UNKNOWN;
}

/* What LOCAL means depends on the age; nearpoint's own words mean what they mean here (ours). */
static bool find_locality(enum location_rules rules, const char *word, enum locality *locality)
{
    if (rules == RULES_CURRENT && text_equal(word, "LOCAL")) {
        *locality = LOCALITY_BOUNDARYGROUP;
        return true;
    }
    for (int own = 0; own < LOCALITY_COUNT; own++)
        if (text_equal(word, locality_word((enum locality)own))) {
            *locality = (enum locality)own;
            return true;
        }
    return false;
}

static void judge(const struct location_reply *reply, struct location_reply_record *record)
{
    enum location_reply_kind by_word = REPLY_UNKNOWN;
    const char *word = record->reported ? record->reported : "";
    record->locality_known = find_locality(reply->rules, word, &record->locality);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_equal(word, words[i].word)) {
            record->locality_known = true;
            record->locality = words[i].locality;
            by_word = words[i].kind;
        }
    record->kind = kind_of(record, by_word);
    if (record->kind == REPLY_CLOUD && !record->locality_known) {
        record->locality_known = true; /* which word a cloud record has is not public */
        record->locality = LOCALITY_CLOUD;
    }
}

static bool same_record(const struct location_reply_record *a,
                        const struct location_reply_record *b)
{
    return a->url && b->url && text_equal(a->url, b->url) && text_equal(a->dp, b->dp);
}

/* A reply may name a location twice; the first stands (configmgr-facts 2.3). */
static void drop_doubles(struct location_reply *reply)
{
    size_t kept = 0;
    for (size_t i = 0; i < reply->record_count; i++) {
        size_t before = 0;
        while (before < kept && !same_record(&reply->records[before], &reply->records[i]))
            before++;
        if (before == kept)
            reply->records[kept++] = reply->records[i];
    }
    reply->record_count = kept;
}

static void settle(struct location_reply *reply)
{
    bool has_groups = reply->has_groups || reply->bgr_version >= 0;
    reply->rules = has_groups ? RULES_CURRENT : RULES_2012;
    drop_doubles(reply);
    for (size_t i = 0; i < reply->record_count; i++)
        judge(reply, &reply->records[i]);
}

/* Which content it speaks of */

/* Microsoft Update has names of its own. */
static bool names_any(const struct location_reply *reply)
{
    for (size_t i = 0; i < reply->record_count; i++)
        if (reply->records[i].url_count && reply->records[i].kind != REPLY_MICROSOFT_UPDATE)
            return true;
    return false;
}

static bool names(const struct location_reply *reply, const char *content_id)
{
    for (size_t i = 0; i < reply->record_count; i++)
        for (size_t j = 0; j < reply->records[i].url_count; j++)
            if (reply_url_names(&reply->records[i].urls[j], content_id))
                return true;
    return false;
}

/* The file */

static bool refuse_none(const struct reply_spans *spans, const char *content_id, const char *where,
                        struct error *err)
{
    if (spans->count)
        return error_set(err, ERROR_INPUT, BLAME_DATA, "NO_REPLY", where,
                         "holds no ContentLocationReply that speaks of %s, only %zu of others",
                         content_id, spans->count);
    if (spans->cut_line)
        return error_set(err, ERROR_INPUT, BLAME_DATA, "NO_REPLY", where,
                         "holds no whole ContentLocationReply: the one of line %u does not end",
                         spans->cut_line);
    return error_set(err, ERROR_INPUT, BLAME_DATA, "NO_REPLY", where,
                     "holds no ContentLocationReply");
}

/* From the newest back. *empty is the last that names no content, if any was met. */
static bool find(struct location_reply *reply, struct location_reply *empty,
                 const struct reply_spans *spans, const char *bytes, const char *content_id,
                 const char *where, bool *found, struct error *err)
{
    size_t empty_count = 0;
    for (size_t i = spans->count; i-- > 0;) {
        const struct reply_span *span = &spans->spans[i];
        const struct reply_bytes piece = {spans->mark, bytes + span->start, span->len, span->line};
        if (!reply_parse(reply, &piece, where, err))
            return false;
        settle(reply);
        *found = !content_id || names(reply, content_id);
        reply->empty_after = empty_count;
        if (*found)
            return true;
        if (names_any(reply) || empty_count++ > 0)
            location_reply_free(reply);
        else
            *empty = *reply;
    }
    if (empty_count == 0)
        return refuse_none(spans, content_id, where, err);
    return true;
}

bool location_reply_read(struct location_reply *reply, const char *bytes, size_t len,
                         const char *content_id, const char *where, struct error *err)
{
    struct location_reply empty = {0};
    struct reply_spans spans;
    bool found = false;
    if (!reply_find(&spans, bytes, len, where, err))
        return false;
    bool ok = find(reply, &empty, &spans, bytes, content_id, where, &found, err);
    if (ok && !found) {
        *reply = empty;
        reply->content_assumed = true;
    } else {
        location_reply_free(&empty);
    }
    if (ok)
        reply->replies_in_file = spans.count;
    else if (err)
        err->blame = BLAME_DATA;
    free(spans.spans);
    return ok;
}

void location_reply_free(struct location_reply *reply)
{
    arena_free(&reply->arena);
    *reply = (struct location_reply){0};
}

const char *location_reply_kind_word(enum location_reply_kind kind)
{
    switch (kind) {
    case REPLY_SERVER: return "server";
    case REPLY_WORKSTATION: return "workstation";
    case REPLY_CLOUD: return "cloud";
    case REPLY_PEER: return "peer";
    case REPLY_MICROSOFT_UPDATE: return "microsoftUpdate";
    case REPLY_UNKNOWN: break;
    }
    return "unknown";
}
