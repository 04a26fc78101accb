/* Files and folders → documents; which of them are in force. */
#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/form.h"
#include "policy/instance.h"
#include "policy/reply_form.h"
#include "policy/version.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One document */

/* Where a document's bytes come from: false with the error filled, *len 0 at the end. */
typedef bool next_piece(void *arg, const char **bytes, size_t *len, struct error *err);

/* The digest of the bytes read costs a tenth of the reading: `hashes` says whether it is wanted. */
static bool read_document(struct policy *policy, const char *path, next_piece *next, void *arg,
                          bool hashes, struct error *err)
{
    size_t first = policy->document_count;
    struct form *form = form_open(policy, path);
    struct hash *hash = hashes ? hash_create(HASH_SHA256) : NULL;
    const char *bytes;
    size_t len;
    bool ok;
    while ((ok = next(arg, &bytes, &len, err)) && len) {
        if (hash)
            hash_update(hash, bytes, len);
        if (!(ok = form_feed(form, bytes, len, err)))
            break;
    }
    ok = ok && form_finish(form, err);
    if (hash)
        hash_finish(hash, policy->documents[first]->digest);
    for (size_t i = first + 1; i < policy->document_count; i++)
        memcpy(policy->documents[i]->digest, policy->documents[first]->digest, HASH_HEX_MAX);
    hash_free(hash);
    form_close(form);
    return ok;
}

struct memory_bytes {
    const char *bytes;
    size_t len;
};

static bool next_of_memory(void *arg, const char **bytes, size_t *len, struct error *err)
{
    (void)err;
    struct memory_bytes *left = arg;
    *bytes = left->bytes;
    *len = left->len;
    left->len = 0;
    return true;
}

bool policy_read_bytes(struct policy *policy, const char *name, const char *bytes, size_t len,
                       struct error *err)
{
    struct memory_bytes left = {bytes, len};
    return read_document(policy, name, next_of_memory, &left, true, err);
}

struct open_file {
    int fd;
    const char *path;
    char piece[64 * KIB];
};

/* A document that cannot be read is bad input, whatever the disk says. */
static bool refuse_errno(struct error *err, const char *path, const char *what)
{
    error_errno(err, path, "%s", what);
    if (err)
        err->kind = ERROR_INPUT;
    return false;
}

static bool next_of_file(void *arg, const char **bytes, size_t *len, struct error *err)
{
    struct open_file *file = arg;
    ssize_t got;
    do
        got = read(file->fd, file->piece, sizeof file->piece);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return refuse_errno(err, file->path, "cannot read");
    *bytes = file->piece;
    *len = (size_t)got;
    return true;
}

/* Signatures */

/* The bytes of NAME.p7s; *found says whether it is there. */
static bool read_signature(const char *path, struct buf *bytes, bool *found, struct error *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    *found = fd >= 0;
    if (fd < 0)
        return errno == ENOENT || refuse_errno(err, path, "cannot open");
    bool ok = beneath_read_open(fd, path, LIMIT_SIGNATURE_BYTES, bytes, err);
    if (!ok)
        err->kind = ERROR_INPUT;
    close(fd);
    return ok;
}

static void sign_documents(struct policy *policy, size_t first, const struct signature *signature,
                           const char *path)
{
    const char *signer = arena_copy_string(&policy->arena, signature->signer);
    for (size_t i = first; i < policy->document_count; i++)
        policy->documents[i]->signer = signer;
    if (signature->ahead)
        policy_warn(policy, "SIGNATURE_AHEAD", path,
                    "was signed more than a day ahead of this machine's clock");
}

/* The documents from `first` on came from the file of that path. */
static bool check_signature(struct policy *policy, size_t first, const char *path,
                            const struct policy_trust *trust, struct error *err)
{
    char *name = mem_format("%s.p7s", path);
    struct buf bytes = {0};
    struct signature signature;
    bool found = false;
    bool ok = read_signature(name, &bytes, &found, err);
    if (ok && !found && trust->required)
        ok = error_set(err, ERROR_INPUT, BLAME_POLICY, "SIGNATURE_MISSING", path,
                       "is not signed, and requireSignedPolicy is set: there is no %s", name);
    if (ok && found) {
        ok = signature_verify(&signature, trust->anchors, bytes.data ? bytes.data : "", bytes.len,
                              policy->documents[first]->digest, &trust->clock, name, err);
        if (ok)
            sign_documents(policy, first, &signature, name);
    }
    buf_free(&bytes);
    free(name);
    return ok;
}

/* Files */

