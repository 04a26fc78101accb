/*
 * policy fetch: the policy point's reply, then the bodies it names, checked and put in force whole
 * or not at all. policy reset: the same after dropping what was fetched.
 */
#include "agent/command/fetched.h"
#include "agent/command/folders.h"
#include "agent/command/network.h"
#include "agent/command/policy.h"
#include "agent/log/log.h"
#include "agent/source/policy_point.h"
#include "policy/assignments.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/version.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum outcome { OUTCOME_OK, OUTCOME_UNCHANGED, OUTCOME_FAILED, OUTCOME_REFUSED };

/* What became of one policy. */
struct row {
    const char *policy_id, *version, *url;
    const char *result; /* "new", "unchanged", "dropped" */
    int64_t bytes;      /* received */
};

struct fetch {
    struct context *context;
    struct arena arena;    /* texts of rows, events and the next set */
    const char *point_url; /* as configured */
    const char *point;     /* the same without a query, which may hold a secret */
    struct folders folders;
    struct log *log;
    struct network network;
    struct policy_trust trust;
    struct store *store;
    const struct store_set *current;
    struct policy_point_reply reply;
    struct assignments assignments;
    struct store_set next;
    int64_t received;
    int64_t begun; /* monotonic ms */
    size_t row_count, row_cap;
    struct row *rows;
    size_t event_count, event_cap;
    struct store_event *events;
    enum outcome outcome;
    int64_t checked; /* when the policy point last said what is newest; 0: never */
};

static int64_t now(void)
{
    return clock_system.wall(NULL) / 1000;
}

static void add_row(struct fetch *fetch, struct row row)
{
    fetch->rows = mem_grow(fetch->rows, &fetch->row_cap, fetch->row_count + 1, sizeof row);
    fetch->rows[fetch->row_count++] = row;
}

static void add_event(struct fetch *fetch, enum store_event_kind kind, const char *policy_id,
                      const char *version, const char *text)
{
    fetch->events =
        mem_grow(fetch->events, &fetch->event_cap, fetch->event_count + 1, sizeof *fetch->events);
    fetch->events[fetch->event_count++] =
        (struct store_event){now(), kind, policy_id, version, text};
}

/* Setting up */

/* nearpoint.json's, else the NP_PolicyPoint of the folder: fetched policy never says where policy
   comes from, and may be damaged, which a fetch mends. */
static bool find_point(struct fetch *fetch, struct error *err)
{
    const struct config *config = &fetch->context->config;
    if (config->policy_point) {
        fetch->point_url = config->policy_point;
        return true;
    }
    struct policy policy;
    if (!command_read_folder(fetch->context, &policy, err))
        return false;
    for (size_t i = 0; i < policy.instance_count; i++) {
        const char *url = text_equal(policy.instances[i]->class_name, "NP_PolicyPoint")
                              ? instance_get_text(&policy, policy.instances[i], "URL")
                              : NULL;
        if (url)
            fetch->point_url = arena_copy_string(&fetch->arena, url);
    }
    policy_free(&policy);
    return fetch->point_url ||
           error_set(err, ERROR_USAGE, BLAME_USER, "NO_POLICY_POINT", NULL,
                     "no policy point is known: write \"policyPoint\": \"https://...\" into "
                     "nearpoint.json");
}

/* What is kept and shown of a URL: queries may hold secrets (policy model: Names and secrets). */
static const char *without_query(struct fetch *fetch, const char *url)
{
    return arena_copy_bytes(&fetch->arena, url, strcspn(url, "?#"));
}

static bool check_point(struct fetch *fetch, struct error *err)
{
    const char *host = strstr(fetch->point_url, "://");
    bool is_http = strncasecmp(fetch->point_url, "http://", 7) == 0 ||
                   strncasecmp(fetch->point_url, "https://", 8) == 0;
    fetch->point = without_query(fetch, fetch->point_url);
    if (is_http && strcspn(host + 3, "/?#") && strlen(fetch->point_url) <= LIMIT_URL_BYTES &&
        !memchr(host, '@', strcspn(host + 3, "/?#") + 3))
        return true;
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "POLICY_POINT", NULL,
                     "the policy point is no http or https URL of a host, without a user name");
}

