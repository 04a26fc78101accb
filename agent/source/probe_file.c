/* Files of a content: plain and as sccm?/, whole and in part, compressed, under odd names. */
#include "agent/source/http.h"
#include "agent/source/probe_parts.h"

#include "policy/base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_BYTES 65536
/* A validator that no server gives. */
#define NOT_THIS "If-Range: \"nearpoint-probe\""

static char *file_url(const struct probe *probe, const char *name, bool by_sccm)
{
    return http_source.file_url(probe->target->content_url, by_sccm, name);
}

/* ---- lengths and what else is wrong with a good status ---- */

static enum probe_fault judge_file(const struct probe_answer *answer, int64_t size)
{
    enum probe_fault fault = probe_judge(answer);
    if (fault != PROBE_FINE)
        return fault;
    if (answer->reply.status != 200)
        return PROBE_STATUS;
    if (answer->reply.encoded)
        return PROBE_ENCODED;
    if (answer->reply.length == size && size >= 0 && !answer->reply.length_bad)
        return PROBE_FINE;
    if (answer->reply.page && size >= 0)
        return PROBE_PAGE;
    if (answer->reply.length < 0 || answer->reply.length_bad)
        return PROBE_NO_LENGTH;
    return size < 0 ? PROBE_FINE : PROBE_LENGTH;
}

static void add_file_step(struct probe *probe, enum probe_code code, enum probe_verdict verdict,
                          enum probe_fault fault, const struct probe_answer *answer,
                          const struct probe_file *file)
{
    struct probe_step *step = probe_add_answer(probe, code, verdict, fault, answer, file->name);
    if (fault == PROBE_SILENT)
        return;
    step->got = answer->reply.length;
    step->wanted = file->size;
}

/* ---- HEAD, in both forms ---- */

static enum probe_fault ask_head(struct probe *probe, const struct probe_file *file, bool by_sccm,
                                 struct probe_answer *answer)
{
    char *url = file_url(probe, file->name, by_sccm);
    const struct probe_question question = {.method = "HEAD", .url = url};
    probe_ask(probe, &question, answer);
    free(url);
    return judge_file(answer, file->size);
}

/* Clients ask for the other form where the plain path is refused. */
static bool is_refusal(const struct probe_answer *answer)
{
    int status = answer->reply.status;
    return status == 401 || status == 403 || status == 404 || status == 405;
}

static void add_sccm(struct probe *probe, enum probe_fault fault, const struct probe_answer *answer)
{
    bool fine = fault == PROBE_FINE;
    add_file_step(probe, PROBE_SCCM_FORM, fine ? PROBE_OK : PROBE_NOTE, fault, answer,
                  &probe->pick.plain);
}

static void ask_both_forms(struct probe *probe)
{
    struct probe_file *file = &probe->pick.plain;
    struct probe_answer plain, sccm;
    enum probe_fault fault = ask_head(probe, file, false, &plain);
    enum probe_fault other = ask_head(probe, file, true, &sccm);
    probe->by_sccm = is_refusal(&plain) && other == PROBE_FINE;
    if (probe->by_sccm)
        add_file_step(probe, PROBE_HEAD, PROBE_NOTE, PROBE_PLAIN_REFUSED, &plain, file);
    else
        add_file_step(probe, PROBE_HEAD, fault == PROBE_FINE ? PROBE_OK : PROBE_BAD, fault, &plain,
                      file);
    add_sccm(probe, other, &sccm);
    const struct probe_answer *good = probe->by_sccm ? &sccm : &plain;
    if (file->size < 0 && good->reply.status == 200)
        file->size = good->reply.length;
    probe_answer_free(&plain);
    probe_answer_free(&sccm);
}

/* ---- GET ---- */

static bool has_right_bytes(const struct probe_file *file, const struct probe_answer *answer)
{
    char hex[HASH_HEX_MAX];
    if (!file->row || answer->cut)
        return true;
    hash_bytes(file->row->algorithm, answer->body.data, answer->body.len, hex);
    return strcmp(hex, file->row->hash) == 0;
}

static enum probe_fault judge_body(const struct probe_file *file, const struct probe_answer *answer)
{
    enum probe_fault fault = judge_file(answer, file->size);
    bool long_body = answer->cut && file->size <= LIMIT_PROBE_BODY_BYTES && file->size >= 0;
    if (fault == PROBE_FINE &&
        (long_body || (!answer->cut && file->size >= 0 && (int64_t)answer->body.len != file->size)))
        return PROBE_LENGTH;
    return fault == PROBE_FINE && !has_right_bytes(file, answer) ? PROBE_BYTES : fault;
}

static void keep_validator(struct probe *probe, const struct http_reply *reply)
{
    snprintf(probe->validator, sizeof probe->validator, "%s", http_reply_validator(reply));
}

