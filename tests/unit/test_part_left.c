/* What a run that was killed leaves at any moment, and what others leave in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/parted.h"

#define SIZE 2000003
#define SEED 20260113u

/* ---- killed ---- */

/* Folders as a kill in the middle of a write would leave them. */
#define PICTURES 12
struct pictures {
    struct place *place;
    uint64_t dice;
    size_t count;
    char folders[PICTURES][64];
};

static void copy_beside(const struct place *from, const struct place *to, const char *ending)
{
    char *source = beside(from, ending), *target = beside(to, ending);
    int in = open(source, O_RDONLY | O_CLOEXEC);
    if (in >= 0) {
        char *bytes = mem_resize(NULL, SIZE, 1);
        ssize_t len = pread(in, bytes, SIZE, 0);
        assert_true(len >= 0);
        put(target, bytes, (size_t)len);
        free(bytes);
        close(in);
    }
    free(source);
    free(target);
}

static void take_picture(void *arg)
{
    struct pictures *pictures = arg;
    if (pictures->count == PICTURES || roll(&pictures->dice, 3) != 0)
        return;
    struct place copy = {.listed = pictures->place->listed};
    make_folder(&copy);
    char *path = mem_format("%s/Staging", copy.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
    path = mem_format("%s/" STAGED, copy.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
    copy_beside(pictures->place, &copy, "");
    copy_beside(pictures->place, &copy, ".ahead");
    memcpy(pictures->folders[pictures->count++], copy.folder, sizeof copy.folder);
}

/* In runs of blocks that are shuffled; at the end of half of them the part is closed. */
static void receive_shuffled(struct place *place, uint64_t *dice)
{
    int64_t starts[9], block = SIZE / 8;
    for (size_t i = 0; i < 9; i++) {
        size_t other = roll(dice, i + 1);
        starts[i] = starts[other];
        starts[other] = (int64_t)i * block;
    }
    for (size_t i = 0; i < 9; i++) {
        int64_t end = starts[i] + block < SIZE ? starts[i] + block : SIZE;
        send_run(place, starts[i], end);
        if (roll(dice, 2)) {
            close_part(place);
            open_part(place);
        }
    }
}

static void look_at(const struct place *place, const char *folder)
{
    struct place copy = {.listed = place->listed, .bytes = place->bytes};
    memcpy(copy.folder, folder, sizeof copy.folder);
    use_folder(&copy);
    open_staging(&copy);
    open_part(&copy);
    assert_null(part_note(copy.part));
    check_claims(&copy);
    send_rest(&copy);
    finish_part(&copy);
    leave(&copy);
}

static void test_killed(void **state)
{
    (void)state;
    for (uint64_t seed = SEED; seed < SEED + 8; seed++) {
        struct place place;
        uint64_t dice = seed;
        struct pictures pictures = {.place = &place, .dice = seed};
        make_place(&place, SIZE, HASH_SHA256, seed);
        between_arg = &pictures;
        between_writes = take_picture;
        open_part(&place);
        receive_shuffled(&place, &dice);
        finish_part(&place);
        between_writes = NULL;
        assert_true(pictures.count > 3);
        for (size_t i = 0; i < pictures.count; i++)
            look_at(&place, pictures.folders[i]);
        free_place(&place);
    }
}

/* ---- records that are none ---- */

struct row {
    const char *record;
    size_t len;      /* 0: the text's */
    int64_t claimed; /* of a part of 1000 bytes */
    bool noted;
};

static const struct row rows[] = {
    {"0 100\n", 0, 100, false},
    {"0 100\n200 300\n", 0, 200, false},
    {"0 0\n200 300\n", 0, 100, false},
    {"0 100\n50 300\n", 0, 300, false},
    {"0 100\n200 300\n400 50", 0, 200, false},
    {"0 100\n900 5000\n", 0, 200, false},
    {"0 100\n5000 6000\n", 0, 100, false},
    {"0 5000\n", 0, 1000, false},
    {"0 100\nx\n200 300\n", 0, 100, false},
    {"0 100\n300 200\n400 500\n", 0, 100, false},
    {"0 100\n300 300\n400 500\n", 0, 100, false},
    {"0 100\n-5 300\n", 0, 100, false},
    {"0 100\n200  300\n", 0, 100, false},
    {"0 100\n200 300 400\n", 0, 100, false},
    {"0 100\n200 300\0\n400 500\n", 22, 100, false},
    {"0 100\n200 99999999999999999999\n", 0, 100, false},
    {"", 0, 0, true},
    {"0 100", 0, 0, true},
    {"0 100\r\n", 0, 0, true},
    {"5 100\n", 0, 0, true},
    {"0 99999999999999999999\n", 0, 0, true},
    {"\n0 100\n", 0, 0, true},
    {"0\n", 0, 0, true},
};

static void begin_with(struct place *place, const char *record, size_t len)
{
    make_place(place, SIZE, HASH_SHA256, SEED);
    put_beside(place, "", place->bytes, 1000);
    if (record)
        put_beside(place, ".ahead", record, len);
    staging_close(place->staging);
    open_staging(place);
}

static void goes_on(struct place *place, const char *what, int64_t claimed, bool noted)
{
    assert_int_equal(place->file->found, STAGED_PART);
    open_part(place);
    if (check_claims(place) != claimed || (part_note(place->part) != NULL) != noted)
        fail_msg("%s: %lld: %s", what, (long long)part_received(place->part),
                 part_note(place->part));
    send_run(place, 1500000, 1600000);
    close_part(place);
    open_part(place);
    assert_int_equal(check_claims(place), claimed + 100000);
    send_rest(place);
    finish_part(place);
}

static void test_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place;
        begin_with(&place, rows[i].record, rows[i].len ? rows[i].len : strlen(rows[i].record));
        goes_on(&place, rows[i].record, rows[i].claimed, rows[i].noted);
        free_place(&place);
    }
}

