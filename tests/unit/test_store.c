/* The store of fetched policy: sets come in whole or not at all, versions never go down, what is
   damaged is told, leftovers go. */
#include "policy/store.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char path[64];
    int dir;
};

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    snprintf(place->path, sizeof place->path, "/tmp/nearpoint-store-XXXXXX");
    if (!mkdtemp(place->path))
        return -1;
    place->dir = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = place;
    return place->dir < 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    beneath_remove(place->dir, "policy", NULL);
    close(place->dir);
    rmdir(place->path);
    free(place);
    return 0;
}

/* A body: one package whose version tells which body it is. */
static char *body(const char *id, const char *version, const char *inner)
{
    return mem_format("<Policy PolicyID=\"%s\" PolicyVersion=\"%s\" PolicySource=\"SMS:PS1\">"
                      "<PolicyRule><PolicyAction>%s</PolicyAction></PolicyRule></Policy>",
                      id, version, inner);
}

#define PACKAGE                                                                            \
    "<instance class=\"SMS_Package\"><property name=\"PackageID\"><value>PS100001</value>" \
    "</property><property name=\"SourceVersion\"><value>3</value></property></instance>"

static struct store_document document(const char *id, const char *version, const char *text)
{
    struct store_document made = {
        .policy_id = id, .version_text = version, .url = id, .bytes = (int64_t)strlen(text)};
    version_parse(version, made.version);
    hash_bytes(HASH_SHA256, text, strlen(text), made.sha256);
    return made;
}

/* The next set, its bodies kept already. */
struct next {
    struct store_set set;
    struct store_document documents[4];
};

static void next_begin(struct next *next)
{
    *next = (struct next){.set = {.policy_point = "http://mp/reply.xml", .fetched = 1000}};
    hash_bytes(HASH_SHA256, "reply", 5, next->set.reply_sha256);
    next->set.documents = next->documents;
}

static void next_add(struct next *next, struct store *store, const char *id, const char *version,
                     const char *inner)
{
    char *text = body(id, version, inner);
    struct store_document made = document(id, version, text);
    assert_true(store_put(store, text, strlen(text), made.sha256, NULL));
    next->documents[next->set.count++] = made;
    free(text);
}

static struct store *open_store(const struct place *place)
{
    struct error err = {0};
    struct store *store = store_open(place->dir, &err);
    if (!store)
        fail_msg("%s: %s", err.where, err.text);
    return store;
}

static void switch_to(const struct place *place, const char *const (*documents)[2], size_t count)
{
    struct store *store = open_store(place);
    struct next next;
    struct error err = {0};
    next_begin(&next);
    for (size_t i = 0; i < count; i++)
        next_add(&next, store, documents[i][0], documents[i][1], PACKAGE);
    if (!store_switch(store, &next.set, &err))
        fail_msg("%s: %s", err.where, err.text);
    store_close(store);
}

/* "A 1.00, B 2.00" as a reader sees it. */
static void assert_in_force(const struct place *place, const char *expected)
{
    struct store_set set;
    struct policy policy = {.document_count = 0};
    struct error err = {0};
    struct buf text = {0};
    if (!store_load(&set, place->dir, &policy, &err))
        fail_msg("%s: %s", err.where, err.text);
    assert_true(policy_settle(&policy, NULL));
    buf_append_text(&text, "");
    for (size_t i = 0; i < policy.document_count; i++)
        buf_format(&text, "%s%s %s%s", i ? ", " : "", policy.documents[i]->policy_id,
                   policy.documents[i]->version_text, policy.documents[i]->why_not ? " not" : "");
    assert_string_equal(text.data, expected);
    buf_free(&text);
    policy_free(&policy);
    store_free(&set);
}

