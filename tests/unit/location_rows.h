/*
 * Tables of questions and answers: each row a small site (estate.h), a machine, a question and what
 * is to come out, with the document that says so. Rows stand in pairs or runs: one fact changed,
 * another answer.
 *
 * Sources: "facts" and "sdk" are configmgr-facts and configmgr-sdk by section, "model" the policy
 * model, "contract" the contract; "ours" is what ConfigMgr's documents leave open
 * (nearpoint-policy(5): Rules of location).
 *
 * Beside its answer every row checks, for every distribution point, that location_walk says the
 * same: its steps stand in the contract's order, and the first that excludes is the code.
 */
#ifndef TESTS_UNIT_LOCATION_ROWS_H
#define TESTS_UNIT_LOCATION_ROWS_H

#include "tests/unit/asked.h"

struct row {
    const char *what, *source;
    const char *site;
    const char *machine; /* --set assignments */
    struct question question;
    const char *answer; /* as the table's printer writes it */
};

/* What was an answer of a table so far. */
struct seen {
    bool codes[EXCLUSION_COUNT], localities[LOCALITY_COUNT];
};

static inline struct seen *seen_of(enum location_rules rules)
{
    static struct seen all[RULES_COUNT];
    return &all[rules];
}

#define IN_A  "address=10.1.1.5/24"
#define IN_B  "address=10.2.2.5/24"
#define AB    IN_A " " IN_B
#define NONE  "address=192.168.1.5/24"
#define NET   "internet=true"
#define LATER INT64_MAX
/* Two groups, a subnet and a server each. */
#define TWO "group A; sub A 10.1.1.0; group B; sub B 10.2.2.0; dp a1 A; dp b1 B;"
#define Z   "default Z Default-Site-Boundary-Group<PS1>; dp z1 Z;"

/* ---- printers ---- */

typedef void (*row_printer)(struct buf *out, struct asked *asked);

static inline int by_dp_name(const void *a, const void *b)
{
    return strcmp(((const struct location *)a)->dp->name, ((const struct location *)b)->dp->name);
}

/* Among equals the order is random: for the table they stand by name. So a row whose order is the
   names' shows nothing; its twin, in which the later name stands first, does. */
static inline void sort_equals(struct decision *decision)
{
    struct location *all = decision->locations;
    for (size_t i = 0, next; i < decision->location_count; i = next) {
        for (next = i + 1; next < decision->location_count; next++)
            if (decision_rank_key(decision, &all[i], &all[next]) != RANK_RANDOM)
                break;
        qsort(all + i, next - i, sizeof *all, by_dp_name);
    }
}

static inline void print_dp(struct buf *out, const struct site_dp *dp)
{
    if (out->len)
        buf_append_text(out, " ");
    buf_format(out, "%.*s", (int)strcspn(dp->name, "."), dp->name);
}

/* "dp:LOCALITY@minute ... | dp:CODE[@minute] ..." */
static inline void print_answer(struct buf *out, struct asked *asked)
{
    const struct decision *decision = &asked->decision;
    for (size_t i = 0; i < decision->location_count; i++) {
        const struct location *location = &decision->locations[i];
        print_dp(out, location->dp);
        buf_format(out, ":%s@%lld", locality_word(location->locality),
                   (long long)location->after_minutes);
    }
    buf_append_text(out, out->len ? " |" : "|");
    for (size_t i = 0; i < decision->excluded_count; i++) {
        const struct excluded_dp *excluded = &decision->excluded[i];
        print_dp(out, excluded->dp);
        buf_format(out, ":%s", exclusion_word(excluded->code));
        if (excluded->after_minutes >= 0)
            buf_format(out, "@%lld", (long long)excluded->after_minutes);
    }
}

/* "dp:LOCALITY/distance[/fallback] ..." */
static inline void print_distances(struct buf *out, struct asked *asked)
{
    const struct decision *decision = &asked->decision;
    buf_append_text(out, "");
    for (size_t i = 0; i < decision->location_count; i++) {
        const struct location *location = &decision->locations[i];
        print_dp(out, location->dp);
        buf_format(out, ":%s/%s%s", locality_word(location->locality),
                   distance_word(location->distance), location->fallback ? "/fallback" : "");
    }
}

static inline const char *rank_key_word(enum rank_key key)
{
    static const char *const words[] = {
        [RANK_PREFERRED_CLOUD] = "PREFERRED_CLOUD",
        [RANK_COMPUTER] = "COMPUTER",
        [RANK_SUBNET] = "SUBNET",
        [RANK_CLOUD] = "CLOUD",
        [RANK_FALLBACK] = "FALLBACK",
        [RANK_MINUTES] = "MINUTES",
        [RANK_DISTANCE] = "DISTANCE",
        [RANK_LOCALITY] = "LOCALITY",
        [RANK_UPDATING] = "UPDATING",
        [RANK_TRUST] = "TRUST",
        [RANK_HTTPS] = "HTTPS",
        [RANK_BITS] = "BITS",
        [RANK_RANDOM] = "RANDOM",
    };
    return words[key];
}