/* false: the file does not come, and nothing else of it is worth asking. */
static bool ask_get(struct probe *probe)
{
    const struct probe_file *file = &probe->pick.plain;
    struct probe_answer answer;
    char *url = file_url(probe, file->name, probe->by_sccm);
    const struct probe_question question = {
        .method = "GET", .url = url, .most = LIMIT_PROBE_BODY_BYTES};
    probe_ask(probe, &question, &answer);
    enum probe_fault fault = judge_body(file, &answer);
    enum probe_verdict verdict = fault == PROBE_FINE ? PROBE_OK : PROBE_BAD;
    bool came = answer.reply.status == 200 && answer.fault == PROBE_FINE;
    if (fault == PROBE_FINE && strncmp(answer.reply.etag, "W/", 2) == 0)
        fault = PROBE_WEAK_ETAG;
    else if (fault == PROBE_FINE && !answer.reply.etag[0])
        fault = PROBE_NO_ETAG;
    if (fault == PROBE_WEAK_ETAG || fault == PROBE_NO_ETAG)
        verdict = PROBE_NOTE;
    add_file_step(probe, PROBE_GET, verdict, fault, &answer, file);
    keep_validator(probe, &answer.reply);
    probe_answer_free(&answer);
    free(url);
    return came;
}

/* nearpoint and BITS ask for no encoding; what is between may. */
static void ask_compressed(struct probe *probe)
{
    const struct probe_file *file = &probe->pick.plain;
    struct probe_answer answer;
    char *url = file_url(probe, file->name, probe->by_sccm);
    const struct probe_question question = {.method = "GET",
                                            .url = url,
                                            .headers = {"Accept-Encoding: gzip, deflate"},
                                            .most = LIMIT_REFUSAL_BYTES};
    probe_ask(probe, &question, &answer);
    enum probe_fault fault = probe_judge(&answer);
    if (fault == PROBE_FINE && answer.reply.encoded)
        fault = PROBE_COMPRESSES;
    add_file_step(probe, PROBE_COMPRESSION, fault == PROBE_FINE ? PROBE_OK : PROBE_NOTE, fault,
                  &answer, file);
    probe_answer_free(&answer);
    free(url);
}

/* ---- ranges ---- */

static int64_t part_end(const struct probe_file *file)
{
    return file->size < PART_BYTES + 1 ? file->size : PART_BYTES + 1;
}

static void ask_part(struct probe *probe, const char *condition, struct probe_answer *answer)
{
    const struct probe_file *file = &probe->pick.plain;
    char *url = file_url(probe, file->name, probe->by_sccm), range[64];
    snprintf(range, sizeof range, "1-%lld", (long long)part_end(file) - 1);
    const struct probe_question question = {.method = "GET",
                                            .url = url,
                                            .headers = {condition},
                                            .range = range,
                                            .most = LIMIT_PROBE_BODY_BYTES};
    probe_ask(probe, &question, answer);
    free(url);
}

static enum probe_fault judge_part(const struct probe_file *file, const struct probe_answer *answer)
{
    const struct http_reply *reply = &answer->reply;
    enum probe_fault fault = probe_judge(answer);
    int64_t end = part_end(file);
    if (reply->status == 200 && answer->fault == PROBE_FINE)
        return PROBE_NO_RANGES;
    if (fault != PROBE_FINE || reply->status != 206)
        return fault != PROBE_FINE ? fault : PROBE_STATUS;
    bool right = reply->has_range && reply->range_first == 1 && reply->range_last == end - 1 &&
                 reply->range_total == file->size && !answer->cut &&
                 (int64_t)answer->body.len == end - 1;
    return right ? PROBE_FINE : PROBE_RANGE_WRONG;
}

/* "bytes 1-9/10", "no Content-Range" */
static void note_range(struct probe *probe, struct probe_step *step, const struct http_reply *reply)
{
    struct arena *arena = &probe->report->arena;
    char total[24] = "*";
    if (reply->range_total >= 0)
        snprintf(total, sizeof total, "%lld", (long long)reply->range_total);
    step->what = reply->has_range
                     ? arena_format(arena, "bytes %lld-%lld/%s", (long long)reply->range_first,
                                    (long long)reply->range_last, total)
                     : "no Content-Range";
}

/* false: without ranges there is nothing to put a condition on. */
static bool ask_range(struct probe *probe)
{
    const struct probe_file *file = &probe->pick.plain;
    struct probe_answer answer;
    ask_part(probe, NULL, &answer);
    enum probe_fault fault = judge_part(file, &answer);
    struct probe_step *step = probe_add_answer(
        probe, PROBE_RANGE, fault == PROBE_FINE ? PROBE_OK : PROBE_BAD, fault, &answer, file->name);
    if (fault == PROBE_FINE || fault == PROBE_RANGE_WRONG) {
        note_range(probe, step, &answer.reply);
        step->got = (int64_t)answer.body.len;
        step->wanted = part_end(file) - 1;
    }
    probe_answer_free(&answer);
    return fault == PROBE_FINE;
}

