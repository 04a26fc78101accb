#include "agent/source/azure_access.h"

#include "policy/base/buf.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/datetime.h"
#include "policy/sas.h"
#include "policy/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Farther apart, a clock is named where a token is refused. */
#define SKEW_SECONDS 300

char *azure_access_url(const char *url, const char *query, const struct site_access *access)
{
    const char *sas = access && access->sas ? access->sas : "";
    bool both = query && *sas;
    return mem_format("%s%s%s%s%s", url, query || *sas ? "?" : "", query ? query : "",
                      both ? "&" : "", sas);
}

/* ---- times ---- */

static const char *show_time(int64_t seconds, char text[DATETIME_MAX])
{
    return datetime_print(seconds, text) ? text : "a time beyond all calendars";
}

bool azure_access_judge(const struct site_access *access, int64_t now, struct error *err)
{
    char time[DATETIME_MAX];
    *err = (struct error){0};
    if (!access || !access->sas)
        return true;
    struct sas sas = sas_judge(access->sas, now);
    switch (sas.state) {
    case SAS_GOOD: return true;
    case SAS_ENDS_SOON:
        error_set(err, ERROR_FAILED, BLAME_TIME, "SAS_ENDS_SOON", NULL,
                  "the SAS of the policy ends at %s, in %lld minutes", show_time(sas.end, time),
                  (long long)(sas.end - now) / 60);
        return true;
    case SAS_NOT_YET:
        error_set(err, ERROR_FAILED, BLAME_TIME, "SAS_NOT_YET", NULL,
                  "the SAS of the policy begins at %s by this machine's clock: is the clock right?",
                  show_time(sas.start, time));
        return true;
    case SAS_ENDED:
        return error_set(err, ERROR_FAILED, BLAME_TIME, "SAS_ENDED", NULL,
                         "the SAS of the policy ended at %s: it is not tried; new policy brings "
                         "another, and this machine's clock may be wrong",
                         show_time(sas.end, time));
    case SAS_MALFORMED: break;
    }
    return error_set(err, ERROR_FAILED, BLAME_POLICY, "SAS_MALFORMED", NULL,
                     "the SAS of the policy is none: it lacks a signature, or its times are no "
                     "times");
}

/* ---- Azure's error page ---- */

#define FIELD_BYTES 512

struct page {
    char code[64], message[FIELD_BYTES];
    char *field; /* that text goes into, or NULL */
    size_t size, depth;
};

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct page *page = arg;
    (void)err;
    page->depth++;
    page->field = NULL;
    if (page->depth == 2 && strcmp(element->name, "Code") == 0) {
        page->field = page->code;
        page->size = sizeof page->code;
    } else if (page->depth == 2 && strcmp(element->name, "Message") == 0) {
        page->field = page->message;
        page->size = sizeof page->message;
    }
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    struct page *page = arg;
    (void)name, (void)err;
    page->depth--;
    page->field = NULL;
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct page *page = arg;
    (void)err;
    if (!page->field)
        return true;
    size_t used = strlen(page->field), room = page->size - used - 1;
    memcpy(page->field + used, text, len < room ? len : room);
    page->field[used + (len < room ? len : room)] = '\0';
    return true;
}

/* As far as it came, and as far as it is XML. */
static void read_page(struct page *page, const char *bytes, size_t len)
{
    static const struct xml_handlers handlers = {on_start, on_end, on_text, false};
    struct error ignored;
    struct xml_reader *reader = xml_open(&handlers, page, "the error page");
    if (len && xml_feed(reader, bytes, len, &ignored))
        xml_finish(reader, &ignored);
    xml_close(reader);
    /* Azure's message goes on with a request ID and the time. */
    page->message[strcspn(page->message, "\r\n")] = '\0';
}

bool azure_access_betrays(const struct site_access *access, const char *text)
{
    size_t len;
    const char *value = access && access->sas ? sas_value(access->sas, "sig", &len) : NULL;
    if (strcasestr(text, "sig="))
        return true;
    if (!value || len == 0)
        return false;
    char *signature = mem_copy_bytes(value, len);
    bool found = strstr(text, signature) != NULL;
    text_decode_percent(signature);
    found = found || strstr(text, signature) != NULL;
    free(signature);
    return found;
}

/* ---- what a refusal means ---- */

static void say(struct source_result *result, const struct http_reply *reply,
                const struct page *page, const char *code, const char *more)
{
    bool has_message = page->message[0] != '\0';
    char text[sizeof result->error.text];
    snprintf(text, sizeof text, "answers HTTP status %d%s%s%s%s%s", reply->status, *code ? " " : "",
             code, has_message ? ": " : "", page->message, more);
    error_set(&result->error, ERROR_FAILED, BLAME_SOURCE, *code ? code : result->error.code, NULL,
              "%s", text);
}

/* What may be wrong with who asked. */
static void explain_denial(const struct site_access *access, int64_t now,
                           const struct http_reply *reply, char *more, size_t size)
{
    struct error token;
    int64_t skew = reply->date < 0 ? 0 : now - reply->date;
    azure_access_judge(access, now, &token);
    if (!access || !access->sas)
        snprintf(more, size, "; the policy has no SAS for it (NP_CloudAccess)");
    else if (skew > SKEW_SECONDS || skew < -SKEW_SECONDS)
        snprintf(more, size,
                 "; this machine's clock is %lld minutes %s the server's, by which a SAS begins "
                 "and ends",
                 (long long)(skew < 0 ? -skew : skew) / 60, skew > 0 ? "ahead of" : "behind");
    else if (*token.code)
        snprintf(more, size, "; %.200s", token.text);
    else
        snprintf(more, size, "; it does not accept the SAS of the policy for this");
}

void azure_access_explain(const struct site_access *access, int64_t now,
                          const struct http_reply *reply, const char *bytes, size_t len,
                          struct source_result *result)
{
    struct page page = {.depth = 0};
    char more[320] = "";
    read_page(&page, bytes, len);
    if (azure_access_betrays(access, page.message))
        snprintf(page.message, sizeof page.message, "(a message that repeats a token)");
    if (strspn(page.code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") !=
        strlen(page.code))
        page.code[0] = '\0';
    const char *code = *reply->error_code ? reply->error_code : page.code;
    if (reply->status == 401 || reply->status == 403)
        explain_denial(access, now, reply, more, sizeof more);
    say(result, reply, &page, code, more);
    /* What was begun was of another version, or is longer: ask for all of it. */
    if (reply->status == 412 || reply->status == 416)
        result->retry = result->no_range = true;
}
