#include "policy/store_record.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/version.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1

/* Text from outside may be no UTF-8, which JSON has to be. */
static json_t *text_or_null(const char *text)
{
    if (!text)
        return json_null();
    if (text_is_utf8(text, strlen(text)))
        return json_string_nocheck(text);
    struct buf escaped = {0};
    text_escape(&escaped, text, strlen(text), SIZE_MAX / 2);
    json_t *json = json_string(escaped.data);
    buf_free(&escaped);
    return json;
}

static char *dump(json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    return text;
}

static const char *take_text(struct arena *arena, const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? arena_copy_string(arena, text) : NULL;
}

static bool take_number(const json_t *json, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(json, key);
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0;
}

static bool take_bool(const json_t *json, const char *key, bool *out)
{
    const json_t *value = json_object_get(json, key);
    *out = json_is_true(value);
    return json_is_boolean(value);
}

static bool take_hash(const json_t *json, const char *key, char out[HASH_HEX_MAX])
{
    const char *text = json_string_value(json_object_get(json, key));
    return text && hash_parse(HASH_SHA256, text, out);
}

/* The set */

static json_t *document_json(const struct store_document *document)
{
    json_t *json = json_object();
    json_object_set_new(json, "policyID", text_or_null(document->policy_id));
    json_object_set_new(json, "version", text_or_null(document->version_text));
    json_object_set_new(json, "url", text_or_null(document->url));
    json_object_set_new(json, "category", text_or_null(document->category));
    json_object_set_new(json, "sha256", json_string(document->sha256));
    json_object_set_new(json, "bytes", json_integer(document->bytes));
    json_object_set_new(json, "conditional", json_boolean(document->conditional));
    json_object_set_new(json, "signed", json_boolean(document->is_signed));
    return json;
}

char *store_record_write(const struct store_set *set)
{
    json_t *json = json_object(), *documents = json_array();
    for (size_t i = 0; i < set->count; i++)
        json_array_append_new(documents, document_json(&set->documents[i]));
    json_object_set_new(json, "format", json_integer(FORMAT));
    json_object_set_new(json, "policyPoint", text_or_null(set->policy_point));
    json_object_set_new(json, "etag", text_or_null(set->etag));
    json_object_set_new(json, "replySha256", json_string(set->reply_sha256));
    json_object_set_new(json, "source", text_or_null(set->source));
    json_object_set_new(json, "fetched", json_integer(set->fetched));
    json_object_set_new(json, "checked", json_integer(set->checked));
    json_object_set_new(json, "signed", json_boolean(set->is_signed));
    json_object_set_new(json, "signingTime", json_integer(set->signing_time));
    json_object_set_new(json, "documents", documents);
    return dump(json);
}

static bool read_document(struct arena *arena, const json_t *json, struct store_document *document)
{
    document->policy_id = take_text(arena, json, "policyID");
    document->version_text = take_text(arena, json, "version");
    document->url = take_text(arena, json, "url");
    document->category = take_text(arena, json, "category");
    return document->policy_id && document->version_text && document->url &&
           version_parse(document->version_text, document->version) &&
           take_hash(json, "sha256", document->sha256) &&
           take_number(json, "bytes", &document->bytes) &&
           take_bool(json, "conditional", &document->conditional) &&
           take_bool(json, "signed", &document->is_signed);
}

static bool read_set(struct store_set *set, const json_t *json)
{
    int64_t format;
    const json_t *documents = json_object_get(json, "documents");
    set->policy_point = take_text(&set->arena, json, "policyPoint");
    set->etag = take_text(&set->arena, json, "etag");
    set->source = take_text(&set->arena, json, "source");
    if (!take_number(json, "format", &format) || format != FORMAT || !set->policy_point ||
        !take_hash(json, "replySha256", set->reply_sha256) ||
        !take_number(json, "fetched", &set->fetched) ||
        !take_number(json, "checked", &set->checked) ||
        !take_bool(json, "signed", &set->is_signed) ||
        !take_number(json, "signingTime", &set->signing_time) || !json_is_array(documents))
        return false;
    size_t count = json_array_size(documents);
    set->documents = arena_zero(&set->arena, count, sizeof *set->documents);
    for (; set->count < count; set->count++)
        if (!read_document(&set->arena, json_array_get(documents, set->count),
                           &set->documents[set->count]))
            return false;
    return true;
}

bool store_record_read(struct store_set *set, const char *text, size_t len)
{
    json_t *json = json_loadb(text ? text : "", len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json && read_set(set, json);
    json_decref(json);
    return ok;
}

/* Events */

static const char *const words[] = {
    [STORE_DOWNLOADED] = "downloaded", [STORE_APPLIED] = "applied",     [STORE_DROPPED] = "dropped",
    [STORE_REFUSED] = "refused",       [STORE_UNCHANGED] = "unchanged",
};

#define WORD_COUNT (sizeof words / sizeof words[0])

const char *store_event_word(enum store_event_kind kind)
{
    return words[kind];
}

char *store_events_write(const struct store_event *events, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *json = json_object();
        json_object_set_new(json, "time", json_integer(events[i].time));
        json_object_set_new(json, "event", json_string(words[events[i].kind]));
        json_object_set_new(json, "policyID", text_or_null(events[i].policy_id));
        json_object_set_new(json, "version", text_or_null(events[i].version));
        json_object_set_new(json, "text", text_or_null(events[i].text));
        json_array_append_new(array, json);
    }
    return dump(array);
}

static bool read_event(struct arena *arena, const json_t *json, struct store_event *event)
{
    const char *word = json_string_value(json_object_get(json, "event"));
    size_t kind = 0;
    while (word && kind < WORD_COUNT && strcmp(words[kind], word) != 0)
        kind++;
    event->kind = (enum store_event_kind)kind;
    event->policy_id = take_text(arena, json, "policyID");
    event->version = take_text(arena, json, "version");
    event->text = take_text(arena, json, "text");
    return word && kind < WORD_COUNT && take_number(json, "time", &event->time);
}

void store_events_read(struct store_events *events, const char *text, size_t len)
{
    json_t *array = json_loadb(text ? text : "", len, JSON_REJECT_DUPLICATES, NULL);
    size_t count = json_array_size(array);
    events->rows = arena_zero(&events->arena, count, sizeof *events->rows);
    for (size_t i = 0; i < count; i++)
        events->count +=
            read_event(&events->arena, json_array_get(array, i), &events->rows[events->count]);
    json_decref(array);
}
