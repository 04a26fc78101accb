/* The sweep of policy check against every pair, looked at one by one, on random boundaries. */
#include "policy/boundary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/checked.h"

#define CASES      3000
#define BOUNDARIES 24
#define GROUPS     3

static uint64_t seed;

static unsigned roll(unsigned sides)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(seed >> 33) % sides;
}

/* Few addresses, so that they meet; each boundary in some of the groups, or in none. */
static void write_site(struct buf *text)
{
    for (int i = 0; i < GROUPS; i++)
        buf_format(text, "group %c;", 'A' + i);
    unsigned count = roll(BOUNDARIES);
    for (unsigned i = 1; i <= count; i++) {
        unsigned first = roll(40), last = first + roll(40 - first);
        static const int types[] = {0, 2, 3, 3};
        int type = types[roll(4)];
        buf_format(text, "SMS_Boundary BoundaryID=%u BoundaryType=%d Value=", i, type);
        if (type == BOUNDARY_IP_SUBNET)
            buf_format(text, "10.0.0.%u%s", first, roll(8) ? "" : "/32");
        else if (type == BOUNDARY_IP_RANGE)
            buf_format(text, "10.0.0.%u-10.0.0.%u", first, last);
        else
            buf_format(text, "2001:db8::%x/%u", first, 122 + roll(7));
        for (int group = 0; group < GROUPS; group++)
            if (roll(2))
                buf_format(text, "; SMS_BoundaryGroupMembers BoundaryID=%u GroupID=%d", i,
                           'A' + group);
        buf_append_text(text, ";");
    }
}

static unsigned groups_of(const struct site *site, size_t boundary)
{
    unsigned groups = 0;
    for (size_t i = 0; i < site->group_count; i++)
        for (size_t j = 0; j < site->groups[i].boundary_count; j++)
            if (site->groups[i].boundaries[j] == boundary)
                groups |= 1U << i;
    return groups;
}

/* The rule in words: nearpoint-policy(5), BOUNDARY_OVERLAP. */
static bool overlap(const struct boundary *a, const struct boundary *b)
{
    if (a->has_mask || b->has_mask)
        return false;
    if (a->type == BOUNDARY_IP_SUBNET && b->type == BOUNDARY_IP_SUBNET)
        return a->first == b->first;
    if (b->type == BOUNDARY_IP_SUBNET)
        return overlap(b, a);
    if (a->type == BOUNDARY_IP_SUBNET)
        return boundary_holds_address(b, a->first) || boundary_holds_address(b, a->first | 1);
    return a->first <= b->last && b->first <= a->last;
}

static size_t count_pairs(const struct site *site)
{
    size_t count = 0;
    for (size_t i = 0; i < site->boundary_count; i++)
        for (size_t j = i + 1; j < site->boundary_count; j++) {
            unsigned first = groups_of(site, i), second = groups_of(site, j);
            count += first && second && first != second &&
                     overlap(&site->boundaries[i].boundary, &site->boundaries[j].boundary);
        }
    return count;
}

static size_t count_said(const struct findings *findings)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        if (strcmp(findings->items[i].code, "BOUNDARY_OVERLAP") != 0)
            continue;
        const char *overlaps = strstr(findings->items[i].text, "overlaps ");
        assert_non_null(overlaps);
        count += strtoul(overlaps + strlen("overlaps "), NULL, 10);
    }
    return count;
}

static void every_pair(void **state)
{
    (void)state;
    size_t total = 0;
    for (int i = 0; i < CASES; i++) {
        uint64_t began = seed;
        struct buf text = {0};
        write_site(&text);
        struct checked checked;
        check(&checked, text.data);
        size_t pairs = count_pairs(&checked.estate.site), said = count_said(&checked.findings);
        if (pairs != said)
            fail_msg("seed %llu: %zu pairs, %zu said: %s", (unsigned long long)began, pairs, said,
                     text.data);
        total += pairs;
        free_checked(&checked);
        buf_free(&text);
    }
    assert_true(total > CASES);
}

int main(void)
{
    const char *given = getenv("SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("seed %llu (SEED)\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