static bool open_all(struct fetch *fetch, struct error *err)
{
    const struct config *config = &fetch->context->config;
    const struct log_options log = {
        .level = (int)config->log_level,
        .max_size = config->log_max_size,
        .max_history = (int)config->log_max_history,
    };
    return find_point(fetch, err) && check_point(fetch, err) &&
           folders_enter(&fetch->folders, fetch->context->options, NULL, err) &&
           (fetch->log = log_open(fetch->folders.logs, &log, err)) &&
           command_read_trust(fetch->context, &fetch->trust, err) &&
           network_open(&fetch->network, config, err) &&
           (fetch->store = store_open(fetch->folders.state_dir, err)) &&
           (fetch->current = store_current(fetch->store, err));
}

static void close_all(struct fetch *fetch)
{
    store_close(fetch->store);
    network_close(&fetch->network);
    signature_trust_free(fetch->context->trust);
    fetch->context->trust = NULL;
    log_close(fetch->log);
    folders_leave(&fetch->folders);
    policy_point_free(&fetch->reply);
    assignments_free(&fetch->assignments);
    store_free(&fetch->next);
    arena_free(&fetch->arena);
    free(fetch->rows);
    free(fetch->events);
}

/* NEARPOINT_POLICY_SECONDS is for tests. */
static int64_t policy_seconds(void)
{
    int64_t seconds = LIMIT_POLICY_SECONDS;
    const char *text = getenv("NEARPOINT_POLICY_SECONDS");
    if (text)
        text_to_int(text, 1, LIMIT_POLICY_SECONDS, &seconds);
    return seconds;
}

static bool get(struct fetch *fetch, const char *url, const char *etag,
                struct policy_point_reply *reply, struct error *err)
{
    int64_t left = fetch->begun + policy_seconds() * 1000 - clock_system.monotonic(NULL);
    if (left <= 0)
        return error_set(err, ERROR_FAILED, BLAME_SOURCE, "STALLED", fetch->point,
                         "the policy does not come in time: %lld s are over",
                         (long long)policy_seconds());
    if (!policy_point_get(fetch->network.loop, fetch->network.client, url, etag, left, reply, err))
        return false;
    fetch->received += (int64_t)reply->body.len;
    return true;
}

/* Signatures */

/* PATH.p7s, before the query. */
static char *signature_url(const char *url)
{
    size_t path = strcspn(url, "?#");
    return mem_format("%.*s.p7s%s", (int)path, url, url + path);
}

static bool is_not_there(const struct error *err)
{
    return strcmp(err->code, "HTTP_404") == 0 || strcmp(err->code, "HTTP_410") == 0;
}

/* *found: there is a signature, and it is good. */
static bool verify(struct fetch *fetch, const char *url, const char *digest,
                   struct signature *signature, bool *found, struct error *err)
{
    *found = false;
    if (!fetch->trust.anchors)
        return true;
    struct policy_point_reply reply;
    struct error problem = {0};
    char *place = signature_url(url);
    bool ok = get(fetch, place, NULL, &reply, &problem);
    if (ok) {
        const char *bytes = reply.body.data ? reply.body.data : "";
        fetch->trust.clock.newest_known = fetch->current->signing_time;
        const char *where = without_query(fetch, place);
        ok = *found = signature_verify(signature, fetch->trust.anchors, bytes, reply.body.len,
                                       digest, &fetch->trust.clock, where, err);
        policy_point_free(&reply);
    } else if (is_not_there(&problem)) {
        ok = !fetch->trust.required ||
             error_set(err, ERROR_INPUT, BLAME_POLICY, "SIGNATURE_MISSING",
                       without_query(fetch, url),
                       "is not signed, and requireSignedPolicy is set: there is no %s",
                       without_query(fetch, place));
    } else {
        *err = problem;
    }
    free(place);
    return ok;
}

