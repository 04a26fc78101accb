#include "policy/reply_form.h"

#include "policy/base/text.h"
#include "policy/version.h"

#include <stdlib.h>
#include <string.h>

/* The form */

static void *reply_open(struct intake *intake, struct xml_reader *reader, const char *where)
{
    (void)where;
    struct policy_reply *reply = mem_zero(1, sizeof *reply);
    intake_export(intake);
    intake->document->is_reply = true;
    reply->document = intake->document;
    reply->next = intake->policy->replies;
    intake->policy->replies = reply;
    struct assignments_reader *form = assignments_reader_open(&reply->assignments);
    assignments_reader_attach(form, reader);
    return form;
}

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    return assignments_handlers.start(arg, element, err);
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    return assignments_handlers.end(arg, name, err);
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    return assignments_handlers.text(arg, text, len, err);
}

static void reply_close(void *form)
{
    assignments_reader_close(form);
}

const struct xml_form_kind reply_kind = {
    .open = reply_open,
    .handlers = {on_start, on_end, on_text, .many_roots = false},
    .close = reply_close,
};

/* What it says of the documents beside it */

/* Documents by PolicyID: a file may hold many, and a reply name many. */
struct by_id {
    size_t count;
    struct document **documents; /* owned */
};

static int compare_ids(const void *a, const void *b)
{
    const struct document *left = *(struct document *const *)a;
    const struct document *right = *(struct document *const *)b;
    int order = text_compare(left->policy_id, right->policy_id);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static struct by_id sort_documents(const struct policy *policy)
{
    struct by_id sorted = {0, mem_zero(policy->document_count, sizeof(struct document *))};
    for (size_t i = 0; i < policy->document_count; i++)
        if (policy->documents[i]->policy_id)
            sorted.documents[sorted.count++] = policy->documents[i];
    qsort(sorted.documents, sorted.count, sizeof(struct document *), compare_ids);
    return sorted;
}

/* The first document whose PolicyID is not before this one. */
static size_t seek(const struct by_id *sorted, const char *policy_id)
{
    size_t low = 0, high = sorted->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(sorted->documents[middle]->policy_id, policy_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What is done for each document that an assignment names. */
typedef bool visitor(struct policy *policy, const struct policy_reply *reply,
                     const struct assignment *row, struct document *document, struct error *err);

static bool visit_row(struct policy *policy, const struct by_id *sorted,
                      const struct policy_reply *reply, const struct assignment *row,
                      visitor *visit, bool *found, struct error *err)
{
    for (size_t i = seek(sorted, row->policy_id);
         i < sorted->count && text_equal(sorted->documents[i]->policy_id, row->policy_id); i++) {
        if (version_compare(row->version, sorted->documents[i]->version) != 0)
            continue;
        *found = true;
        if (!visit(policy, reply, row, sorted->documents[i], err))
            return false;
    }
    return true;
}

static void warn_not_here(struct policy *policy, const struct policy_reply *reply,
                          const struct assignment *row)
{
    char *where = mem_format("%s:%u", reply->document->path, row->line);
    policy_warn(policy, "ASSIGNED_NOT_HERE", where,
                "policy %s version %s is assigned, and its body is not here", row->policy_id,
                row->version_text);
    free(where);
}

static bool visit_all(struct policy *policy, visitor *visit, bool warns, struct error *err)
{
    struct by_id sorted = sort_documents(policy);
    bool ok = true;
    for (const struct policy_reply *reply = policy->replies; ok && reply; reply = reply->next)
        for (size_t i = 0; ok && i < reply->assignments.count; i++) {
            const struct assignment *row = &reply->assignments.rows[i];
            bool found = false;
            ok = visit_row(policy, &sorted, reply, row, visit, &found, err);
            if (ok && !found && warns)
                warn_not_here(policy, reply, row);
        }
    free(sorted.documents);
    return ok;
}

static bool mark(struct policy *policy, const struct policy_reply *reply,
                 const struct assignment *row, struct document *document, struct error *err)
{
    (void)policy, (void)reply, (void)err;
    document->wants_sha256 = document->wants_sha256 || row->sha256[0];
    document->wants_sha1 = document->wants_sha1 || !row->sha256[0];
    return true;
}

void reply_mark_hashes(struct policy *policy)
{
    visit_all(policy, mark, false, NULL);
}

static bool apply(struct policy *policy, const struct policy_reply *reply,
                  const struct assignment *row, struct document *document, struct error *err)
{
    (void)policy;
    bool fits = row->sha256[0] ? strcmp(row->sha256, document->digest) == 0
                               : strcmp(row->sha1, document->sha1) == 0;
    if (!fits)
        return error_set(err, ERROR_INPUT, BLAME_POLICY, "HASH_MISMATCH", document->path,
                         "the policy %s version %s has not the hash that %s:%u says",
                         document->policy_id, document->version_text, reply->document->path,
                         row->line);
    if (row->conditional && !document->why_not)
        document->why_not = "its assignment has a Condition, which cannot be evaluated here";
    return true;
}

bool reply_apply(struct policy *policy, struct error *err)
{
    return visit_all(policy, apply, true, err);
}

void reply_free(struct policy *policy)
{
    while (policy->replies) {
        struct policy_reply *reply = policy->replies;
        policy->replies = reply->next;
        assignments_free(&reply->assignments);
        free(reply);
    }
}
