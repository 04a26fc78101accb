/* A file being received: streams in any order, its record, closing, failing and going on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>

#include "tests/unit/parted.h"

#define SIZE 3000001
#define SEED 20260112u

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    make_place(place, SIZE, HASH_SHA256, SEED);
    disk_left = -1;
    no_blocks = false;
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    free_place(*state);
    free(*state);
    return 0;
}

static void test_one_stream(void **state)
{
    struct place *place = *state;
    open_part(place);
    send_run(place, 0, SIZE);
    assert_int_equal(part_front(place->part), SIZE);
    finish_part(place);
    assert_false(has_beside(place, ".ahead")); /* the length is enough */
    char *path = mem_format("%s/" STAGED "/tree/sub/big.cab", place->folder);
    assert_int_equal(access(path, R_OK), 0);
    free(path);
}

static void test_empty_file(void **state)
{
    (void)state;
    struct place place;
    make_place(&place, 0, HASH_SHA256, SEED);
    open_part(&place);
    finish_part(&place);
    free_place(&place);
}

/* Several streams over runs of any size, in turn for any number of bytes, broken off and resumed.
 */
static void receive_at_random(struct place *place, uint64_t *dice)
{
    struct part_stream streams[4] = {{.room = no_matter}};
    bool busy[4] = {false};
    struct span gap;
    size_t open = 0;
    do {
        size_t i = roll(dice, 4);
        if (!busy[i] && part_gap(place->part, (int64_t)roll(dice, SIZE), &gap)) {
            int64_t most = gap.start + 1 + (int64_t)roll(dice, 700000);
            streams[i].room = no_matter;
            part_stream_begin(place->part, &streams[i], gap.start, most < gap.end ? most : gap.end);
            busy[i] = true;
            open++;
        } else if (busy[i]) {
            send_bytes(place, &streams[i], place->bytes, (int64_t)roll(dice, 400000));
            if (streams[i].at == streams[i].end || roll(dice, 4) == 0) {
                part_stream_end(place->part, &streams[i]);
                busy[i] = false;
                open--;
            }
        }
    } while (!place->ended && (open || part_gap(place->part, 0, &gap)));
}

static void test_any_order(void **state)
{
    (void)state;
    for (uint64_t seed = SEED; seed < SEED + 24; seed++) {
        struct place place;
        uint64_t dice = seed;
        make_place(&place, SIZE, seed % 2 ? HASH_SHA1 : HASH_SHA256, seed);
        place.pool.queued_max = roll(&dice, 6);
        open_part(&place);
        receive_at_random(&place, &dice);
        assert_int_equal(part_received(place.part), SIZE);
        assert_int_equal(part_front(place.part), SIZE);
        finish_part(&place);
        char hex[HASH_HEX_MAX];
        hash_bytes(HASH_SHA256, place.bytes, SIZE, hex);
        assert_string_equal(place.file->sha256, hex);
        free_place(&place);
    }
}

/* What lay ahead is more than is read back between two writes: the rest is, before it is judged. */
static void test_much_ahead(void **state)
{
    (void)state;
    struct place place;
    make_place(&place, 20 << 20, HASH_SHA256, SEED);
    open_part(&place);
    send_run(&place, 100000, 20 << 20);
    send_run(&place, 0, 100000);
    finish_part(&place);
    free_place(&place);
}

static void test_gaps_leave_out_streams(void **state)
{
    struct place *place = *state;
    struct part_stream a = {.room = no_matter}, b = {.room = no_matter};
    struct span gap;
    open_part(place);
    part_stream_begin(place->part, &a, 1000, 2000);
    part_stream_begin(place->part, &b, 2000, 3000);
    assert_true(part_gap(place->part, 0, &gap));
    assert_int_equal(gap.end, 1000);
    assert_true(part_gap(place->part, 1500, &gap));
    assert_int_equal(gap.start, 3000);
    assert_int_equal(gap.end, SIZE);
    b.end = 2500; /* another takes over the rest */
    assert_true(part_gap(place->part, 1000, &gap));
    assert_int_equal(gap.start, 2500);
    send_bytes(place, &a, place->bytes, 500);
    part_stream_end(place->part, &a);
    part_stream_end(place->part, &a); /* not open any more */
    assert_true(part_gap(place->part, 1000, &gap));
    assert_int_equal(gap.start, 1500);
    assert_int_equal(gap.end, 2000);
    assert_int_equal(part_received(place->part), 500);
    assert_int_equal(part_front(place->part), 0);
    part_stream_end(place->part, &b);
    close_part(place);
}

