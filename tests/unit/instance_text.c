#include "tests/unit/instance_text.h"

#include "policy/form.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put_instance(struct buf *out, const struct instance *instance);

static void put_value(struct buf *out, const struct value *value)
{
    switch (value->type) {
    case VALUE_NULL: buf_append_text(out, "null"); break;
    case VALUE_BOOL: buf_append_text(out, value->truth ? "true" : "false"); break;
    case VALUE_INT: buf_format(out, "%" PRId64, value->number); break;
    case VALUE_TEXT: buf_format(out, "\"%s\"", value->text); break;
    case VALUE_OBJECT: put_instance(out, value->object); break;
    case VALUE_ARRAY:
        buf_append_text(out, "[");
        for (size_t i = 0; i < value->count; i++) {
            buf_append_text(out, i ? " " : "");
            put_value(out, &value->items[i]);
        }
        buf_append_text(out, "]");
        break;
    }
}

static void put_instance(struct buf *out, const struct instance *instance)
{
    buf_format(out, "%s{", instance->class_name);
    for (size_t i = 0; i < instance->count; i++) {
        buf_format(out, "%s%s=", i ? " " : "", instance->properties[i].name);
        put_value(out, &instance->properties[i].value);
    }
    buf_append_text(out, "}");
}

void instance_text(struct buf *out, const struct policy *policy)
{
    buf_append_text(out, "");
    for (size_t i = 0; i < policy->requested_count; i++) {
        put_instance(out, policy->requested[i]);
        buf_append_text(out, "\n");
    }
}

bool read_in_pieces(struct policy *policy, const char *bytes, size_t len, size_t piece,
                    struct error *err)
{
    *policy = (struct policy){0};
    struct form *form = form_open(policy, "doc");
    bool ok = true;
    for (size_t at = 0; ok && at < len; at += piece) {
        /* A copy of its own, so that a sanitizer sees a read past its end. */
        size_t part = len - at < piece ? len - at : piece;
        char *copy = mem_resize(NULL, part, 1);
        memcpy(copy, bytes + at, part);
        ok = form_feed(form, copy, part, err);
        free(copy);
    }
    ok = ok && form_finish(form, err);
    form_close(form);
    ok = ok && policy_settle(policy, err);
    if (!ok)
        policy_free(policy);
    return ok;
}

void assert_gives(const char *bytes, size_t len, const char *lines)
{
    struct policy policy;
    struct error err = {0};
    if (!read_in_pieces(&policy, bytes, len, len ? len : 1, &err))
        fail_msg("%s: %s", err.where, err.text);
    struct buf text = {0};
    instance_text(&text, &policy);
    assert_string_equal(text.data, lines);
    buf_free(&text);
    policy_free(&policy);
}

void assert_bytes_refused(const char *bytes, size_t len, unsigned line, const char *words)
{
    struct policy policy;
    struct error err = {0};
    if (read_in_pieces(&policy, bytes, len, len ? len : 1, &err))
        fail_msg("'%.*s' is not refused", (int)len, bytes);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_int_equal(err.blame, BLAME_POLICY);
    char *where = mem_format("doc:%u", line);
    if (strcmp(err.where, where) != 0 || !strstr(err.text, words))
        fail_msg("'%s: %s' is not '%s: %s'", err.where, err.text, where, words);
    free(where);
}
