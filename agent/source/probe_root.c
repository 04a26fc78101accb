/* What the root of a distribution point says: who may read, and which virtual folders are there. */
#include "agent/source/probe_parts.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define FOLDER "SMS_DP_SMSPKG$"
/* A name that nobody has: what it gets tells who may read. */
#define NOBODY "nearpoint-probe"

/* ---- authentication ---- */

static enum probe_fault judge_stranger(const struct probe_answer *answer)
{
    enum probe_fault fault = probe_judge(answer);
    if (fault == PROBE_MISSING)
        return PROBE_FINE;
    return fault == PROBE_FINE ? PROBE_CATCH_ALL : fault;
}

static bool speaks_tls(struct probe *probe, const struct probe_answer *answer)
{
    bool odd = answer->fault == PROBE_BROKEN || answer->reply.status == 400;
    return !probe->secure && !probe->proxy && odd && probe_speaks_tls(probe);
}

static void ask_stranger(struct probe *probe)
{
    struct probe_answer answer;
    char *url = mem_format("%s/%s", probe->target->root, NOBODY);
    const struct probe_question question = {
        .method = "GET", .url = url, .most = LIMIT_REFUSAL_BYTES};
    probe_ask(probe, &question, &answer);
    enum probe_fault fault = judge_stranger(&answer);
    if (fault != PROBE_FINE && speaks_tls(probe, &answer))
        fault = PROBE_SPEAKS_TLS;
    if (fault == PROBE_BROKEN && probe->secure && probe_wants_certificate(probe))
        fault = PROBE_CERT_WANTED;
    probe_add_answer(probe, PROBE_AUTH, fault == PROBE_FINE ? PROBE_OK : PROBE_BAD, fault, &answer,
                     NOBODY);
    probe->refuses = fault == PROBE_UNAUTHORIZED || fault == PROBE_CERT_WANTED;
    if (answer.fault != PROBE_FINE || fault == PROBE_SPEAKS_TLS)
        probe_block(probe, PROBE_AUTH);
    probe_answer_free(&answer);
    free(url);
}

/* ---- virtual folders ---- */

/* A folder that shows nothing by GET may still be one. */
static enum probe_fault ask_folder(struct probe *probe, const char *url,
                                   struct probe_answer *answer)
{
    struct probe_question question = {.method = "HEAD", .url = url, .most = LIMIT_REFUSAL_BYTES};
    probe_ask(probe, &question, answer);
    enum probe_fault fault = probe_judge(answer);
    if (fault != PROBE_MISSING)
        return fault == PROBE_FORBIDDEN || fault == PROBE_METHOD ? PROBE_FINE : fault;
    struct probe_answer listed;
    question.method = "PROPFIND";
    question.headers[0] = "Depth: 0";
    probe_ask(probe, &question, &listed);
    bool there = listed.reply.status == 207 || listed.reply.status == 401;
    probe_answer_free(&listed);
    return there ? PROBE_FINE : PROBE_MISSING;
}

/* A client's first way has to be there, unless a content is asked for and tells more. */
static enum probe_verdict weigh(const struct probe *probe, enum probe_code code,
                                enum probe_fault fault)
{
    if (fault == PROBE_FINE)
        return PROBE_OK;
    bool told = probe->target->content_url && fault == PROBE_MISSING;
    bool first = code == PROBE_VDIR_PLAIN && fault != PROBE_UNAUTHORIZED;
    return first && !told ? PROBE_BAD : PROBE_NOTE;
}

static void look_at(struct probe *probe, enum probe_code code, const char *folder, const char *url)
{
    struct probe_answer answer;
    if (probe->blocked)
        return;
    enum probe_fault fault = ask_folder(probe, url, &answer);
    probe_add_answer(probe, code, weigh(probe, code, fault), fault, &answer, folder);
    probe_answer_free(&answer);
}

/* The last segment of the URL, where it is the one that others can stand for. */
static const char *find_folder(const char *root)
{
    const char *last = strrchr(root, '/') + 1;
    bool usual = text_equal(last, FOLDER) || text_equal(last, "SMS_DP_SMSPKG%24");
    return usual ? last : NULL;
}

static void look_at_other(struct probe *probe, enum probe_code code, const char *prefix)
{
    const char *root = probe->target->root, *last = find_folder(root);
    if (probe->blocked)
        return;
    if (!last) {
        probe_add(probe, code, PROBE_SKIPPED, PROBE_NO_FOLDER, NULL, NULL);
        return;
    }
    char *folder = mem_format("%s%s", prefix, FOLDER);
    char *url = mem_format("%.*s%s/", (int)(last - root), root, folder);
    look_at(probe, code, folder, url);
    free(folder);
    free(url);
}

void probe_root(struct probe *probe)
{
    const char *root = probe->target->root;
    ask_stranger(probe);
    char *url = mem_format("%s/", root);
    look_at(probe, PROBE_VDIR_PLAIN, strrchr(root, '/') + 1, url);
    look_at_other(probe, PROBE_VDIR_NOCERT, "NOCERT_");
    look_at_other(probe, PROBE_VDIR_CCMTOKENAUTH, "CCMTOKENAUTH_");
    free(url);
    if (probe->refuses && !probe->blocked)
        probe_block(probe, PROBE_AUTH);
}
