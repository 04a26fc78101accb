/* A policy point's reply among the documents it names: hashes, conditions, what is not there. */
#include "policy/instance.h"

#include "policy/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY                                                                                \
    "<Policy PolicyID=\"{A}\" PolicyVersion=\"2.00\" PolicySource=\"SMS:PS1\"><PolicyRule>" \
    "<PolicyAction><instance class=\"CCM_X\"/></PolicyAction></PolicyRule></Policy>"

static void put(const char *folder, const char *name, const char *text)
{
    char *path = mem_format("%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    free(path);
}

static void drop(const char *folder, const char *name)
{
    char *path = mem_format("%s/%s", folder, name);
    unlink(path);
    free(path);
}

static char *reply(const char *id, const char *version, const char *hash, const char *condition)
{
    return mem_format("<ReplyAssignments SchemaVersion=\"1.00\" ReplyType=\"Full\">\n"
                      "<PolicyAssignment PolicyAssignmentID=\"{P}\">%s"
                      "<Policy PolicyID=\"%s\" PolicyVersion=\"%s\"><PolicyLocation %s>a.xml"
                      "</PolicyLocation></Policy></PolicyAssignment></ReplyAssignments>",
                      condition, id, version, hash);
}

/* %s stands for the body's own hash. */
static const struct {
    const char *id, *version, *hash, *condition;
    const char *code;    /* of the refusal, or NULL */
    const char *warning; /* or NULL */
    bool applied;
} rows[] = {
    {"{A}", "2.00", "PolicyHashEx=\"SHA256:%s\"", "", NULL, NULL, true},
    {"{a}", "2.0", "PolicyHashEx=\"SHA256:%s\"", "", NULL, NULL, true},
    {"{A}", "2.00", "PolicyHashEx=\"SHA256:00%s\"", "", "HASH_MISMATCH", NULL, false},
    {"{A}", "2.00", "PolicyHash=\"%s\"", "", NULL, NULL, true},
    {"{A}", "2.00", "PolicyHash=\"00%s\"", "", "HASH_MISMATCH", NULL, false},
    {"{A}", "2.00", "PolicyHashEx=\"SHA256:%s\"", "<Condition/>", NULL, NULL, false},
    {"{A}", "1.00", "PolicyHashEx=\"SHA256:%s\"", "", NULL, "ASSIGNED_NOT_HERE", true},
    {"{B}", "2.00", "PolicyHashEx=\"SHA256:%s\"", "", NULL, "ASSIGNED_NOT_HERE", true},
};

/* The hash of the body as the row wants it; "00" in front takes the place of its first digits. */
static char *hash_attribute(const char *pattern)
{
    enum hash_algorithm algorithm = strstr(pattern, "SHA256") ? HASH_SHA256 : HASH_SHA1;
    char hex[HASH_HEX_MAX];
    hash_bytes(algorithm, BODY, sizeof BODY - 1, hex);
    const char *zeros = strstr(pattern, "00%s");
    return zeros ? mem_format("%.*s00%s\"", (int)(zeros - pattern), pattern, hex + 2)
                 : mem_format("%.*s%s\"", (int)(strstr(pattern, "%s") - pattern), pattern, hex);
}

static void test_what_a_reply_says_of_bodies(void **state)
{
    (void)state;
    char folder[] = "/tmp/nearpoint-reply-XXXXXX";
    const char *path = folder;
    assert_non_null(mkdtemp(folder));
    put(folder, "a.xml", BODY);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *hash = hash_attribute(rows[i].hash);
        char *text = reply(rows[i].id, rows[i].version, hash, rows[i].condition);
        struct policy policy;
        struct error err = {0};
        put(folder, "z.xml", text);
        bool ok = policy_read(&policy, &path, 1, false, NULL, &err);
        if (ok != (rows[i].code == NULL) || (!ok && strcmp(err.code, rows[i].code) != 0))
            fail_msg("row %zu: %s %s", i, err.code, err.text);
        if (ok) {
            assert_int_equal(policy.instance_count, rows[i].applied);
            assert_int_equal(policy.warning_count, rows[i].warning != NULL);
            if (rows[i].warning)
                assert_string_equal(policy.warnings[0].code, rows[i].warning);
            assert_int_equal(policy.documents[0]->why_not == NULL, rows[i].applied);
            assert_true(policy.documents[1]->is_reply);
            policy_free(&policy);
        }
        free(hash);
        free(text);
    }
    drop(folder, "a.xml");
    drop(folder, "z.xml");
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_reply_says_of_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
