#include "policy/manifest.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"
#include "policy/xml.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct manifest *manifest;
    struct xml_reader *xml;
    unsigned depth;
    size_t cap;
};

/* Refuses the file of that name. */
static bool refuse(const struct reading *reading, struct error *err, const char *name,
                   const char *why)
{
    return xml_refuse(reading->xml, err, "MANIFEST", "the file '%s' %s", name, why);
}

/* The root element */

static const char *copy_attribute(struct reading *reading, const struct xml_element *element,
                                  const char *name)
{
    const char *value = xml_attribute(element, name);
    return value ? arena_copy_string(&reading->manifest->arena, value) : NULL;
}

static bool start_content(struct reading *reading, const struct xml_element *element,
                          struct error *err)
{
    if (strcmp(element->name, "Content") != 0)
        return xml_refuse(reading->xml, err, "MANIFEST",
                          "is not a manifest: its root element is <%s>, not <Content>",
                          element->name);
    reading->manifest->content_id = copy_attribute(reading, element, "ContentId");
    reading->manifest->version = copy_attribute(reading, element, "Version");
    return true;
}

/* Files */

static bool read_hash(const struct xml_element *element, struct manifest_file *file)
{
    const char *algorithm = xml_attribute(element, "HashAlgorithm");
    const char *hash = xml_attribute(element, "Hash");
    if (!algorithm || !hash)
        return false;
    if (text_equal(algorithm, "SHA256"))
        file->algorithm = HASH_SHA256;
    else if (text_equal(algorithm, "SHA1"))
        file->algorithm = HASH_SHA1;
    else
        return false;
    return hash_parse(file->algorithm, hash, file->hash);
}

static bool is_digest_of_nothing(const struct manifest_file *file)
{
    char hex[HASH_HEX_MAX];
    hash_bytes(file->algorithm, "", 0, hex);
    return strcmp(file->hash, hex) == 0;
}

/* Returns NULL, or why the file is refused. */
static const char *read_file(const struct xml_element *element, const char *name,
                             struct manifest_file *file)
{
    const char *size = xml_attribute(element, "Size");
    const char *why = text_refuse_file_name(name, strlen(name));
    if (why)
        return why;
    if (!size || !text_to_int(size, 0, INT64_MAX, &file->size))
        return "has no Size, or one that is not a number from 0";
    if (!read_hash(element, file))
        return "has no Hash of its HashAlgorithm (SHA256 with 64 hexadecimal digits, SHA1 with 40)";
    if (file->size == 0 && !is_digest_of_nothing(file))
        return "is empty but has the digest of something";
    return NULL;
}

static bool start_file(struct reading *reading, const struct xml_element *element,
                       struct error *err)
{
    struct manifest *manifest = reading->manifest;
    const char *name = xml_attribute(element, "Name");
    struct manifest_file file = {0};
    const char *why = name ? read_file(element, name, &file) : "has no Name";
    if (why)
        return refuse(reading, err, name ? name : "", why);
    if (manifest->count == LIMIT_MANIFEST_FILES)
        return xml_refuse(reading->xml, err, "MANIFEST", "has more than %d files",
                          LIMIT_MANIFEST_FILES);
    if (__builtin_add_overflow(manifest->bytes, file.size, &manifest->bytes))
        return refuse(reading, err, name, "makes the sum of the sizes overflow");
    file.name = arena_copy_string(&manifest->arena, name);
    manifest->files =
        mem_grow(manifest->files, &reading->cap, manifest->count + 1, sizeof *manifest->files);
    manifest->files[manifest->count++] = file;
    return true;
}

/* Events */

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct reading *reading = arg;
    unsigned depth = reading->depth++;
    if (depth == 0)
        return start_content(reading, element, err);
    if (strcmp(element->name, "FileContent") != 0)
        return true;
    if (depth == 1)
        return start_file(reading, element, err);
    return xml_refuse(reading->xml, err, "MANIFEST", "<FileContent> stands in the wrong place");
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    (void)name, (void)err;
    struct reading *reading = arg;
    reading->depth--;
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    (void)arg, (void)text, (void)len, (void)err;
    return true;
}

/* Names that cannot stand beside each other */

static int by_name(const void *a, const void *b)
{
    return folder_compare_names(*(const char *const *)a, *(const char *const *)b);
}

/* Of two neighbours in that order: are they one name, or is the first a folder of the second? */
static const char *clash(const char *first, const char *second)
{
    if (folder_compare_names(first, second) == 0)
        return "stands twice or differs by case only, as";
    return folder_holds(first, second) ? "is a file and also a folder, of" : NULL;
}

static bool check_names(const struct reading *reading, struct error *err)
{
    const struct manifest *manifest = reading->manifest;
    const char **names = mem_zero(manifest->count, sizeof *names);
    for (size_t i = 0; i < manifest->count; i++)
        names[i] = manifest->files[i].name;
    qsort(names, manifest->count, sizeof *names, by_name);
    bool ok = true;
    for (size_t i = 1; ok && i < manifest->count; i++) {
        const char *why = clash(names[i - 1], names[i]);
        if (why)
            ok = xml_refuse(reading->xml, err, "MANIFEST", "the file '%s' %s '%s'", names[i - 1],
                            why, names[i]);
    }
    free(names);
    return ok;
}

static int by_digest(const void *a, const void *b)
{
    const struct manifest_file *left = *(const struct manifest_file *const *)a;
    const struct manifest_file *right = *(const struct manifest_file *const *)b;
    return strcmp(left->hash, right->hash);
}

/* Bytes of one digest have one size. */
static bool check_digests(const struct reading *reading, struct error *err)
{
    const struct manifest *manifest = reading->manifest;
    const struct manifest_file **files = mem_zero(manifest->count, sizeof *files);
    for (size_t i = 0; i < manifest->count; i++)
        files[i] = &manifest->files[i];
    qsort(files, manifest->count, sizeof *files, by_digest);
    bool ok = true;
    for (size_t i = 1; ok && i < manifest->count; i++)
        if (strcmp(files[i - 1]->hash, files[i]->hash) == 0 && files[i - 1]->size != files[i]->size)
            ok = xml_refuse(reading->xml, err, "MANIFEST",
                            "the files '%s' and '%s' have one digest and two sizes",
                            files[i - 1]->name, files[i]->name);
    free(files);
    return ok;
}

bool manifest_read(struct manifest *manifest, const char *xml, size_t len, const char *where,
                   struct error *err)
{
    static const struct xml_handlers handlers = {on_start, on_end, on_text, .many_roots = false};
    *manifest = (struct manifest){0};
    struct reading reading = {.manifest = manifest};
    reading.xml = xml_open(&handlers, &reading, where);
    bool ok = xml_feed(reading.xml, xml, len, err) && xml_finish(reading.xml, err) &&
              check_names(&reading, err) && check_digests(&reading, err);
    xml_close(reading.xml);
    if (ok)
        return true;
    manifest_free(manifest);
    if (err)
        snprintf(err->code, sizeof err->code, "MANIFEST");
    return false;
}

void manifest_free(struct manifest *manifest)
{
    arena_free(&manifest->arena);
    free(manifest->files);
    *manifest = (struct manifest){0};
}