/* What lies beyond the stream's run is not taken. */
static void test_not_beyond_the_run(void **state)
{
    struct place *place = *state;
    struct part_stream stream = {.room = no_matter};
    open_part(place);
    part_stream_begin(place->part, &stream, 0, 100);
    assert_true(part_write(place->part, &stream, place->bytes, 5000));
    assert_int_equal(stream.at, 100);
    part_stream_end(place->part, &stream);
    close_part(place);
    assert_int_equal(stat_beside(place, "").st_size, 100);
}

static void test_closed_and_opened_again(void **state)
{
    struct place *place = *state;
    for (size_t i = 0; i < 5; i++) {
        int64_t start = 300000 * (int64_t)(5 - i);
        open_part(place);
        assert_int_equal(part_received(place->part), 100000 * (int64_t)i);
        assert_int_equal(check_claims(place), 100000 * (int64_t)i);
        send_run(place, start, start + 100000);
        close_part(place);
        assert_int_equal(place->file->found, STAGED_PART);
    }
    open_part(place);
    send_rest(place);
    finish_part(place);
}

/* Closed while the front has not caught up, and while it was in order before. */
static void test_in_order_after_a_record(void **state)
{
    struct place *place = *state;
    open_part(place);
    send_run(place, 500000, 600000);
    send_run(place, 0, 500000);
    close_part(place);
    open_part(place);
    assert_int_equal(part_front(place->part), 600000);
    send_run(place, 600000, 900000);
    close_part(place);
    open_part(place);
    assert_int_equal(check_claims(place), 900000);
    send_rest(place);
    finish_part(place);
}

static void test_nothing_received(void **state)
{
    struct place *place = *state;
    open_part(place);
    close_part(place);
    assert_int_equal(place->file->found, STAGED_NONE);
}

static void test_wrong_then_anew(void **state)
{
    struct place *place = *state;
    open_part(place);
    send_run(place, 1000000, 2000000);
    place->bytes[5] ^= 1;
    send_rest(place);
    place->bytes[5] ^= 1;
    part_finish(place->part);
    await_end(place, PART_WRONG);
    assert_string_equal(place->error.code, "HASH_MISMATCH");
    assert_int_equal(part_received(place->part), 0);
    assert_int_equal(stat_beside(place, "").st_size, 0);
    assert_false(has_beside(place, ".ahead"));
    place->ended = false;
    send_rest(place);
    finish_part(place);
}

static void test_restart(void **state)
{
    struct place *place = *state;
    open_part(place);
    place->bytes[700000] ^= 1;
    send_run(place, 600000, 1600000);
    place->bytes[700000] ^= 1;
    part_restart(place->part);
    assert_int_equal(part_received(place->part), 0);
    send_rest(place);
    finish_part(place);
}

/* Bytes that the digest has seen stay, whoever sends others for the same place. */
static void test_sent_twice(void **state)
{
    struct place *place = *state;
    open_part(place);
    send_run(place, 0, 1000000);
    while (!has_beside(place, "") || stat_beside(place, "").st_size < 1000000)
        turn(place);
    memset(place->bytes, 0, 1000000);
    send_run(place, 400000, 600000);
    send_run(place, 900000, 1100000);
    send_rest(place);
    part_finish(place->part);
    await_end(place, PART_KEPT);
    char hex[HASH_HEX_MAX];
    char *path = beside(place, ""), *read = mem_zero(SIZE, 1);
    int fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, read, SIZE, 0), SIZE);
    hash_bytes(HASH_SHA256, read, SIZE, hex);
    assert_string_equal(hex, place->listed.hash);
    close(fd);
    free(read);
    free(path);
}

static void test_preallocated(void **state)
{
    struct place *place = *state;
    open_part(place);
    send_run(place, 0, 1000);
    close_part(place);
    struct stat st = stat_beside(place, "");
    assert_int_equal(st.st_size, 1000);
    assert_true(blocks_given);
    assert_true(st.st_blocks * 512 >= SIZE);
    assert_int_equal(place->file->on_disk, st.st_blocks * 512);
}

/* ---- no room ---- */