static void ask_if_range(struct probe *probe)
{
    struct probe_answer holds, fails;
    char *condition = mem_format("If-Range: %s", probe->validator);
    ask_part(probe, condition, &holds);
    ask_part(probe, NOT_THIS, &fails);
    enum probe_fault fault = probe_judge(&holds);
    const struct probe_answer *told = &holds;
    if (fault == PROBE_FINE && holds.reply.status == 200)
        fault = PROBE_IF_RANGE_REFUSED;
    if (fault == PROBE_FINE) {
        told = &fails;
        fault = fails.reply.status == 206 ? PROBE_IF_RANGE_IGNORED : probe_judge(&fails);
    }
    probe_add_answer(probe, PROBE_IF_RANGE, fault == PROBE_FINE ? PROBE_OK : PROBE_NOTE, fault,
                     fault == PROBE_FINE ? &holds : told, probe->pick.plain.name);
    probe_answer_free(&holds);
    probe_answer_free(&fails);
    free(condition);
}

/* ---- odd names ---- */

static enum probe_fault name_fault(enum probe_oddity oddity, enum probe_fault fault,
                                   const struct probe_answer *answer)
{
    bool hidden = answer->reply.status == 400 || is_refusal(answer);
    if (!hidden || fault == PROBE_UNAUTHORIZED)
        return fault;
    switch (oddity) {
    case ODD_SEGMENT: return PROBE_SEGMENT;
    case ODD_ENDING: return PROBE_ENDING;
    case ODD_DOUBLE: return PROBE_DOUBLE_ESCAPE;
    case ODD_MARK:
    case ODD_SPACE:
    case ODD_FOREIGN:
    case ODD_COUNT: break;
    }
    return PROBE_ODD_NAME;
}

static void ask_odd(struct probe *probe, enum probe_oddity oddity)
{
    const struct probe_file *file = &probe->pick.odd[oddity];
    struct probe_answer answer, other;
    enum probe_verdict verdict = PROBE_OK;
    enum probe_fault fault = ask_head(probe, file, probe->by_sccm, &answer);
    if (fault != PROBE_FINE) {
        verdict = PROBE_BAD;
        fault = name_fault(oddity, fault, &answer);
    }
    if (verdict == PROBE_BAD && !probe->by_sccm && is_refusal(&answer)) {
        if (ask_head(probe, file, true, &other) == PROBE_FINE) {
            verdict = PROBE_NOTE;
            fault = PROBE_PLAIN_REFUSED;
        }
        probe_answer_free(&other);
    }
    add_file_step(probe, PROBE_NAMES, verdict, fault, &answer, file);
    probe_answer_free(&answer);
}

static void ask_odd_names(struct probe *probe)
{
    bool any = false;
    for (int oddity = 0; oddity < ODD_COUNT && !probe->blocked; oddity++)
        if (probe->pick.odd[oddity].name) {
            any = true;
            ask_odd(probe, (enum probe_oddity)oddity);
        }
    if (!any && !probe->blocked)
        probe_add(probe, PROBE_NAMES, PROBE_SKIPPED, PROBE_NO_SUCH_NAME, NULL, NULL);
}

/* ---- all of it ---- */

static void skip(struct probe *probe, enum probe_code first, enum probe_code last,
                 enum probe_fault fault, const char *what)
{
    for (int code = (int)first; code <= (int)last && !probe->blocked; code++)
        probe_add(probe, (enum probe_code)code, PROBE_SKIPPED, fault, NULL, what);
}

static void ask_ranges(struct probe *probe)
{
    if (probe->pick.plain.size < 2)
        skip(probe, PROBE_RANGE, PROBE_IF_RANGE, PROBE_SMALL, NULL);
    else if (!ask_range(probe))
        skip(probe, PROBE_IF_RANGE, PROBE_IF_RANGE, PROBE_BLOCKED, probe_word(PROBE_RANGE));
    else if (!probe->validator[0])
        skip(probe, PROBE_IF_RANGE, PROBE_IF_RANGE, PROBE_NO_ETAG, NULL);
    else if (!probe->blocked)
        ask_if_range(probe);
}

void probe_files(struct probe *probe)
{
    if (!probe->pick.plain.name) {
        skip(probe, PROBE_HEAD, PROBE_NAMES, PROBE_NO_FILE, NULL);
        return;
    }
    ask_both_forms(probe);
    if (probe->blocked)
        return;
    if (!ask_get(probe)) {
        skip(probe, PROBE_COMPRESSION, PROBE_IF_RANGE, PROBE_BLOCKED, probe_word(PROBE_GET));
    } else if (!probe->blocked) {
        ask_compressed(probe);
        if (!probe->blocked)
            ask_ranges(probe);
    }
    ask_odd_names(probe);
}