/* "dp KEY dp KEY dp": why each stands before the next. */
static inline void print_keys(struct buf *out, struct asked *asked)
{
    const struct decision *decision = &asked->decision;
    buf_append_text(out, "");
    for (size_t i = 0; i < decision->location_count; i++) {
        if (i)
            buf_format(out, " %s",
                       rank_key_word(decision_rank_key(decision, &decision->locations[i - 1],
                                                       &decision->locations[i])));
        print_dp(out, decision->locations[i].dp);
    }
}

/* ---- checks ---- */

static inline int code_of(const struct decision *decision, const struct site_dp *dp)
{
    for (size_t i = 0; i < decision->excluded_count; i++)
        if (decision->excluded[i].dp == dp)
            return (int)decision->excluded[i].code;
    return EXCLUSION_COUNT;
}

static inline bool walks_alike(struct asked *asked, const struct site_dp *dp)
{
    struct location_walk walk;
    int found = EXCLUSION_COUNT, last = -1;
    location_walk(&walk, &asked->decision, &asked->request, dp);
    for (size_t i = 0; i < walk.count; i++) {
        if ((int)walk.steps[i].code <= last)
            return false;
        last = (int)walk.steps[i].code;
        if (walk.steps[i].excludes && found == EXCLUSION_COUNT)
            found = last;
    }
    return found == code_of(&asked->decision, dp);
}

static inline bool all_walk_alike(struct asked *asked)
{
    const struct site *site = &asked->estate.site;
    for (size_t i = 0; i < site->dp_count; i++)
        if (!walks_alike(asked, &site->dps[i])) {
            print_error("location_walk says something else of %s\n", site->dps[i].name);
            return false;
        }
    return asked->decision.location_count + asked->decision.excluded_count == site->dp_count;
}

static inline void remember(const struct decision *decision)
{
    struct seen *seen = seen_of(decision->rules);
    for (size_t i = 0; i < decision->location_count; i++)
        seen->localities[decision->locations[i].locality] = true;
    for (size_t i = 0; i < decision->excluded_count; i++)
        seen->codes[decision->excluded[i].code] = true;
}

static inline bool check_row(const struct row *row, row_printer print)
{
    struct asked asked;
    struct buf answer = {0};
    ask(&asked, row->site, row->machine, &row->question);
    bool right = all_walk_alike(&asked);
    remember(&asked.decision);
    sort_equals(&asked.decision);
    print(&answer, &asked);
    right = strcmp(answer.data, row->answer) == 0 && right;
    if (!right)
        print_error("%s (%s):\n  wanted %s\n  got    %s\n", row->what, row->source, row->answer,
                    answer.data);
    buf_free(&answer);
    asked_free(&asked);
    return right;
}

static inline void check_rows(const struct row *rows, size_t count, row_printer print)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(rows[i].source && *rows[i].source);
        wrong += !check_row(&rows[i], print);
    }
    assert_int_equal(wrong, 0);
}

#define CHECK_ROWS_BY(rows, print) check_rows(rows, sizeof rows / sizeof rows[0], print)
#define CHECK_ROWS(rows)           CHECK_ROWS_BY(rows, print_answer)

/* The rules' table has these codes and no others, and each was the answer of a row. */
static inline void check_codes(enum location_rules rules, const enum exclusion *codes, size_t count)
{
    struct asked asked;
    struct location_walk walk;
    struct question question = {.rules = location_rules_word(rules)};
    ask(&asked, TWO, IN_A, &question);
    location_walk(&walk, &asked.decision, &asked.request, &asked.estate.site.dps[0]);
    assert_int_equal(walk.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(walk.steps[i].code, codes[i]);
        if (!seen_of(rules)->codes[codes[i]])
            fail_msg("no row of %s says %s", question.rules, exclusion_word(codes[i]));
    }
    asked_free(&asked);
}

/* Each of these is the locality of a location in some row, and no other is. */
static inline void check_localities(enum location_rules rules, const enum locality *localities,
                                    size_t count)
{
    for (enum locality i = LOCALITY_COMPUTER; i < LOCALITY_COUNT; i++) {
        bool wanted = false;
        for (size_t j = 0; j < count; j++)
            wanted = wanted || localities[j] == i;
        if (seen_of(rules)->localities[i] != wanted)
            fail_msg("rules %s and locality %s", location_rules_word(rules), locality_word(i));
    }
}

#endif
