/* Where a machine would get a content, over a fleet and over thousands of random sites: what always
   holds. */
#include "tests/unit/asked.h"

#define EIGHT                                                                                   \
    "group A; range A 10.0.0.1-10.9.9.9; dp d1 A; dp d2 A; dp d3 A; dp d4 A; dp d5 A; dp d6 A;" \
    "dp d7 A; dp d8 A"

/* The same machine keeps its order; a fleet spreads evenly: of 800 machines each of eight DPs is
   first for 100, give or take. */
static void spread(void **state)
{
    (void)state;
    struct asked asked;
    struct question question = {0};
    int first[8] = {0};
    ask(&asked, EIGHT, "address=10.1.1.1", &question);
    for (int i = 0; i < 800; i++) {
        char name[16];
        struct decision again;
        snprintf(name, sizeof name, "PC%04d", i);
        asked.machine.name = name;
        decision_free(&asked.decision);
        location_decide(&asked.decision, &asked.request);
        location_decide(&again, &asked.request);
        for (size_t j = 0; j < 8; j++)
            assert_ptr_equal(asked.decision.locations[j].dp, again.locations[j].dp);
        first[asked.decision.locations[0].dp - asked.estate.site.dps]++;
        decision_free(&again);
    }
    for (int i = 0; i < 8; i++)
        assert_in_range(first[i], 60, 140);
    asked_free(&asked);
}

/* Small random sites. */
struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
    dice->state = dice->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(dice->state >> 33) % sides;
}

static void random_site(struct dice *dice, struct buf *text)
{
    static const char *const extra[] = {"",
                                        " MaintenanceMode=1",
                                        " InternetFacing=1 Communication=1",
                                        " ResourceType=Windows~Azure",
                                        " IsProtected=1",
                                        ""};
    for (char group = 'A'; group <= 'E'; group++) {
        buf_format(text, "group %c %u;", group, roll(dice, 2) * 8);
        if (roll(dice, 3))
            buf_format(text, "range %c 10.%u.0.0-10.%u.255.255;", group, roll(dice, 3),
                       2 + roll(dice, 3));
    }
    for (unsigned i = roll(dice, 3); i > 0; i--)
        buf_format(text, "default %c Default-Site-Boundary-Group<PS%u>;", 'W' + (int)i, i);
    for (unsigned i = roll(dice, 8); i > 0; i--)
        buf_format(text, "link %c %c %d;", 'A' + (int)roll(dice, 5),
                   roll(dice, 4) ? 'A' + (int)roll(dice, 5) : 'X',
                   roll(dice, 6) ? (int)roll(dice, 60) : -1);
    for (unsigned i = 0; i < 1 + roll(dice, 9); i++) {
        buf_format(text, "dp d%u", i);
        for (char group = 'A'; group <= 'E'; group++)
            if (!roll(dice, 4))
                buf_format(text, " %c", group);
        if (!roll(dice, 4))
            buf_append_text(text, " X");
        buf_format(text, "%s;", extra[roll(dice, 6)]);
        if (roll(dice, 2))
            buf_format(text, "has d%u %u %u;", i, roll(dice, 9), 2 + roll(dice, 3));
        if (!roll(dice, 3))
            buf_format(text, "ours d%u Addresses=10.%u.%u.9/24;", i, roll(dice, 5), roll(dice, 2));
    }
}

static void check_once(const struct asked *asked, uint64_t seed)
{
    const struct decision *decision = &asked->decision;
    size_t count = asked->estate.site.dp_count;
    int *seen = mem_zero(count, sizeof *seen);
    for (size_t i = 0; i < decision->location_count; i++)
        seen[decision->locations[i].dp - asked->estate.site.dps]++;
    for (size_t i = 0; i < decision->excluded_count; i++)
        seen[decision->excluded[i].dp - asked->estate.site.dps]++;
    for (size_t i = 0; i < count; i++)
        if (seen[i] != 1)
            fail_msg("seed %llu: %s is in %d lists", (unsigned long long)seed,
                     asked->estate.site.dps[i].name, seen[i]);
    free(seen);
}

/* The pool never shrinks, and what is not due joins when it said. */
static void check_growth(struct asked *asked, uint64_t seed)
{
    int64_t next = decision_next_minute(&asked->decision);
    size_t before = asked->decision.location_count;
    if (next < 0)
        return;
    if (next <= asked->request.minutes)
        fail_msg("seed %llu: minute %lld was due", (unsigned long long)seed, (long long)next);
    asked->request.minutes = next;
    decision_free(&asked->decision);
    location_decide(&asked->decision, &asked->request);
    check_once(asked, seed);
    if (asked->decision.location_count <= before)
        fail_msg("seed %llu: nothing joined at minute %lld", (unsigned long long)seed,
                 (long long)next);
}

static void every_dp_once(void **state)
{
    static const char *const bits[] = {NULL, "flags=48", "flags=0x50", "locality=0x20050"};
    (void)state;
    const char *given = getenv("SEED");
    uint64_t first = given ? strtoull(given, NULL, 10) : 20261124;
    print_message("seeds from %llu (SEED)\n", (unsigned long long)first);
    for (uint64_t seed = first; seed < first + 3000; seed++) {
        struct dice dice = {seed * 0x9E3779B97F4A7C15ULL};
        struct buf site = {0};
        char machine[64];
        random_site(&dice, &site);
        snprintf(machine, sizeof machine, "address=10.%u.%u.5/24 internet=%u", roll(&dice, 6),
                 roll(&dice, 2), !roll(&dice, 6));
        struct question question = {.minutes = roll(&dice, 40),
                                    .bits = bits[roll(&dice, 4)],
                                    .no_cloud = roll(&dice, 2),
                                    .unknown_content = !roll(&dice, 20)};
        struct asked asked;
        ask(&asked, site.data, machine, &question);
        check_once(&asked, seed);
        check_growth(&asked, seed);
        asked_free(&asked);
        buf_free(&site);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spread),
        cmocka_unit_test(every_dp_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