/* Time of a signed reply never goes back: an old one may be played again, to hide a newer. */
static bool check_reply(struct fetch *fetch, struct error *err)
{
    struct signature signature;
    struct store_set *next = &fetch->next;
    next->signing_time = fetch->current->signing_time;
    if (!verify(fetch, fetch->reply.url, next->reply_sha256, &signature, &next->is_signed, err))
        return false;
    if (!next->is_signed)
        return true;
    if (signature.signing_time < fetch->current->signing_time)
        return error_set(err, ERROR_INPUT, BLAME_POLICY, "REPLAYED", fetch->point,
                         "was signed before the reply that is in force: an old one was played "
                         "again, or the signer's clock went back");
    next->signing_time = signature.signing_time;
    return true;
}

static void warn_unsigned(struct fetch *fetch)
{
    if (fetch->next.is_signed || strncasecmp(fetch->point, "https://", 8) == 0)
        return;
    struct error line;
    error_set(&line, ERROR_NONE, BLAME_POLICY, "UNSIGNED_HTTP", fetch->point,
              "warning UNSIGNED_HTTP: unsigned policy over http: anyone on the way can change it");
    error_print(stderr, &line);
}

/* Bodies */

static const struct store_document *find_current(const struct fetch *fetch, const char *policy_id)
{
    for (size_t i = 0; i < fetch->current->count; i++)
        if (text_equal(fetch->current->documents[i].policy_id, policy_id))
            return &fetch->current->documents[i];
    return NULL;
}

static bool check_hashes(const struct assignment *row, const struct buf *body,
                         const char digest[HASH_HEX_MAX], const char *url, struct error *err)
{
    char sha1[HASH_HEX_MAX] = "";
    if (row->sha1[0])
        hash_bytes(HASH_SHA1, body->data ? body->data : "", body->len, sha1);
    bool fits = (!row->sha256[0] || strcmp(row->sha256, digest) == 0) &&
                (!row->sha1[0] || strcmp(row->sha1, sha1) == 0);
    return fits || error_set(err, ERROR_INPUT, BLAME_POLICY, "HASH_MISMATCH", url,
                             "the policy %s version %s has not the hash that the reply says",
                             row->policy_id, row->version_text);
}

/* A body is signed by the signed reply that names its SHA-256, else by itself. */
static bool check_body(struct fetch *fetch, const struct assignment *row, const char *url,
                       struct store_document *document, struct error *err)
{
    struct signature signature;
    if (fetch->next.is_signed && row->sha256[0]) {
        document->is_signed = true;
        return true;
    }
    return verify(fetch, url, document->sha256, &signature, &document->is_signed, err);
}

static bool receive_body(struct fetch *fetch, const struct assignment *row, const char *url,
                         struct store_document *document, struct error *err)
{
    struct policy_point_reply reply;
    if (!get(fetch, url, NULL, &reply, err))
        return false;
    const char *bytes = reply.body.data ? reply.body.data : "";
    hash_bytes(HASH_SHA256, bytes, reply.body.len, document->sha256);
    document->bytes = (int64_t)reply.body.len;
    bool ok = check_hashes(row, &reply.body, document->sha256, document->url, err) &&
              (fetch->received <= LIMIT_SET_BYTES ||
               error_set(err, ERROR_INPUT, BLAME_POLICY, "TOO_LARGE", fetch->point,
                         "names policies of more than %ld bytes in all", LIMIT_SET_BYTES)) &&
              store_put(fetch->store, bytes, reply.body.len, document->sha256, err);
    policy_point_free(&reply);
    if (ok) {
        add_event(fetch, STORE_DOWNLOADED, document->policy_id, document->version_text,
                  document->url);
        log_write(fetch->log, LOG_POLICY_DOWNLOAD, LOG_INFO, LOG_AT,
                  "Download of policy CCM_Policy_Policy5.PolicyID=\"%s\",PolicySource=\"%s\","
                  "PolicyVersion=\"%s\" completed",
                  document->policy_id, fetch->assignments.source ? fetch->assignments.source : "",
                  document->version_text);
    }
    return ok;
}

