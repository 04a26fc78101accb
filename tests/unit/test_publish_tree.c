/* Two lists of a folder side by side, and work on several threads. */
#include "agent/publish/tree_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static const struct tree_walk with_folders = {.wanted = &(struct tree){.knows_folders = true}};
static const struct tree_walk without_folders = {.wanted = &(struct tree){.knows_folders = false}};

static char sha1_a[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
static char sha1_b[] = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

static void test_judge(void **state)
{
    (void)state;
    const struct tree_entry file = {.stamp = {.size = 5}, .sha256 = A, .sha1 = sha1_a},
                            longer = {.stamp = {.size = 6}, .sha256 = A},
                            shorter = {.stamp = {.size = 4}, .sha256 = A},
                            other = {.stamp = {.size = 5}, .sha256 = B},
                            unread = {.stamp = {.size = 5}},
                            old_same = {.stamp = {.size = 5}, .sha1 = sha1_a},
                            old_other = {.stamp = {.size = 5}, .sha1 = sha1_b},
                            folder = {.kind = TREE_FOLDER}, link = {.kind = TREE_OTHER};
    const struct {
        const struct tree_walk *walk;
        const struct tree_entry *found, *wanted;
        enum tree_difference difference;
    } rows[] = {
        {&with_folders, &file, &file, TREE_SAME},
        {&with_folders, &other, &file, TREE_CHANGED},
        {&with_folders, &longer, &file, TREE_CHANGED},
        {&with_folders, &shorter, &file, TREE_TRUNCATED},
        {&with_folders, &unread, &file, TREE_CHANGED},
        {&with_folders, &file, &old_same, TREE_SAME},
        {&with_folders, &file, &old_other, TREE_CHANGED},
        {&with_folders, &other, &old_same, TREE_CHANGED},
        {&with_folders, &link, &file, TREE_CHANGED},
        {&with_folders, &folder, &file, TREE_CHANGED},
        {&with_folders, &file, &folder, TREE_CHANGED},
        {&with_folders, &folder, &folder, TREE_SAME},
        {&with_folders, NULL, &file, TREE_MISSING},
        {&with_folders, NULL, &folder, TREE_MISSING},
        {&with_folders, &file, NULL, TREE_FOREIGN},
        {&with_folders, &folder, NULL, TREE_FOREIGN},
        {&without_folders, &folder, NULL, TREE_SAME},
        {&without_folders, &file, NULL, TREE_FOREIGN},
        {&without_folders, &link, NULL, TREE_FOREIGN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (tree_judge(rows[i].walk, rows[i].found, rows[i].wanted) != rows[i].difference)
            fail_msg("row %zu", i);
}

/* Names of files between blanks, sorted as they are given. */
static void tree_of(struct tree *tree, const char *names)
{
    struct manifest manifest = {0};
    struct manifest_file files[8] = {0};
    char *copy = mem_copy_string(names), *rest = copy, *name;
    manifest.files = files;
    while ((name = strsep(&rest, " ")))
        if (*name)
            files[manifest.count++].name = name;
    tree_of_manifest(tree, &manifest);
    free(copy);
}

/* "a=a -b +c": both, only wanted, only found. */
static void assert_walk(const char *found_names, const char *wanted_names, bool without_case,
                        const char *expected)
{
    struct tree found, wanted;
    char text[256] = "";
    tree_of(&found, found_names);
    tree_of(&wanted, wanted_names);
    struct tree_walk walk = {.found = &found, .wanted = &wanted, .without_case = without_case};
    struct tree_entry *left, *right;
    while (tree_next(&walk, &left, &right)) {
        size_t len = strlen(text);
        if (left && right)
            snprintf(text + len, sizeof text - len, "%s=%s ", left->name, right->name);
        else
            snprintf(text + len, sizeof text - len, "%s%s ", left ? "+" : "-",
                     left ? left->name : right->name);
    }
    assert_string_equal(text, expected);
    tree_free(&found);
    tree_free(&wanted);
}

static void test_walks(void **state)
{
    (void)state;
    assert_walk("", "", false, "");
    assert_walk("a b", "", false, "+a +b ");
    assert_walk("", "b a", false, "-a -b ");
    assert_walk("a c", "b c", false, "+a -b c=c ");
    assert_walk("A b", "a B", true, "A=a b=B ");
    assert_walk("A b", "a B", false, "+A -a -B +b ");
    assert_walk("a/x a", "a A/x", true, "a=a a/x=A/x ");
}

struct counted {
    atomic_size_t calls;
    size_t fails_at[2];
};

static bool count_call(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    struct counted *counted = arg;
    assert_non_null(tool->piece);
    atomic_fetch_add(&counted->calls, 1);
    for (size_t i = 0; i < 2; i++)
        if (index == counted->fails_at[i])
            return error_set(err, ERROR_FAILED, BLAME_DATA, "X", NULL, "at %zu", index);
    return true;
}

static void test_pool(void **state)
{
    (void)state;
    struct counted all = {.fails_at = {SIZE_MAX, SIZE_MAX}};
    struct error err = {0};
    assert_true(pool_run(0, count_call, &all, &err));
    assert_int_equal(all.calls, 0);
    assert_true(pool_run(1000, count_call, &all, &err));
    assert_int_equal(all.calls, 1000);
    for (int i = 0; i < 200; i++) {
        struct counted some = {.fails_at = {3, 4}};
        assert_false(pool_run(100000, count_call, &some, &err));
        assert_string_equal(err.text, "at 3");
        assert_in_range(some.calls, 4, 99999);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_walks),
        cmocka_unit_test(test_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