/* Half a last line is no beginning of the next. */
static void test_torn_line_is_not_gone_on_with(void **state)
{
    (void)state;
    struct place place;
    begin_with(&place, "0 100\n1", 7);
    open_part(&place);
    send_run(&place, 0, 50);
    send_run(&place, 500, 900);
    close_part(&place);
    open_part(&place);
    assert_int_equal(check_claims(&place), 500);
    close_part(&place);
    free_place(&place);
}

static void test_huge_record(void **state)
{
    (void)state;
    struct place place;
    struct buf text = {0};
    while (text.len <= 8 << 20)
        buf_append_text(&text, text.len ? "100 200\n" : "0 1000\n");
    begin_with(&place, text.data, text.len);
    goes_on(&place, "huge", 0, true);
    free_place(&place);
    buf_free(&text);
}

/* The record is made anew before it is larger than what is read. */
static void test_long_run_of_small_writes(void **state)
{
    (void)state;
    struct place place;
    struct staged_part part;
    struct spans have = {0};
    struct error err = {0};
    begin_with(&place, NULL, 0);
    assert_true(staging_open_part(place.staging, place.file, &part, &have, &err));
    assert_true(staging_begin_record(place.staging, place.file, &part, &have, &err));
    for (int64_t i = 0; i < 100000; i++) {
        struct spans runs = {0};
        spans_add(&runs, 1000000 + i, 1000001 + i);
        spans_add(&have, 1000000 + i, 1000001 + i);
        assert_true(staging_add_to_record(place.staging, place.file, &part, &runs, &have, &err));
        spans_free(&runs);
    }
    assert_true(stat_beside(&place, ".ahead").st_size < 11 << 17);
    assert_int_equal(ftruncate(part.fd, SIZE), 0);
    assert_true(staging_close_part(place.file, &part, &err));
    have.count = 0;
    assert_true(staging_open_part(place.staging, place.file, &part, &have, &err));
    assert_int_equal(spans_total(&have), 101000);
    assert_true(staging_close_part(place.file, &part, &err));
    spans_free(&have);
    free_place(&place);
}

/* ---- what is no file in its place ---- */

enum planted { FIFO, LINK, HARD_LINK, FOLDER, PLANTED_END };
static const char *const planted_names[] = {"FIFO", "link", "hard link", "folder"};

static void plant(const struct place *place, enum planted what, const char *outside)
{
    char *path = beside(place, ".ahead");
    switch (what) {
    case FIFO: assert_int_equal(mkfifo(path, 0600), 0); break;
    case LINK: assert_int_equal(symlink(outside, path), 0); break;
    case HARD_LINK: assert_int_equal(link(outside, path), 0); break;
    case FOLDER: assert_int_equal(mkdir(path, 0700), 0); break;
    case PLANTED_END: break;
    }
    free(path);
}

static void test_planted(void **state)
{
    (void)state;
    for (int what = FIFO; what < PLANTED_END; what++) {
        struct place place;
        char outside[] = "/tmp/nearpoint-outside-XXXXXX", text[8] = "";
        int fd = mkstemp(outside);
        assert_true(beneath_write_all(fd, "0 100\n", 6));
        begin_with(&place, NULL, 0);
        plant(&place, (enum planted)what, outside);
        goes_on(&place, planted_names[what], what == HARD_LINK ? 100 : 0, what != HARD_LINK);
        assert_int_equal(pread(fd, text, sizeof text, 0), 6);
        assert_string_equal(text, "0 100\n");
        close(fd);
        unlink(outside);
        free_place(&place);
    }
}

/* Where there is no part there is no record to read, and one made later takes its place. */
static void test_record_without_a_part(void **state)
{
    (void)state;
    for (int what = FIFO; what < PLANTED_END; what++) {
        struct place place;
        make_place(&place, SIZE, HASH_SHA256, SEED);
        if (what != HARD_LINK)
            plant(&place, (enum planted)what, "/tmp");
        else
            put_beside(&place, ".ahead", "0 5000000\n", 10);
        open_part(&place);
        send_run(&place, 500000, 600000);
        send_run(&place, 0, 100);
        close_part(&place);
        open_part(&place);
        assert_int_equal(check_claims(&place), 100100);
        send_rest(&place);
        finish_part(&place);
        free_place(&place);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    struct place place;
    begin_with(&place, "0 1000\n", 7);
    char *path = beside(&place, "");
    assert_int_equal(truncate(path, SIZE + 1), 0);
    free(path);
    open_part(&place);
    assert_string_equal(part_note(place.part), "the part is longer than the file");
    assert_int_equal(part_received(place.part), 0);
    send_rest(&place);
    finish_part(&place);
    free_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_torn_line_is_not_gone_on_with),
        cmocka_unit_test(test_huge_record),
        cmocka_unit_test(test_long_run_of_small_writes),
        cmocka_unit_test(test_planted),
        cmocka_unit_test(test_record_without_a_part),
        cmocka_unit_test(test_too_long),
    };
    print_message("seed %u\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