static void describe(struct fetch *fetch, const struct assignment *row, const char *url,
                     struct store_document *document)
{
    *document = (struct store_document){
        .policy_id = arena_copy_string(&fetch->arena, row->policy_id),
        .version_text = arena_copy_string(&fetch->arena, row->version_text),
        .version = {row->version[0], row->version[1]},
        .url = without_query(fetch, url),
        .category = row->category ? arena_copy_string(&fetch->arena, row->category) : NULL,
        .conditional = row->conditional,
    };
}

static bool bring_body(struct fetch *fetch, const struct assignment *row,
                       struct store_document *document, struct error *err)
{
    char *where = mem_format("%s:%u", fetch->point, row->line);
    char *url = policy_point_url(fetch->reply.url, row->location, where, err);
    free(where);
    if (!url)
        return false;
    describe(fetch, row, url, document);
    const struct store_document *known = find_current(fetch, row->policy_id);
    bool is_kept = row->sha256[0] && store_has(fetch->store, row->sha256, &document->bytes);
    if (is_kept)
        memcpy(document->sha256, row->sha256, sizeof document->sha256);
    bool ok = (is_kept || receive_body(fetch, row, url, document, err)) &&
              check_body(fetch, row, url, document, err);
    free(url);
    bool is_known = known && version_compare(known->version, row->version) == 0 &&
                    strcmp(known->sha256, document->sha256) == 0;
    if (ok)
        add_row(fetch, (struct row){document->policy_id, document->version_text, document->url,
                                    is_known ? "unchanged" : "new", is_kept ? 0 : document->bytes});
    return ok;
}

static bool bring_bodies(struct fetch *fetch, struct error *err)
{
    struct store_set *next = &fetch->next;
    next->documents = arena_zero(&fetch->arena, fetch->assignments.count, sizeof *next->documents);
    for (size_t i = 0; i < fetch->assignments.count; i++) {
        if (!bring_body(fetch, &fetch->assignments.rows[i], &next->documents[i], err))
            return false;
        next->count++;
    }
    return true;
}

/* The set */

static void list_dropped(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->current->count; i++) {
        const struct store_document *old = &fetch->current->documents[i];
        bool stays = false;
        for (size_t j = 0; j < fetch->next.count; j++)
            stays = stays || text_equal(old->policy_id, fetch->next.documents[j].policy_id);
        if (stays)
            continue;
        const char *id = arena_copy_string(&fetch->arena, old->policy_id);
        const char *version = arena_copy_string(&fetch->arena, old->version_text);
        add_row(fetch, (struct row){id, version, arena_copy_string(&fetch->arena, old->url),
                                    "dropped", 0});
    }
}

static void note_applied(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->row_count; i++) {
        const struct row *row = &fetch->rows[i];
        if (strcmp(row->result, "dropped") == 0)
            add_event(fetch, STORE_DROPPED, row->policy_id, row->version, NULL);
        if (strcmp(row->result, "new") != 0)
            continue;
        add_event(fetch, STORE_APPLIED, row->policy_id, row->version, NULL);
        log_write(fetch->log, LOG_POLICY_EVALUATOR, LOG_INFO, LOG_AT,
                  "Applied policy CCM_Policy_Policy5.PolicyID=\"%s\",PolicySource=\"%s\","
                  "PolicyVersion=\"%s\"",
                  row->policy_id, fetch->assignments.source ? fetch->assignments.source : "",
                  row->version);
    }
}

static bool has_news(const struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->row_count; i++)
        if (strcmp(fetch->rows[i].result, "unchanged") != 0)
            return true;
    return fetch->current->policy_point == NULL;
}