static bool read_regular(struct policy *policy, int fd, const char *path,
                         const struct policy_trust *trust, struct error *err)
{
    size_t first = policy->document_count;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return refuse_errno(err, path, "cannot read");
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_INPUT, BLAME_POLICY, "NOT_A_FILE", path,
                         "is not a regular file");
    struct open_file *file = mem_zero(1, sizeof *file);
    file->fd = fd;
    file->path = path;
    bool ok = read_document(policy, path, next_of_file, file, trust != NULL, err);
    for (size_t i = first; ok && i < policy->document_count; i++)
        policy->documents[i]->readable_by_others = (st.st_mode & S_IROTH) != 0;
    free(file);
    return ok && (!trust || check_signature(policy, first, path, trust, err));
}

/* Folders */

static bool is_document_name(const char *name)
{
    return text_ends_with(name, ".xml") || text_ends_with(name, ".json");
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct name_list {
    size_t count, cap;
    char **names;
};

static bool list_documents(int fd, const char *path, struct name_list *list, struct error *err)
{
    int own = dup(fd);
    DIR *folder = own >= 0 ? fdopendir(own) : NULL;
    if (!folder) {
        refuse_errno(err, path, "cannot read the folder");
        if (own >= 0)
            close(own);
        return false;
    }
    struct dirent *entry;
    while ((errno = 0, entry = readdir(folder))) {
        if (!is_document_name(entry->d_name))
            continue;
        list->names = mem_grow(list->names, &list->cap, list->count + 1, sizeof(char *));
        list->names[list->count++] = mem_copy_string(entry->d_name);
    }
    bool ok = errno == 0 || refuse_errno(err, path, "cannot read the folder");
    closedir(folder);
    if (list->count)
        qsort(list->names, list->count, sizeof(char *), by_bytes);
    return ok;
}

/* The administrator's folder: links in it are his own. O_NONBLOCK: a FIFO must not hold us. */
static bool read_named(struct policy *policy, int folder, const char *path, const char *name,
                       const struct policy_trust *trust, struct error *err)
{
    size_t len = strlen(path);
    bool slash = len && path[len - 1] == '/';
    char *full = mem_format("%s%s%s", path, slash ? "" : "/", name);
    int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool ok = fd >= 0 ? read_regular(policy, fd, full, trust, err)
                      : refuse_errno(err, full, "cannot open");
    if (fd >= 0)
        close(fd);
    free(full);
    return ok;
}

static bool read_folder(struct policy *policy, int fd, const char *path,
                        const struct policy_trust *trust, struct error *err)
{
    struct name_list list = {0};
    bool ok = list_documents(fd, path, &list, err);
    for (size_t i = 0; i < list.count; i++) {
        ok = ok && read_named(policy, fd, path, list.names[i], trust, err);
        free(list.names[i]);
    }
    free(list.names);
    return ok;
}

static bool read_path(struct policy *policy, const char *path, bool missing_is_empty,
                      const struct policy_trust *trust, struct error *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return (missing_is_empty && errno == ENOENT) || refuse_errno(err, path, "cannot open");
    struct stat st;
    bool is_folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    bool ok = is_folder ? read_folder(policy, fd, path, trust, err)
                        : read_regular(policy, fd, path, trust, err);
    close(fd);
    return ok;
}

/* A file's hash, asked for after it was read: by a reply that names it, or by a twin. */
static bool add_hash(const struct document *document, enum hash_algorithm algorithm,
                     char hex[HASH_HEX_MAX], struct error *err)
{
    if (hex[0])
        return true;
    struct open_file *file = mem_zero(1, sizeof *file);
    struct hash *hash = hash_create(algorithm);
    const char *bytes;
    size_t len;
    file->path = document->path;
    file->fd = open(document->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool ok = file->fd >= 0 || refuse_errno(err, document->path, "cannot open");
    while (ok && (ok = next_of_file(file, &bytes, &len, err)) && len)
        hash_update(hash, bytes, len);
    hash_finish(hash, hex);
    hash_free(hash);
    if (file->fd >= 0)
        close(file->fd);
    free(file);
    return ok;
}

static bool add_wanted_hashes(struct policy *policy, struct error *err)
{
    reply_mark_hashes(policy);
    for (size_t i = 0; i < policy->document_count; i++) {
        struct document *document = policy->documents[i];
        if ((document->wants_sha256 && !add_hash(document, HASH_SHA256, document->digest, err)) ||
            (document->wants_sha1 && !add_hash(document, HASH_SHA1, document->sha1, err)))
            return false;
    }
    return true;
}

bool policy_add(struct policy *policy, const char *const *paths, size_t count,
                bool missing_is_empty, const struct policy_trust *trust, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = read_path(policy, paths[i], missing_is_empty, trust, err);
    return ok && add_wanted_hashes(policy, err);
}

bool policy_read(struct policy *policy, const char *const *paths, size_t count,
                 bool missing_is_empty, const struct policy_trust *trust, struct error *err)
{
    *policy = (struct policy){0};
    bool ok = policy_add(policy, paths, count, missing_is_empty, trust, err) &&
              policy_settle(policy, err);
    if (!ok)
        policy_free(policy);
    return ok;
}

/* Versions */

/* By PolicyID, the highest version first; of equal ones the first that was read. */
static int by_id_then_version(const void *a, const void *b)
{
    const struct document *left = *(struct document *const *)a;
    const struct document *right = *(struct document *const *)b;
    int order = text_compare(left->policy_id, right->policy_id);
    if (order == 0)
        order = version_compare(right->version, left->version);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static bool supersede(struct policy *policy, struct document *by, struct document *document,
                      struct error *err)
{
    bool same_version = version_compare(by->version, document->version) == 0;
    if (same_version && (!add_hash(by, HASH_SHA256, by->digest, err) ||
                         !add_hash(document, HASH_SHA256, document->digest, err)))
        return false;
    bool is_same = strcmp(by->digest, document->digest) == 0 && by->part == document->part;
    if (same_version && !is_same)
        return error_set(err, ERROR_INPUT, BLAME_POLICY, "SAME_VERSION", document->path,
                         "the policy %s version %s stands in %s with other content",
                         document->policy_id, document->version_text, by->path);
    document->superseded = true;
    document->why_not =
        same_version ? arena_format(&policy->arena, "the same document stands in %s", by->path)
                     : arena_format(&policy->arena, "superseded by version %s in %s",
                                    by->version_text, by->path);
    return true;
}

static bool decide_versions(struct policy *policy, struct error *err)
{
    size_t count = 0;
    struct document **sorted = mem_zero(policy->document_count, sizeof(struct document *));
    for (size_t i = 0; i < policy->document_count; i++)
        if (policy->documents[i]->policy_id) /* exports have no versions */
            sorted[count++] = policy->documents[i];
    qsort(sorted, count, sizeof *sorted, by_id_then_version);
    bool ok = true;
    struct document *newest = NULL, *before = NULL;
    for (size_t i = 0; ok && i < count; i++) {
        if (!newest || !text_equal(newest->policy_id, sorted[i]->policy_id)) {
            newest = sorted[i];
        } else {
            bool twin = version_compare(before->version, sorted[i]->version) == 0;
            ok = supersede(policy, twin ? before : newest, sorted[i], err);
        }
        before = sorted[i];
    }
    free(sorted);
    return ok;
}

bool policy_settle(struct policy *policy, struct error *err)
{
    if (!decide_versions(policy, err) || !reply_apply(policy, err))
        return false;
    policy->instance_count = 0;
    policy->instances = mem_grow(policy->instances, &policy->instance_cap, policy->requested_count,
                                 sizeof(struct instance *));
    for (size_t i = 0; i < policy->requested_count; i++) {
        struct instance *instance = policy->requested[i];
        if (!instance->why_not && !instance->document->why_not)
            policy->instances[policy->instance_count++] = instance;
    }
    return true;
}

const char *policy_site_code(const struct policy *policy)
{
    static const char prefix[] = "SMS:";
    const char *code = NULL;
    for (size_t i = 0; i < policy->document_count; i++) {
        const struct document *document = policy->documents[i];
        if (document->superseded || document->layer == LAYER_LOCAL || !document->policy_id)
            continue;
        if (!document->source || !text_starts_with(document->source, prefix))
            return NULL;
        const char *named = document->source + strlen(prefix);
        if (code && !text_equal(code, named))
            return NULL;
        code = named;
    }
    return code && *code ? code : NULL;
}

/* Life */

void policy_free(struct policy *policy)
{
    arena_free(&policy->arena);
    reply_free(policy);
    free(policy->documents);
    free(policy->requested);
    free(policy->instances);
    free(policy->warnings);
    *policy = (struct policy){0};
}

void policy_warn(struct policy *policy, const char *code, const char *where, const char *format,
                 ...)
{
    va_list args;
    va_start(args, format);
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    policy->warnings = mem_grow(policy->warnings, &policy->warning_cap, policy->warning_count + 1,
                                sizeof *policy->warnings);
    policy->warnings[policy->warning_count++] = (struct policy_warning){
        .code = code,
        .where = arena_copy_string(&policy->arena, where),
        .text = arena_copy_string(&policy->arena, text),
    };
}
