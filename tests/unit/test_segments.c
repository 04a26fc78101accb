/* Which intervals hold a number: the cut line and its tree against each interval asked alone. */
#include "agent/location/segments.h"
#include "policy/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#define SEED 20071206u

static uint64_t roll(uint64_t *dice)
{
    uint64_t value = *dice += 0x9E3779B97F4A7C15ULL;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31);
}

static address_number roll_number(uint64_t *dice)
{
    return ((address_number)roll(dice) << 64) | roll(dice);
}

static int by_id(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* The IDs of all that hold it, ascending, none twice. */
static size_t find_all(const struct segments *segments, address_number address, uint32_t *ids)
{
    size_t count;
    const uint32_t *listed = segments_find(segments, address, &count);
    for (size_t i = 0; i < count; i++) {
        ids[i] = listed[i];
        assert_true(i == 0 || listed[i] > listed[i - 1]);
    }
    count += segments_find_wide(segments, address, ids + count);
    if (count)
        qsort(ids, count, sizeof *ids, by_id);
    return count;
}

static void check_point(const struct segments *segments, const struct interval *intervals,
                        size_t count, address_number address, uint32_t *room)
{
    size_t found = find_all(segments, address, room), at = 0;
    for (size_t i = 0; i < count; i++) {
        if (intervals[i].first > address || intervals[i].last < address)
            continue;
        assert_true(at < found);
        assert_int_equal(room[at++], intervals[i].id);
    }
    assert_int_equal(at, found);
}

/* At, before and after the ends of so many intervals, at both ends of the line and anywhere. */
static void check_points(const struct segments *segments, const struct interval *intervals,
                         size_t count, size_t tried, uint64_t *dice)
{
    uint32_t *room = mem_zero(count + 1, sizeof *room);
    check_point(segments, intervals, count, 0, room);
    check_point(segments, intervals, count, ADDRESS_MAX, room);
    for (size_t i = 0; i < tried && count; i++) {
        const struct interval *one = &intervals[tried < count ? roll(dice) % count : i];
        const address_number points[] = {one->first - 1,   one->first, one->first + 1,
                                         one->last - 1,    one->last,  one->last + 1,
                                         roll_number(dice)};
        for (size_t j = 0; j < sizeof points / sizeof points[0]; j++)
            check_point(segments, intervals, count, points[j], room);
    }
    free(room);
}

/* How many stood apart. */
static size_t check_set(const struct interval *intervals, size_t count, size_t tried,
                        uint64_t *dice)
{
    struct segments segments;
    segments_build(&segments, intervals, count);
    check_points(&segments, intervals, count, tried, dice);
    size_t apart = segments.wide_count;
    segments_free(&segments);
    return apart;
}

static void none(void **state)
{
    uint64_t dice = SEED;
    (void)state;
    assert_int_equal(check_set(NULL, 0, 0, &dice), 0);
}

static void ends_of_the_line(void **state)
{
    static const struct interval intervals[] = {
        {0, 0, 2},           {0, ADDRESS_MAX, 3},
        {1, 1, 5},           {ADDRESS_MAX, ADDRESS_MAX, 7},
        {0, ADDRESS_MAX, 8}, {ADDRESS_MAX - 1, ADDRESS_MAX, 9},
        {0, 1, 10},          {1, ADDRESS_MAX - 1, 11},
    };
    uint64_t dice = SEED;
    (void)state;
    for (size_t from = 0; from < 8; from++)
        for (size_t count = 1; from + count <= 8; count++)
            check_set(intervals + from, count, count, &dice);
}

/* Touching, equal and overlapping ones, few enough to try every number. */
static void small_line(void **state)
{
    (void)state;
    for (uint64_t seed = SEED; seed < SEED + 400; seed++) {
        uint64_t dice = seed;
        struct interval intervals[12];
        uint32_t room[12];
        struct segments segments;
        size_t count = roll(&dice) % 13;
        for (size_t i = 0; i < count; i++) {
            address_number first = roll(&dice) % 30;
            intervals[i] = (struct interval){first, first + roll(&dice) % 6, (uint32_t)(3 * i)};
        }
        segments_build(&segments, intervals, count);
        for (address_number address = 0; address < 40; address++)
            check_point(&segments, intervals, count, address, room);
        segments_free(&segments);
    }
}

static void same_many_times(void **state)
{
    struct interval intervals[300];
    uint64_t dice = SEED;
    (void)state;
    for (uint32_t i = 0; i < 300; i++)
        intervals[i] = (struct interval){500, 700, i};
    check_set(intervals, 300, 3, &dice);
}

static void anywhere(void **state)
{
    (void)state;
    for (uint64_t seed = SEED; seed < SEED + 20; seed++) {
        uint64_t dice = seed;
        struct interval intervals[500];
        for (uint32_t i = 0; i < 500; i++) {
            address_number a = roll_number(&dice), width = roll_number(&dice) >> roll(&dice) % 128;
            address_number last = a + width < a ? ADDRESS_MAX : a + width;
            intervals[i] = (struct interval){a, last, i};
        }
        check_set(intervals, 500, 60, &dice);
    }
}

/* Each in the one before: lists of all of them would be their square. Some stand apart, with
   narrow ones among them, and memory stays in proportion. */
static void nested(void **state)
{
    enum { NESTED = 4000, NARROW = 1000 };
    struct interval *intervals = mem_zero(NESTED + NARROW, sizeof *intervals);
    uint64_t dice = SEED;
    (void)state;
    for (uint32_t i = 0; i < NESTED; i++)
        intervals[i] = (struct interval){i, ADDRESS_MAX - i, i};
    for (uint32_t i = NESTED; i < NESTED + NARROW; i++)
        intervals[i] = (struct interval){3 * i, 3 * i + 1, i};
    size_t apart = check_set(intervals, NESTED + NARROW, 120, &dice);
    assert_in_range(apart, 1, NESTED);
    assert_int_equal(check_set(intervals + NESTED, NARROW, 120, &dice), 0);
    free(intervals);
}

static void proportion(void **state)
{
    enum { NESTED = 4000 };
    struct interval *intervals = mem_zero(NESTED, sizeof *intervals);
    struct segments segments;
    (void)state;
    for (uint32_t i = 0; i < NESTED; i++)
        intervals[i] = (struct interval){i, ADDRESS_MAX - i, i};
    segments_build(&segments, intervals, NESTED);
    assert_in_range(segments.starts[segments.edge_count], 0, 64 * NESTED);
    segments_free(&segments);
    free(intervals);
}

/* Wide ones whose beginnings are the same and whose ends are not, and the other way round: the
   tree's limits of both sides decide. */
static void fans(void **state)
{
    enum { FAN = 2000 };
    struct interval *intervals = mem_zero(2 * FAN, sizeof *intervals);
    uint64_t dice = SEED;
    (void)state;
    for (uint32_t i = 0; i < FAN; i++) {
        intervals[2 * i] = (struct interval){1000, 2000 + 2 * (address_number)i, 2 * i};
        intervals[2 * i + 1] = (struct interval){900 - (i % 800), 1000000, 2 * i + 1};
    }
    assert_in_range(check_set(intervals, 2 * FAN, 200, &dice), 1, 2 * FAN);
    free(intervals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),       cmocka_unit_test(ends_of_the_line),
        cmocka_unit_test(small_line), cmocka_unit_test(same_many_times),
        cmocka_unit_test(anywhere),   cmocka_unit_test(nested),
        cmocka_unit_test(proportion), cmocka_unit_test(fans),
    };
    print_message("seed %u\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