struct refused {
    struct place *place;
    struct part_stream stream;
    struct refused *other; /* to be ended */
    size_t rooms;
};

static void on_room(void *arg)
{
    struct refused *refused = arg;
    refused->rooms++;
    if (refused->other)
        part_stream_end(refused->place->part, &refused->other->stream);
    part_write(refused->place->part, &refused->stream, refused->place->bytes + refused->stream.at,
               1);
}

static void refuse(struct refused *refused, struct place *place, int64_t start)
{
    refused->place = place;
    refused->stream = (struct part_stream){.room = on_room, .arg = refused};
    part_stream_begin(place->part, &refused->stream, start, SIZE);
    while (part_write(place->part, &refused->stream, place->bytes + refused->stream.at, 10000))
        continue;
}

static void test_room_for_all(void **state)
{
    struct place *place = *state;
    struct refused a = {0}, b = {0}, c = {0};
    place->pool.queued_max = 1;
    open_part(place);
    refuse(&a, place, 0);
    refuse(&b, place, 1000000);
    refuse(&c, place, 2000000);
    assert_false(part_write(place->part, &a.stream, "x", 1));
    while (a.rooms + b.rooms + c.rooms < 3)
        turn(place);
    assert_int_equal(a.rooms, 1);
    assert_int_equal(b.rooms, 1);
    assert_int_equal(c.rooms, 1);
    part_stream_end(place->part, &a.stream);
    part_stream_end(place->part, &b.stream);
    part_stream_end(place->part, &c.stream);
    close_part(place);
    open_part(place);
    check_claims(place);
    close_part(place);
}

/* The one that is told first ends the other, which is told nothing then. */
static void test_ended_while_told(void **state)
{
    struct place *place = *state;
    struct refused a = {0}, b = {0};
    place->pool.queued_max = 1;
    open_part(place);
    refuse(&a, place, 0);
    refuse(&b, place, 1000000);
    a.other = &b;
    b.other = &a;
    while (a.rooms + b.rooms < 1)
        turn(place);
    part_stream_end(place->part, &a.stream);
    part_stream_end(place->part, &b.stream);
    close_part(place);
    assert_int_equal(a.rooms + b.rooms, 1);
}

/* ---- a disk that is full, and has room again ---- */

static void test_full(void **state)
{
    struct place *place = *state;
    open_part(place);
    send_run(place, 1000000, 1200000);
    disk_left = 900000;
    send_rest(place);
    end_part(place, PART_FAILED);
    assert_string_equal(place->error.code, "ENOSPC");
    assert_int_equal(place->error.blame, BLAME_DISK);
    assert_int_equal(place->file->found, STAGED_PART);
    disk_left = -1;
    open_part(place);
    assert_true(check_claims(place) >= 700000);
    send_rest(place);
    finish_part(place);
}

static void test_no_blocks(void **state)
{
    struct place *place = *state;
    no_blocks = true;
    open_part(place);
    send_rest(place);
    end_part(place, PART_FAILED);
    assert_string_equal(place->error.code, "ENOSPC");
    no_blocks = false;
    open_part(place);
    send_rest(place);
    finish_part(place);
}

/* The tree takes the file or leaves it: where a name is in the way the part stays what it was. */
static void test_tree_refuses(void **state)
{
    struct place *place = *state;
    char *path = mem_format("%s/" STAGED "/tree/sub", place->folder);
    open_part(place);
    send_rest(place);
    put(path, "", 0);
    part_finish(place->part);
    end_part(place, PART_FAILED);
    assert_int_equal(place->file->kept, false);
    assert_int_equal(unlink(path), 0);
    free(path);
    open_part(place);
    assert_int_equal(check_claims(place), SIZE);
    finish_part(place);
}

/* ---- leaving off ---- */

struct hold {
    sem_t told, passed;
    size_t left;
};

static void wait_for(void *arg)
{
    sem_wait(&((struct hold *)arg)->told);
}

static void let_go(void *arg)
{
    ((struct hold *)arg)->left--;
}

/* The loop's two workers are busy until the part was told. */
static void interrupt_at_once(struct place *place)
{
    struct loop_work works[2];
    struct hold hold = {.left = 2};
    sem_init(&hold.told, 0, 0);
    for (size_t i = 0; i < 2; i++) {
        works[i] = (struct loop_work){.run = wait_for, .done = let_go, .arg = &hold};
        loop_work_submit(place->loop, &works[i]);
    }
    create_part(place);
    assert_false(part_open(place->part));
    part_interrupt(place->part);
    sem_post(&hold.told);
    sem_post(&hold.told);
    end_part(place, PART_CLOSED);
    while (hold.left)
        turn(place);
    sem_destroy(&hold.told);
}