static bool switch_over(struct fetch *fetch, struct error *err)
{
    struct store_set *next = &fetch->next;
    next->policy_point = fetch->point;
    next->etag = fetch->reply.etag[0] ? fetch->reply.etag : NULL;
    next->source = fetch->assignments.source;
    next->fetched = next->checked = now();
    size_t brought = fetch->row_count;
    list_dropped(fetch);
    fetch->outcome = has_news(fetch) ? OUTCOME_OK : OUTCOME_UNCHANGED;
    if (!store_switch(fetch->store, next, err)) {
        fetch->row_count = brought; /* nothing was dropped */
        return false;
    }
    fetch->checked = next->checked;
    note_applied(fetch);
    if (fetch->outcome == OUTCOME_UNCHANGED)
        add_event(fetch, STORE_UNCHANGED, NULL, NULL, NULL);
    return true;
}

static bool keep_current(struct fetch *fetch, struct error *err)
{
    fetch->outcome = OUTCOME_UNCHANGED;
    for (size_t i = 0; i < fetch->current->count; i++) {
        const struct store_document *document = &fetch->current->documents[i];
        add_row(fetch, (struct row){document->policy_id, document->version_text, document->url,
                                    "unchanged", 0});
    }
    fetch->checked = now();
    if (!fetch->current->is_signed)
        warn_unsigned(fetch);
    add_event(fetch, STORE_UNCHANGED, NULL, NULL, NULL);
    return store_touch(fetch->store, fetch->checked, err);
}

/* An ETag stands for the set that is here whole, from this policy point, and trusted as is asked.
 */
static const char *known_etag(struct fetch *fetch)
{
    const struct store_set *current = fetch->current;
    bool holds = current->policy_point && strcmp(current->policy_point, fetch->point) == 0 &&
                 (current->is_signed || !fetch->trust.anchors) && store_is_whole(fetch->store);
    return holds ? current->etag : NULL;
}

static bool run(struct fetch *fetch, struct error *err)
{
    if (!get(fetch, fetch->point_url, known_etag(fetch), &fetch->reply, err))
        return false;
    if (fetch->reply.not_modified)
        return keep_current(fetch, err);
    const char *bytes = fetch->reply.body.data ? fetch->reply.body.data : "";
    hash_bytes(HASH_SHA256, bytes, fetch->reply.body.len, fetch->next.reply_sha256);
    if (!check_reply(fetch, err))
        return false;
    warn_unsigned(fetch);
    return assignments_read(&fetch->assignments, bytes, fetch->reply.body.len, fetch->point, err) &&
           bring_bodies(fetch, err) && switch_over(fetch, err);
}

/* What is refused is told in the history; what did not come will be asked for again. */
static void note_failure(struct fetch *fetch, const struct error *err)
{
    fetch->outcome = err->kind == ERROR_INPUT ? OUTCOME_REFUSED : OUTCOME_FAILED;
    if (!fetch->store || !fetch->current)
        return;
    const char *text = arena_format(&fetch->arena, "%s: %s", err->where, err->text);
    log_write(fetch->log, LOG_POLICY_DOWNLOAD, LOG_ERROR, LOG_AT, "Policy %s: %s",
              fetch->outcome == OUTCOME_REFUSED ? "refused" : "not received", text);
    if (fetch->outcome == OUTCOME_REFUSED)
        add_event(fetch, STORE_REFUSED, NULL, NULL, text);
}

/* Printing */

static const char *outcome_word(enum outcome outcome)
{
    static const char *const words[] = {"ok", "unchanged", "failed", "refused"};
    return words[outcome];
}

static void add_error(struct json_out *out, const struct error *err)
{
    if (err->kind == ERROR_NONE) {
        json_out_null(out, "error");
        return;
    }
    json_out_open(out, "error", '{');
    json_out_text(out, "code", err->code);
    json_out_text(out, "blame", error_blame_word(err->blame));
    char *text = mem_format("%s%s%s", err->where, err->where[0] ? ": " : "", err->text);
    json_out_text(out, "text", text);
    free(text);
    json_out_close(out, '}');
}

