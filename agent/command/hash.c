/* hash: the folder hash and the files' hashes of any folder, beside what is expected. */
#include "agent/command/command.h"
#include "agent/command/fetched.h"
#include "agent/publish/tree_read.h"

#include "policy/folder_hash.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the folder should be. */
struct expected {
    bool known;
    bool has_files; /* false: only the hash of the whole is known */
    struct tree files;
    char folder_hash[HASH_HEX_MAX]; /* empty: not known */
    char *from;                     /* owned */
};

/* The first name that differs; entries are NULL where a side does not have it. */
struct first_difference {
    enum tree_difference kind; /* TREE_SAME: none */
    const struct tree_entry *found, *wanted;
};

struct hashing {
    struct context *context;
    struct tree tree;
    char folder_hash[HASH_HEX_MAX];
    struct expected expected;
    struct first_difference first;
    bool match;
};

/* ---- what is found ---- */

static bool hash_folder(struct tree *tree, const char *path, bool with_sha1,
                        char folder_hash[HASH_HEX_MAX], struct error *err)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return error_errno(err, path, "cannot open the folder");
    bool ok = tree_read(tree, dir, path, TREE_STRICT, err);
    if (ok && !tree_hash(tree, dir, path, with_sha1, err)) {
        tree_free(tree);
        ok = false;
    }
    close(dir);
    if (ok)
        tree_folder_hash(tree, tree, folder_hash);
    return ok;
}

/* ---- what is expected ---- */

static bool expect_manifest(struct expected *expected, const struct site_content *content,
                            struct error *err)
{
    struct manifest manifest;
    if (!manifest_read(&manifest, content->manifest, content->manifest_len, content->manifest_where,
                       err))
        return false;
    tree_of_manifest(&expected->files, &manifest);
    expected->has_files = true;
    manifest_free(&manifest);
    return true;
}

static bool expect_content(struct expected *expected, struct policy *policy,
                           const struct site_content *content, struct error *err)
{
    if (content->has_manifest && !expect_manifest(expected, content, err))
        return false;
    if (!site_folder_hash(content, expected->folder_hash))
        expected->folder_hash[0] = '\0';
    expected->known = true;
    expected->from = mem_format("%s version %" PRId64 ", %s", content->id, content->version,
                                content->has_manifest ? content->manifest_where
                                                      : instance_where(policy, content->instance));
    if (expected->has_files || expected->folder_hash[0])
        return true;
    return error_set(
        err, ERROR_FAILED, BLAME_POLICY, "NO_HASH", content->id,
        "the policy has neither a manifest nor a folder hash of HashAlgorithm %d of version "
        "%lld",
        FOLDER_HASH_ALGORITHM, (long long)content->version);
}

static bool expect_of_policy(struct hashing *hashing, struct error *err)
{
    struct policy policy;
    struct fetched fetched;
    struct site site;
    if (!command_read_policy(hashing->context, &policy, &fetched, err))
        return false;
    bool ok = site_read(&site, &policy, err);
    if (ok) {
        command_print_warnings(&policy);
        const struct site_content *content =
            site_find_content(&site, hashing->context->options->content, err);
        ok = content && expect_content(&hashing->expected, &policy, content, err);
    }
    fetched_free(&fetched);
    policy_free(&policy);
    return ok;
}

static bool expect_of_folder(struct hashing *hashing, struct error *err)
{
    struct expected *expected = &hashing->expected;
    const char *path = hashing->context->options->against;
    if (!hash_folder(&expected->files, path, false, expected->folder_hash, err))
        return false;
    expected->known = expected->has_files = true;
    expected->from = mem_copy_string(path);
    return true;
}

static bool expect(struct hashing *hashing, struct error *err)
{
    const struct options *options = hashing->context->options;
    if (options->content)
        return expect_of_policy(hashing, err);
    return !options->against || expect_of_folder(hashing, err);
}

static bool wants_sha1(const struct tree *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->entries[i].kind == TREE_FILE && !files->entries[i].sha256[0])
            return true;
    return false;
}

/* ---- both beside each other ---- */

static void compare(struct hashing *hashing)
{
    const struct expected *expected = &hashing->expected;
    struct tree_walk walk = {
        .found = &hashing->tree, .wanted = &expected->files, .without_case = true};
    struct tree_entry *found, *wanted;
    while (expected->has_files && hashing->first.kind == TREE_SAME &&
           tree_next(&walk, &found, &wanted))
        hashing->first = (struct first_difference){tree_judge(&walk, found, wanted), found, wanted};
    hashing->match =
        hashing->first.kind == TREE_SAME &&
        (!expected->folder_hash[0] || strcmp(expected->folder_hash, hashing->folder_hash) == 0);
}

/* The digest that a side has, in the algorithm of the one that is expected. */
static const char *digest_of(const struct first_difference *first, const struct tree_entry *entry)
{
    if (!entry || entry->kind != TREE_FILE)
        return NULL;
    bool by_sha1 = first->wanted && first->wanted->kind == TREE_FILE && !first->wanted->sha256[0];
    return by_sha1 ? entry->sha1 : entry->sha256;
}

/* A truncated file is a changed one here. */
static const char *kind_word(const struct first_difference *first)
{
    return tree_difference_word(first->kind == TREE_TRUNCATED ? TREE_CHANGED : first->kind);
}

/* A folder's ends in '/'. The caller frees it. */
static char *name_of(const struct first_difference *first)
{
    const struct tree_entry *entry = first->found ? first->found : first->wanted;
    return mem_format("%s%s", entry->name, entry->kind == TREE_FOLDER ? "/" : "");
}

