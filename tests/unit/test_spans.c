/* Sets of byte ranges against a map of bytes. */
#include "policy/base/spans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 64
#define SEED 20260112u

static uint64_t roll(uint64_t *dice, uint64_t below)
{
    *dice = *dice * 6364136223846793005u + 1442695040888963407u;
    return (*dice >> 33) % below;
}

static size_t reach_of(const bool *map, size_t at)
{
    while (at < SIZE && map[at])
        at++;
    return at;
}

static void same_gap(const struct spans *spans, const bool *map, size_t from, size_t size)
{
    struct span gap;
    size_t start = reach_of(map, from), end = start;
    while (end < size && !map[end])
        end++;
    bool there = spans_gap(spans, (int64_t)from, (int64_t)size, &gap);
    assert_int_equal(there, start < size);
    if (there) {
        assert_int_equal(gap.start, start);
        assert_int_equal(gap.end, end);
    }
}

static void same(const struct spans *spans, const bool *map)
{
    size_t total = 0;
    for (size_t i = 0; i < spans->count; i++) {
        assert_true(spans->list[i].start < spans->list[i].end);
        assert_true(i == 0 || spans->list[i - 1].end < spans->list[i].start);
    }
    for (size_t at = 0; at < SIZE; at++) {
        total += map[at];
        assert_int_equal(spans_reach(spans, (int64_t)at), reach_of(map, at));
        same_gap(spans, map, at, SIZE);
        same_gap(spans, map, at, SIZE / 2);
    }
    assert_int_equal(spans_total(spans), total);
}

static void run(uint64_t seed)
{
    struct spans spans = {0}, copy = {0};
    bool map[SIZE] = {false};
    uint64_t dice = seed;
    for (size_t step = 0; step < 60; step++) {
        int64_t start = (int64_t)roll(&dice, SIZE), end = (int64_t)roll(&dice, SIZE + 1);
        bool adds = roll(&dice, 3) > 0;
        if (adds)
            spans_add(&spans, start, end);
        else
            spans_remove(&spans, start, end);
        for (int64_t at = start; at < end; at++)
            map[at] = adds;
        same(&spans, map);
    }
    spans_copy(&copy, &spans);
    same(&copy, map);
    spans_free(&spans);
    spans_copy(&copy, &spans);
    assert_int_equal(copy.count, 0);
    spans_free(&copy);
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = SEED; seed < SEED + 300; seed++)
        run(seed);
}

/* Ends of what a file may hold. */
static void test_edges(void **state)
{
    (void)state;
    struct spans spans = {0};
    struct span gap;
    spans_add(&spans, 5, 5);
    spans_add(&spans, 5, 4);
    assert_int_equal(spans.count, 0);
    assert_false(spans_gap(&spans, 0, 0, &gap));
    spans_remove(&spans, 0, INT64_MAX);
    spans_add(&spans, 0, INT64_MAX);
    assert_int_equal(spans_total(&spans), INT64_MAX);
    assert_false(spans_gap(&spans, 0, INT64_MAX, &gap));
    spans_remove(&spans, 1, INT64_MAX - 1);
    assert_int_equal(spans.count, 2);
    assert_int_equal(spans_reach(&spans, INT64_MAX - 1), INT64_MAX);
    spans_free(&spans);
    assert_int_equal(spans.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_edges),
    };
    print_message("seed %u\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