static bool print_json(struct fetch *fetch, const struct error *problem)
{
    struct sink output = command_output();
    struct json_out out = {.sink = &output};
    json_out_open(&out, NULL, '{');
    json_out_text(&out, "policyPoint", fetch->point);
    json_out_text(&out, "result", outcome_word(fetch->outcome));
    json_out_open(&out, "documents", '[');
    for (size_t i = 0; i < fetch->row_count; i++) {
        const struct row *row = &fetch->rows[i];
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "policyID", row->policy_id);
        json_out_text(&out, "version", row->version);
        json_out_text(&out, "url", row->url);
        json_out_text(&out, "result", row->result);
        json_out_int(&out, "bytes", row->bytes);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_text(&out, "lastPolicy",
                  fetch->checked ? fetched_time(&fetch->arena, fetch->checked) : NULL);
    add_error(&out, problem);
    json_out_close(&out, '}');
    return json_out_finish(&out);
}

static bool print_text(struct fetch *fetch, struct error *err)
{
    struct buf out = {0};
    for (size_t i = 0; i < fetch->row_count; i++) {
        const struct row *row = &fetch->rows[i];
        buf_format(&out, "%-9s  ", row->result);
        text_escape(&out, row->policy_id, strlen(row->policy_id), SIZE_MAX / 2);
        buf_format(&out, " version %s", row->version);
        if (row->bytes)
            buf_format(&out, ", %lld bytes", (long long)row->bytes);
        buf_append_text(&out, "\n");
    }
    buf_append_text(&out, fetch->outcome == OUTCOME_OK ? "new policy is in force from "
                                                       : "nothing is new at ");
    text_escape(&out, fetch->point, strlen(fetch->point), SIZE_MAX / 2);
    buf_append_text(&out, "\n");
    return command_print_text(&out, err);
}

bool policy_fetch(struct context *context, struct error *err)
{
    struct fetch fetch = {.context = context, .folders = {.state_dir = -1}};
    bool ok = open_all(&fetch, err);
    if (ok) {
        fetch.checked = fetch.current->checked;
        fetch.begun = clock_system.monotonic(NULL);
        ok = run(&fetch, err);
    }
    if (!ok)
        note_failure(&fetch, err);
    struct error lost = {0};
    bool noted = !fetch.store || !fetch.event_count ||
                 store_note(fetch.store, fetch.events, fetch.event_count, &lost);
    if (ok && !noted) {
        *err = lost;
        ok = false;
    }
    if (context->options->json && fetch.point) {
        struct error none = {0};
        print_json(&fetch, ok ? &none : err);
    } else if (ok) {
        ok = print_text(&fetch, err);
    }
    close_all(&fetch);
    return ok;
}

static bool drop(struct context *context, struct error *err)
{
    struct folders folders;
    if (!folders_enter(&folders, context->options, NULL, err))
        return false;
    struct store *store = store_open(folders.state_dir, err);
    bool ok = store && store_reset(store, err);
    store_close(store);
    folders_leave(&folders);
    return ok;
}

/* Without a policy point there is nothing to bring: the drop is all that was asked. */
bool policy_reset(struct context *context, struct error *err)
{
    if (!drop(context, err))
        return false;
    if (policy_fetch(context, err))
        return true;
    if (strcmp(err->code, "NO_POLICY_POINT") != 0)
        return false;
    *err = (struct error){0};
    struct buf out = {0};
    buf_append_text(&out, context->options->json
                              ? "{\n  \"policyPoint\": null,\n  \"result\": \"ok\",\n"
                                "  \"documents\": [],\n  \"lastPolicy\": null,\n"
                                "  \"error\": null\n}\n"
                              : "the fetched policy is dropped; no policy point is known\n");
    return command_print_text(&out, err);
}