static void pass(void *arg)
{
    sem_post(&((struct hold *)arg)->passed);
}

/* A worker has opened it, and the loop has not heard of that. */
static void test_interrupted_late(void **state)
{
    struct place *place = *state;
    struct hold hold = {.left = 2};
    struct loop_work blocks = {.run = wait_for, .done = let_go, .arg = &hold};
    struct loop_work follows = {.run = pass, .done = let_go, .arg = &hold};
    open_part(place);
    send_run(place, 0, 2000000);
    close_part(place);
    sem_init(&hold.told, 0, 0);
    sem_init(&hold.passed, 0, 0);
    loop_work_submit(place->loop, &blocks);
    create_part(place);
    assert_false(part_open(place->part));
    loop_work_submit(place->loop, &follows);
    sem_wait(&hold.passed); /* the other worker has done what came before */
    part_interrupt(place->part);
    sem_post(&hold.told);
    end_part(place, PART_CLOSED);
    assert_false(place->opened);
    while (hold.left)
        turn(place);
    sem_destroy(&hold.told);
    sem_destroy(&hold.passed);
}

static void test_interrupted(void **state)
{
    struct place *place = *state;
    open_part(place);
    send_run(place, 0, 2000000);
    close_part(place);
    interrupt_at_once(place);
    assert_int_equal(place->file->found, STAGED_PART);
    open_part(place);
    assert_int_equal(check_claims(place), 2000000);
    part_interrupt(place->part); /* nothing was under way */
    end_part(place, PART_CLOSED);
}

static void test_interrupted_library(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    open_part(place);
    send_rest(place);
    finish_part(place);
    assert_true(staging_publish(place->staging, &err));
    staging_close(place->staging);
    open_staging(place);
    assert_int_equal(place->file->found, STAGED_LIBRARY);
    interrupt_at_once(place);
    assert_int_equal(place->file->found, STAGED_LIBRARY);
    open_part(place);
    end_part(place, PART_KEPT);
}

static void test_closed_while_writing(void **state)
{
    struct place *place = *state;
    struct part_stream stream = {.room = no_matter};
    open_part(place);
    part_stream_begin(place->part, &stream, 5000, SIZE);
    send_bytes(place, &stream, place->bytes, 1000000);
    part_stream_end(place->part, &stream);
    close_part(place);
    open_part(place);
    assert_int_equal(check_claims(place), 1000000);
    part_free(place->part); /* as the end of the process would */
    place->part = NULL;
}

static void test_validator(void **state)
{
    struct place *place = *state;
    open_part(place);
    send_run(place, 0, 100000);
    part_note_origin(place->part, "http://a/x", "\"1\"");
    assert_string_equal(part_validator(place->part, "http://a/x"), "\"1\"");
    send_run(place, 100000, 200000);
    close_part(place);
    open_part(place);
    assert_string_equal(part_validator(place->part, "http://a/x"), "\"1\"");
    assert_string_equal(part_validator(place->part, "http://b/x"), "");
    part_note_origin(place->part, "http://b/x", "\"2\"");
    assert_string_equal(part_validator(place->part, "http://a/x"), "");
    close_part(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_one_stream),
        TEST(test_empty_file),
        TEST(test_any_order),
        TEST(test_much_ahead),
        TEST(test_gaps_leave_out_streams),
        TEST(test_not_beyond_the_run),
        TEST(test_closed_and_opened_again),
        TEST(test_in_order_after_a_record),
        TEST(test_nothing_received),
        TEST(test_wrong_then_anew),
        TEST(test_restart),
        TEST(test_sent_twice),
        TEST(test_preallocated),
        TEST(test_room_for_all),
        TEST(test_ended_while_told),
        TEST(test_full),
        TEST(test_no_blocks),
        TEST(test_tree_refuses),
        TEST(test_interrupted),
        TEST(test_interrupted_late),
        TEST(test_interrupted_library),
        TEST(test_closed_while_writing),
        TEST(test_validator),
    };
    print_message("seed %u\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