/* ---- JSON ---- */

static void add_wanted(struct json_out *out, const struct tree_entry *wanted)
{
    if (!wanted || wanted->kind != TREE_FILE) {
        json_out_null(out, "expected");
        return;
    }
    json_out_open(out, "expected", '{');
    json_out_int(out, "size", wanted->stamp.size);
    json_out_text(out, "algorithm", wanted->sha256[0] ? "SHA256" : "SHA1");
    json_out_text(out, "hash", wanted->sha256[0] ? wanted->sha256 : wanted->sha1);
    json_out_close(out, '}');
}

static void add_files(struct json_out *out, const struct hashing *hashing)
{
    struct tree_walk walk = {
        .found = &hashing->tree, .wanted = &hashing->expected.files, .without_case = true};
    struct tree_entry *found, *wanted;
    json_out_open(out, "files", '[');
    while (tree_next(&walk, &found, &wanted)) {
        if (!found || found->kind != TREE_FILE)
            continue;
        json_out_open(out, NULL, '{');
        json_out_text(out, "name", found->name);
        json_out_int(out, "size", found->stamp.size);
        json_out_text(out, "sha256", found->sha256);
        add_wanted(out, wanted);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

static void add_expected(struct json_out *out, const struct expected *expected)
{
    if (!expected->known) {
        json_out_null(out, "expected");
        return;
    }
    json_out_open(out, "expected", '{');
    json_out_text(out, "folderHash", expected->folder_hash[0] ? expected->folder_hash : NULL);
    json_out_text(out, "from", expected->from);
    json_out_close(out, '}');
}

static void add_first(struct json_out *out, const struct first_difference *first)
{
    if (first->kind == TREE_SAME) {
        json_out_null(out, "firstDifference");
        return;
    }
    char *name = name_of(first);
    json_out_open(out, "firstDifference", '{');
    json_out_text(out, "file", name);
    json_out_text(out, "kind", kind_word(first));
    json_out_text(out, "found", digest_of(first, first->found));
    json_out_text(out, "expected", digest_of(first, first->wanted));
    json_out_close(out, '}');
    free(name);
}

static bool print_json(const struct hashing *hashing, struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '{');
    json_out_text(&out, "path", hashing->context->options->arguments[0]);
    json_out_text(&out, "folderHash", hashing->folder_hash);
    json_out_int(&out, "algorithm", FOLDER_HASH_ALGORITHM);
    json_out_int(&out, "bytes", hashing->tree.bytes);
    add_files(&out, hashing);
    add_expected(&out, &hashing->expected);
    if (hashing->expected.known)
        json_out_bool(&out, "match", hashing->match);
    else
        json_out_null(&out, "match");
    add_first(&out, &hashing->first);
    json_out_close(&out, '}');
    return command_printed(json_out_finish(&out), err);
}

/* ---- text ---- */

static void add_first_line(struct buf *out, const struct hashing *hashing)
{
    const struct first_difference *first = &hashing->first;
    if (first->kind == TREE_SAME) {
        if (hashing->expected.known && !hashing->match)
            command_add_line(out, "which file differs is not known: the policy has the hash of "
                                  "the whole alone");
        return;
    }
    const char *found = digest_of(first, first->found), *wanted = digest_of(first, first->wanted);
    char *name = name_of(first);
    command_add_line(out, "first difference  %s: %s", name, kind_word(first));
    if (found)
        command_add_line(out, "  found     %s", found);
    if (wanted)
        command_add_line(out, "  expected  %s", wanted);
    free(name);
}

static bool print_text(const struct hashing *hashing, struct error *err)
{
    const struct expected *expected = &hashing->expected;
    struct buf out = {0};
    for (size_t i = 0; i < hashing->tree.count; i++)
        if (hashing->tree.entries[i].kind == TREE_FILE)
            command_add_line(&out, "%s  %s", hashing->tree.entries[i].sha256,
                             hashing->tree.entries[i].name);
    command_add_line(&out, "folder hash       %s", hashing->folder_hash);
    if (expected->folder_hash[0])
        command_add_line(&out, "expected          %s", expected->folder_hash);
    command_add_line(&out, "                  %zu files, %" PRId64 " bytes",
                     hashing->tree.file_count, hashing->tree.bytes);
    if (expected->known)
        command_add_line(&out, "%-17s %s", hashing->match ? "the same as" : "differs from",
                         expected->from);
    add_first_line(&out, hashing);
    return command_print_text(&out, err);
}

/* ---- the command ---- */

static bool run(struct hashing *hashing, struct error *err)
{
    const struct options *options = hashing->context->options;
    if (!expect(hashing, err) ||
        !hash_folder(&hashing->tree, options->arguments[0], wants_sha1(&hashing->expected.files),
                     hashing->folder_hash, err))
        return false;
    if (hashing->expected.known)
        compare(hashing);
    if (!(options->json ? print_json(hashing, err) : print_text(hashing, err)))
        return false;
    return !hashing->expected.known || hashing->match ||
           error_set(err, ERROR_FAILED, BLAME_DATA, "HASH_MISMATCH", options->arguments[0],
                     "is not what is expected by %s", hashing->expected.from);
}

bool command_hash(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    if (options->content && options->against)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--content and --against exclude each other");
    struct hashing hashing = {.context = context};
    bool ok = run(&hashing, err);
    tree_free(&hashing.tree);
    tree_free(&hashing.expected.files);
    free(hashing.expected.from);
    return ok;
}