static size_t count_files(const struct place *place, const char *path)
{
    int fd = beneath_open(place->dir, path, O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fdopendir(fd);
    size_t count = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return count;
}

static void test_nothing(void **state)
{
    const struct place *place = *state;
    struct store_set set;
    struct store_events events;
    assert_true(store_read(&set, place->dir, NULL));
    assert_null(set.policy_point);
    assert_true(store_read(&set, -1, NULL));
    assert_null(set.policy_point);
    store_read_events(&events, place->dir);
    assert_int_equal(events.count, 0);
    store_read_events(&events, -1);
    assert_int_equal(events.count, 0);
    assert_in_force(place, "");
    struct stat st;
    assert_int_not_equal(fstatat(place->dir, "policy", &st, 0), 0); /* reading makes nothing */
}

static void test_record(void **state)
{
    const struct place *place = *state;
    struct store *store = open_store(place);
    struct next next;
    struct store_set set;
    struct stat st;
    next_begin(&next);
    next_add(&next, store, "{A}", "2.00", PACKAGE);
    next.set.etag = "\"e\"";
    next.set.source = "SMS:PS1";
    next.set.checked = 1100;
    next.set.is_signed = true;
    next.set.signing_time = 900;
    next.documents[0].category = "NAAConfig";
    next.documents[0].conditional = true;
    next.documents[0].is_signed = true;
    assert_true(store_switch(store, &next.set, NULL));
    assert_true(store_touch(store, 1200, NULL));
    store_close(store);
    assert_true(store_read(&set, place->dir, NULL));
    assert_string_equal(set.policy_point, "http://mp/reply.xml");
    assert_string_equal(set.etag, "\"e\"");
    assert_string_equal(set.source, "SMS:PS1");
    assert_string_equal(set.reply_sha256, next.set.reply_sha256);
    assert_int_equal(set.fetched, 1000);
    assert_int_equal(set.checked, 1200);
    assert_true(set.is_signed);
    assert_int_equal(set.signing_time, 900);
    assert_int_equal(set.count, 1);
    const struct store_document *kept = &set.documents[0];
    assert_string_equal(kept->policy_id, "{A}");
    assert_string_equal(kept->version_text, "2.00");
    assert_int_equal(kept->version[0], 2);
    assert_string_equal(kept->url, "{A}");
    assert_string_equal(kept->category, "NAAConfig");
    assert_int_equal(kept->bytes, next.documents[0].bytes);
    assert_true(kept->conditional);
    assert_true(kept->is_signed);
    char *path = mem_format("policy/documents/%s", kept->sha256);
    assert_int_equal(fstatat(place->dir, path, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    free(path);
    store_free(&set);
    assert_in_force(place, "{A} 2.00 not");
}

/* Of each pair the first is refused and leaves the old set, its twin comes in. */
static void test_versions(void **state)
{
    const struct place *place = *state;
    static const char *const old[][2] = {{"{A}", "9.00"}, {"B", "2"}};
    static const struct {
        const char *id, *version;
        bool ok;
    } rows[] = {{"{A}", "8.99", false},
                {"{a}", "8.00", false},
                {"{A}", "9.00", true},
                {"{A}", "10.00", true},
                {"C", "1", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        beneath_remove(place->dir, "policy", NULL);
        switch_to(place, old, 2);
        struct store *store = open_store(place);
        struct next next;
        struct error err = {0};
        next_begin(&next);
        char *text = body(rows[i].id, rows[i].version, PACKAGE);
        next.documents[0] = document(rows[i].id, rows[i].version, text);
        next.set.count = 1;
        assert_true(store_put(store, text, strlen(text), next.documents[0].sha256, NULL));
        assert_int_equal(store_switch(store, &next.set, &err), rows[i].ok);
        store_close(store);
        char *expected = mem_format("%s %s", rows[i].id, rows[i].version);
        assert_in_force(place, rows[i].ok ? expected : "{A} 9.00, B 2");
        assert_string_equal(err.code, rows[i].ok ? "" : "OLDER_POLICY");
        free(expected);
        free(text);
    }
}

/* Of each pair the second document is refused, which refuses the set; its twin comes in. */
static void test_bodies(void **state)
{
    const struct place *place = *state;
    static const char *const old[][2] = {{"{A}", "1"}};
    static const struct {
        const char *bad, *code, *good;
    } rows[] = {
        {"<Policy PolicyID=\"B\" PolicyVersion=\"1\">", "XML",
         "<Policy PolicyID=\"B\" PolicyVersion=\"1\"></Policy>"},
        {"<HTML/>", "POLICY_FORM", "<Policy PolicyID=\"B\" PolicyVersion=\"1.00\"></Policy>"},
        {"<Policy PolicyID=\"C\" PolicyVersion=\"1\"></Policy>", "OTHER_POLICY",
         "<Policy PolicyID=\"b\" PolicyVersion=\"1\"></Policy>"},
        {"<Policy PolicyID=\"B\" PolicyVersion=\"2\"></Policy>", "OTHER_POLICY",
         "<Policy PolicyID=\"B\" PolicyVersion=\"1\"/>"},
        {"<Policy PolicyID=\"B\" PolicyVersion=\"1\"><PolicyRule><PolicyAction>"
         "<instance class=\"SMS_Boundary\"><property name=\"BoundaryID\"><value>1</value>"
         "</property><property name=\"BoundaryType\"><value>3</value></property>"
         "<property name=\"Value\"><value>10.0.0.9</value></property></instance>"
         "</PolicyAction></PolicyRule></Policy>",
         "BOUNDARY_VALUE",
         "<Policy PolicyID=\"B\" PolicyVersion=\"1\"><PolicyRule><PolicyAction>"
         "<instance class=\"SMS_Boundary\"><property name=\"BoundaryID\"><value>1</value>"
         "</property><property name=\"BoundaryType\"><value>3</value></property>"
         "<property name=\"Value\"><value>10.0.0.1-10.0.0.9</value></property></instance>"
         "</PolicyAction></PolicyRule></Policy>"},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        bool is_bad = i % 2 == 0;
        const char *text = is_bad ? rows[i / 2].bad : rows[i / 2].good;
        beneath_remove(place->dir, "policy", NULL);
        switch_to(place, old, 1);
        struct store *store = open_store(place);
        struct next next;
        struct error err = {0};
        next_begin(&next);
        next_add(&next, store, "{A}", "2", PACKAGE);
        next.documents[1] = document("B", "1", text);
        next.set.count = 2;
        assert_true(store_put(store, text, strlen(text), next.documents[1].sha256, NULL));
        assert_int_equal(store_switch(store, &next.set, &err), !is_bad);
        store_close(store);
        if (is_bad) {
            assert_int_equal(err.kind, ERROR_INPUT);
            assert_string_equal(err.code, rows[i / 2].code);
            assert_int_equal(strncmp(err.where, "B", 1), 0);
            assert_in_force(place, "{A} 1");
        }
        assert_int_equal(count_files(place, "policy/documents"), is_bad ? 1 : 2);
    }
}

/* A document whose assignment has a Condition is not applied, but must be policy all the same. */
static void test_conditional(void **state)
{
    const struct place *place = *state;
    struct store *store = open_store(place);
    struct next next;
    next_begin(&next);
    next_add(&next, store, "{A}", "1", PACKAGE);
    next_add(&next, store, "B", "1", PACKAGE);
    next.documents[1].conditional = true;
    assert_true(store_switch(store, &next.set, NULL));
    store_close(store);
    assert_in_force(place, "{A} 1, B 1 not");
    struct store_set set;
    struct policy policy = {.document_count = 0};
    assert_true(store_load(&set, place->dir, &policy, NULL));
    assert_true(policy_settle(&policy, NULL));
    assert_int_equal(policy.instance_count, 1);
    assert_non_null(strstr(policy.documents[1]->why_not, "Condition"));
    policy_free(&policy);
    store_free(&set);
}

static void test_leftovers(void **state)
{
    const struct place *place = *state;
    static const char *const first[][2] = {{"{A}", "1"}, {"B", "1"}};
    static const char *const second[][2] = {{"{A}", "2"}};
    switch_to(place, first, 2);
    assert_int_equal(count_files(place, "policy/documents"), 2);
    assert_true(beneath_replace(place->dir, "policy/documents/.X.tmp", "x", 1, 0600, NULL));
    assert_true(beneath_replace(place->dir, "policy/.current.json.tmp", "x", 1, 0600, NULL));
    assert_true(beneath_replace(place->dir, "policy/.events.json.tmp", "x", 1, 0600, NULL));
    switch_to(place, second, 1);
    assert_in_force(place, "{A} 2");
    assert_int_equal(count_files(place, "policy/documents"), 1);
    assert_int_equal(count_files(place, "policy"), 3); /* documents, lock, current.json */
}

static void assert_damaged(const struct place *place, const char *words)
{
    struct store_set set;
    struct policy policy = {.document_count = 0};
    struct error err = {0};
    assert_false(store_load(&set, place->dir, &policy, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.code, "DAMAGED");
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
}

static void test_damage(void **state)
{
    const struct place *place = *state;
    static const char *const documents[][2] = {{"{A}", "1"}, {"B", "1"}};
    static const char *const records[] = {"", "{", "[]", "{\"format\": 1}"};
    struct store_set set;
    switch_to(place, documents, 2);
    assert_true(store_read(&set, place->dir, NULL));
    char *path = mem_format("policy/documents/%s", set.documents[1].sha256);
    struct store *store = open_store(place);
    assert_true(store_is_whole(store));
    assert_true(beneath_replace(place->dir, path, "other", 5, 0600, NULL));
    assert_false(store_is_whole(store));
    assert_damaged(place, "is damaged: 'nearpoint policy fetch'");
    assert_true(beneath_remove(place->dir, path, NULL));
    assert_false(store_is_whole(store));
    assert_damaged(place, "is missing: 'nearpoint policy fetch'");
    store_close(store);
    free(path);
    store_free(&set);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        assert_true(beneath_replace(place->dir, "policy/current.json", records[i],
                                    strlen(records[i]), 0600, NULL));
        assert_damaged(place, "policy reset");
        store = open_store(place);
        assert_null(store_current(store, NULL));
        store_close(store);
        assert_int_equal(count_files(place, "policy/documents"), 1); /* nothing is swept */
    }
    store = open_store(place);
    assert_true(store_reset(store, NULL));
    store_close(store);
    assert_in_force(place, "");
    assert_int_equal(count_files(place, "policy/documents"), 0);
}

struct watcher {
    const struct place *place;
    atomic_bool stop;
    size_t seen, mixed, failed;
};

/* A reader that takes no lock: whatever the writer does, it sees one whole set. */
static void *watch(void *arg)
{
    struct watcher *watcher = arg;
    while (!atomic_load(&watcher->stop)) {
        struct store_set set;
        struct policy policy = {.document_count = 0};
        if (!store_load(&set, watcher->place->dir, &policy, NULL)) {
            watcher->failed++;
            continue;
        }
        watcher->seen++;
        watcher->mixed +=
            policy.document_count != 2 ||
            strcmp(policy.documents[0]->version_text, policy.documents[1]->version_text) != 0;
        policy_free(&policy);
        store_free(&set);
    }
    return NULL;
}

static void test_readers(void **state)
{
    const struct place *place = *state;
    struct watcher watcher = {.place = place};
    pthread_t thread;
    for (int i = 1; i <= 50; i++) {
        char *version = mem_format("%d", i);
        const char *const documents[][2] = {{"{A}", version}, {"B", version}};
        switch_to(place, documents, 2);
        free(version);
        if (i == 1)
            assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
    }
    atomic_store(&watcher.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(watcher.mixed, 0);
    assert_int_equal(watcher.failed, 0);
    assert_true(watcher.seen > 0);
}

/* A record that names a document by anything else than a digest opens nothing. */
static void test_hostile_record(void **state)
{
    const struct place *place = *state;
    static const char *const documents[][2] = {{"{A}", "1"}};
    struct store_set set;
    struct buf text = {0};
    switch_to(place, documents, 1);
    assert_true(store_read(&set, place->dir, NULL));
    assert_true(beneath_read(place->dir, "policy/current.json", 1 << 20, &text, NULL));
    char *at = strstr(text.data, set.documents[0].sha256);
    assert_non_null(at);
    memcpy(at, "../../../etc/passwd", 19);
    assert_true(
        beneath_replace(place->dir, "policy/current.json", text.data, text.len, 0600, NULL));
    assert_damaged(place, "the record");
    buf_free(&text);
    store_free(&set);
}

static void test_lock(void **state)
{
    const struct place *place = *state;
    struct store *store = open_store(place);
    struct error err = {0};
    assert_null(store_open(place->dir, &err));
    assert_string_equal(err.code, "BUSY");
    assert_int_equal(err.kind, ERROR_FAILED);
    store_close(store);
    store = open_store(place);
    store_close(store);
}

static void test_events(void **state)
{
    const struct place *place = *state;
    struct store *store = open_store(place);
    struct store_events events;
    const struct store_event one = {10, STORE_APPLIED, "{A}", "1.00", NULL};
    const struct store_event same[] = {{11, STORE_UNCHANGED, NULL, NULL, NULL},
                                       {12, STORE_UNCHANGED, NULL, NULL, NULL}};
    const struct store_event bad = {13, STORE_REFUSED, NULL, NULL, "no \xFF UTF-8"};
    assert_true(store_note(store, &one, 1, NULL));
    assert_true(store_note(store, &same[0], 1, NULL));
    assert_true(store_note(store, &same[1], 1, NULL));
    assert_true(store_note(store, &bad, 1, NULL));
    store_read_events(&events, place->dir);
    assert_int_equal(events.count, 3);
    assert_int_equal(events.rows[0].time, 10);
    assert_string_equal(events.rows[0].policy_id, "{A}");
    assert_string_equal(events.rows[0].version, "1.00");
    assert_null(events.rows[0].text);
    assert_int_equal(events.rows[1].time, 12);
    assert_int_equal(events.rows[2].kind, STORE_REFUSED);
    assert_string_equal(events.rows[2].text, "no \\xFF UTF-8");
    store_free_events(&events);
    for (int i = 0; i < LIMIT_EVENTS; i++) {
        const struct store_event row = {100 + i, STORE_APPLIED, "{A}", "1.00", NULL};
        assert_true(store_note(store, &row, 1, NULL));
    }
    store_read_events(&events, place->dir);
    assert_int_equal(events.count, LIMIT_EVENTS);
    assert_int_equal(events.rows[0].time, 100);
    store_free_events(&events);
    assert_true(beneath_replace(place->dir, "policy/events.json", "{", 1, 0600, NULL));
    store_read_events(&events, place->dir);
    assert_int_equal(events.count, 0);
    store_free_events(&events);
    store_close(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing),        TEST(test_record),    TEST(test_versions), TEST(test_bodies),
        TEST(test_conditional),    TEST(test_leftovers), TEST(test_damage),   TEST(test_readers),
        TEST(test_hostile_record), TEST(test_lock),      TEST(test_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
