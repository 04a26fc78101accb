/* Location decisions against the oracle (oracle.h), on random sites, machines and questions. */
#include "policy/base/text.h"
#include "tests/unit/estate.h"
#include "tests/unit/oracle_cases.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#define SITES     2000
#define MACHINES  10
#define QUESTIONS 5
#define SHOWN     3 /* disagreements printed whole */

#define BIG_SITES      40
#define BIG_BOUNDARIES 1200 /* at most */
#define BIG_MACHINES   40

/* A site with everything that is asked of it. */
struct stage {
    struct dice dice;
    struct estate estate;
    struct location_index *index;
    const struct site_content *package;
    struct location_content *contents[2]; /* unknown, the package */
    struct buf site, machine_text;
    struct machine machine;
    struct settings settings;
    struct location_request request;
    struct decision decision;
    struct oracle_question question;
    struct oracle_answer answer;
};

/* How often each thing was seen. */
struct tally {
    size_t codes[RULES_COUNT][EXCLUSION_COUNT];
    size_t localities[RULES_COUNT][LOCALITY_COUNT];
    size_t keys[RULES_COUNT][ORACLE_KEYS]; /* the first in which two neighbors differ */
    size_t weights[RULES_COUNT];           /* equal in all: the weight decides */
    size_t no_group, on_demand_coming, assigned_serves, hiding, protecting;
    size_t cases, wrong;
};

/* The question. */

static void read_machine(struct stage *stage)
{
    struct error err = {0};
    buf_clear(&stage->machine_text);
    cases_write_machine(&stage->machine_text, &stage->dice);
    char *copy = mem_copy_string(stage->machine_text.data), *rest = copy, *word;
    stage->machine = (struct machine){0};
    while ((word = strsep(&rest, " "))) {
        for (char *at = word; *at; at++)
            *at = *at == '~' ? ' ' : *at;
        if (!machine_set(&stage->machine, word, &err))
            fail_msg("%s: %s", stage->machine_text.data, err.text);
    }
    free(copy);
    machine_settle(&stage->machine);
    /* As a machine's file may have it. */
    for (size_t i = 0; i < stage->machine.adapter_count; i++)
        if (!stage->machine.adapters[i].name)
            stage->machine.adapters[i].name = "";
}

/* configmgr-sdk 5: what the bits mean, in words. */
static struct location_deployment roll_deployment(struct dice *dice)
{
    int64_t bits = cases_roll_bits(dice);
    struct location_deployment made;
    unsigned kind = dice_roll(dice, 3);
    if (kind == 0) {
        made = location_deployment_assumed();
        assert_true(made.remote && made.fallback && made.metered);
        assert_true(!made.on_demand && !made.run_from_dp);
    } else if (kind == 1) {
        made = location_deployment_flags(bits);
        assert_int_equal(made.remote, (bits & 0x40) != 0);
        assert_int_equal(made.fallback, (bits & 0x20000) == 0);
        assert_int_equal(made.metered, (bits & 0x40000) != 0);
        assert_int_equal(made.on_demand, (bits & 0x300) != 0);
        assert_int_equal(made.on_demand_remote, (bits & 0x200) != 0);
        assert_int_equal(made.run_from_dp, (bits & 0x88) != 0);
    } else {
        made = location_deployment_locality(bits);
        assert_int_equal(made.remote, (bits & 0x40) != 0);
        assert_int_equal(made.fallback, (bits & 0x20000) == 0);
        assert_int_equal(made.metered, (bits & 0x80000) != 0);
        assert_true(!made.on_demand && !made.on_demand_remote && !made.run_from_dp);
    }
    assert_int_equal(made.assumed, kind == 0);
    made.task_sequence = dice_roll(dice, 4) == 0;
    return made;
}

/* Now and then an application's deployment type says otherwise. */
static struct location_deployment roll_options(struct dice *dice,
                                               struct location_deployment deployment)
{
    struct site_content_options options = {
        .known = dice_roll(dice, 2), .slow = dice_roll(dice, 2), .fallback = dice_roll(dice, 2)};
    struct location_deployment made = deployment;
    if (deployment.task_sequence || dice_roll(dice, 4) != 0)
        return deployment;
    location_deployment_options(&made, &options);
    assert_int_equal(made.remote, options.known ? options.slow : deployment.remote);
    assert_int_equal(made.fallback, options.known ? options.fallback : deployment.fallback);
    assert_int_equal(made.metered, deployment.metered);
    return made;
}

static void roll_question(struct stage *stage)
{
    static const char *const library_roots[] = {"/mnt"};
    static const int64_t usages[] = {1, 2, 2, 4};
    struct dice *dice = &stage->dice;
    bool is_known = dice_roll(dice, 40) != 0;
    struct location_deployment deployment = roll_options(dice, roll_deployment(dice));
    int64_t usage = usages[dice_roll(dice, 4)];
    unsigned rules = dice_roll(dice, RULES_COUNT + 1); /* the current ones have most to say */
    bool cloud = dice_roll(dice, 5) != 0;
    stage->settings.value[SETTING_ALLOW_CLOUD_DP] = cloud;
    stage->settings.value[SETTING_METERED_NETWORK_USAGE] = usage;
    stage->request = (struct location_request){
        .index = stage->index,
        .content = stage->contents[is_known],
        .settings = &stage->settings,
        .machine = &stage->machine,
        .rules = rules < RULES_COUNT ? (enum location_rules)rules : RULES_CURRENT,
        .deployment = deployment,
        .minutes = cases_roll_minutes(dice),
        .library_roots = {1, library_roots},
    };
    stage->question = (struct oracle_question){
        .site = &stage->estate.site,
        .machine = &stage->machine,
        .content = is_known ? stage->package : NULL,
        .rules = stage->request.rules,
        .allow_cloud = cloud,
        .metered_usage = usage,
        .remote = deployment.remote || (deployment.task_sequence && deployment.on_demand_remote),
        .fallback = deployment.fallback,
        .metered = deployment.metered,
        .on_demand = deployment.on_demand,
        .run_from_dp = deployment.run_from_dp,
        .task_sequence = deployment.task_sequence,
        .minutes = stage->request.minutes,
    };
}

/* The comparison: each difference is a line of `why`. */

static void compare_numbers(struct buf *why, const char *what, const char *of, int64_t real,
                            int64_t oracle)
{
    if (real != oracle)
        buf_format(why, "  %s of %s: %" PRId64 ", oracle %" PRId64 "\n", what, of, real, oracle);
}

static const char *word_of(enum exclusion code)
{
    return code < EXCLUSION_COUNT ? exclusion_word(code) : "a location";
}

static void compare_codes(struct buf *why, const char *who, const char *dp, enum exclusion real,
                          enum exclusion oracle)
{
    if (real != oracle)
        buf_format(why, "  %s, %s: %s, oracle %s\n", who, dp, word_of(real), word_of(oracle));
}

/* The index, each boundary asked alone, and the oracle. On the internet none counts. */
static void compare_boundaries(struct buf *why, const struct stage *stage)
{
    const struct site *site = &stage->estate.site;
    const struct decision *decision = &stage->decision;
    bool *listed = mem_zero(site->boundary_count, sizeof *listed);
    for (size_t i = 0; i < decision->boundary_count; i++) {
        size_t at = (size_t)(decision->boundaries[i] - site->boundaries);
        compare_numbers(why, "listed twice", site->boundaries[at].boundary.value, listed[at], 0);
        listed[at] = true;
    }
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct site_boundary *boundary = &site->boundaries[i];
        const char *value = boundary->boundary.value;
        bool oracle = oracle_holds(boundary, &stage->machine);
        compare_numbers(why, "location_boundary_holds", value,
                        location_boundary_holds(boundary, &stage->machine), oracle);
        compare_numbers(why, "listed", value, listed[i], oracle && !stage->machine.internet);
    }
    for (size_t i = 1; i < decision->boundary_count; i++)
        if (decision->boundaries[i - 1]->id >= decision->boundaries[i]->id)
            buf_format(why, "  boundaries are not in the order of their IDs\n");
    free(listed);
}

/* Current ones, then by minutes, then by ID; a task sequence asks default groups last. */
static bool in_order(const struct located_group *left, const struct located_group *right,
                     bool task_sequence)
{
    if ((left->via == VIA_BOUNDARY) != (right->via == VIA_BOUNDARY))
        return left->via == VIA_BOUNDARY;
    if (left->never != right->never)
        return right->never;
    if (task_sequence && left->via != right->via)
        return left->via == VIA_NEIGHBOR;
    if (left->minutes != right->minutes)
        return left->minutes < right->minutes;
    return left->group->id < right->group->id;
}

static void compare_groups(struct buf *why, const struct stage *stage)
{
    const struct site *site = &stage->estate.site;
    const struct decision *decision = &stage->decision;
    size_t count = 0;
    for (size_t i = 0; i < decision->group_count; i++) {
        const struct located_group *real = &decision->groups[i];
        const struct oracle_group *oracle = &stage->answer.groups[real->group - site->groups];
        compare_numbers(why, "reached", real->group->name, true, oracle->reached);
        compare_numbers(why, "via", real->group->name, real->via, oracle->via);
        compare_numbers(why, "never", real->group->name, real->never, oracle->never);
        if (!real->never)
            compare_numbers(why, "minutes", real->group->name, real->minutes, oracle->minutes);
    }
    for (size_t i = 0; i < site->group_count; i++)
        count += stage->answer.groups[i].reached;
    compare_numbers(why, "count", "groups", (int64_t)decision->group_count, (int64_t)count);
    for (size_t i = 1; i < decision->group_count; i++)
        if (!in_order(&decision->groups[i - 1], &decision->groups[i],
                      stage->question.task_sequence))
            buf_format(why, "  group %s is not in its place\n", decision->groups[i].group->name);
}

static void compare_location(struct buf *why, const struct stage *stage,
                             const struct location *real)
{
    const struct site *site = &stage->estate.site;
    const struct oracle_dp *oracle = &stage->answer.dps[real->dp - site->dps];
    const char *dp = real->dp->name;
    uint32_t groups = 0, boundaries = 0;
    for (size_t i = 0; i < real->group_count; i++) {
        groups |= 1U << (real->groups[i]->group - site->groups);
        if (i > 0 && real->groups[i - 1] >= real->groups[i])
            buf_format(why, "  groups of %s are not in order\n", dp);
    }
    for (size_t i = 0; i < real->boundary_count; i++)
        boundaries |= 1U << (real->boundaries[i] - site->boundaries);
    compare_codes(why, "decision", dp, EXCLUSION_COUNT, oracle->code);
    if (!oracle->located)
        return;
    compare_numbers(why, locality_word(real->locality), dp, real->locality, oracle->locality);
    compare_numbers(why, "distance", dp, real->distance, oracle->distance);
    compare_numbers(why, "fallback", dp, real->fallback, oracle->fallback);
    compare_numbers(why, "minutes", dp, real->after_minutes, oracle->after_minutes);
    compare_numbers(why, "groups", dp, groups, oracle->groups);
    compare_numbers(why, "boundaries", dp, boundaries, oracle->boundaries);
    compare_numbers(why, "presence", dp, real->presence.presence,
                    site_presence(site, real->dp, stage->package).presence);
    if (strcmp(real->url, site_url(site, stage->package, real->dp)) != 0)
        buf_format(why, "  the URL of %s: %s\n", dp, real->url);
}

/* The oracle's key as the decision names it. */
static enum rank_key name_key(enum location_rules rules, const int64_t *first,
                              const int64_t *second, size_t key)
{
    static const enum rank_key keys[RULES_COUNT][ORACLE_KEYS] = {
        [RULES_2007] = {RANK_CLOUD, RANK_MINUTES, RANK_DISTANCE, RANK_LOCALITY, RANK_UPDATING,
                        RANK_BITS},
        [RULES_2012] = {RANK_FALLBACK, RANK_LOCALITY, RANK_UPDATING, RANK_TRUST, RANK_HTTPS},
        [RULES_CURRENT] = {RANK_CLOUD, RANK_MINUTES, RANK_LOCALITY, RANK_UPDATING}};
    static const enum rank_key sections[] = {RANK_PREFERRED_CLOUD, RANK_COMPUTER, RANK_SUBNET,
                                             RANK_CLOUD};
    if (key == ORACLE_KEYS)
        return RANK_RANDOM;
    if (key == 0 && rules == RULES_CURRENT)
        return first[0] > 0 && second[0] == 4 ? RANK_CLOUD : sections[first[0]];
    return key == 0 && rules == RULES_2012 && second[0] == 2 ? RANK_CLOUD : keys[rules][key];
}

/* Sorted by the oracle's keys, then by weight, highest first, then by name. */
static void compare_order(struct buf *why, const struct stage *stage)
{
    const struct location *all = stage->decision.locations;
    const struct oracle_dp *dps = stage->answer.dps;
    for (size_t i = 1; i < stage->decision.location_count; i++) {
        const struct location *left = &all[i - 1], *right = &all[i];
        const int64_t *a = dps[left->dp - stage->estate.site.dps].key;
        const int64_t *b = dps[right->dp - stage->estate.site.dps].key;
        size_t key = 0;
        while (key < ORACLE_KEYS && a[key] == b[key])
            key++;
        bool ordered = key < ORACLE_KEYS ? a[key] < b[key] : left->weight >= right->weight;
        if (key == ORACLE_KEYS && left->weight == right->weight)
            ordered = text_compare(left->dp->name, right->dp->name) < 0;
        if (!ordered)
            buf_format(why, "  %s stands before %s: key %zu\n", left->dp->name, right->dp->name,
                       key);
        else
            compare_numbers(why, "key", left->dp->name,
                            decision_rank_key(&stage->decision, left, right),
                            name_key(stage->question.rules, a, b, key));
    }
}

static void compare_excluded(struct buf *why, const struct stage *stage)
{
    const struct decision *decision = &stage->decision;
    for (size_t i = 0; i < decision->excluded_count; i++) {
        const struct excluded_dp *real = &decision->excluded[i];
        const struct oracle_dp *oracle = &stage->answer.dps[real->dp - stage->estate.site.dps];
        compare_codes(why, "decision", real->dp->name, real->code, oracle->code);
        compare_numbers(why, "minutes", real->dp->name, real->after_minutes, oracle->after_minutes);
        if (i > 0 && text_compare(decision->excluded[i - 1].dp->name, real->dp->name) > 0)
            buf_format(why, "  %s is not in its place\n", real->dp->name);
    }
    compare_numbers(why, "number", "DPs",
                    (int64_t)(decision->location_count + decision->excluded_count),
                    (int64_t)stage->estate.site.dp_count);
}

static void compare_facts(struct buf *why, const struct stage *stage)
{
    const struct decision *real = &stage->decision;
    const struct oracle_answer *oracle = &stage->answer;
    compare_numbers(why, "next minute", "all", decision_next_minute(real), oracle->next_minute);
    if (real->rules == RULES_CURRENT)
        compare_numbers(why, "no group", "all", real->no_group, oracle->no_group);
    compare_numbers(why, "on demand", "all", real->on_demand_coming, oracle->on_demand_coming);
    if (stage->question.content && !stage->machine.internet) {
        compare_numbers(why, "assigned serves", "all", real->assigned_serves,
                        oracle->assigned_serves);
        compare_numbers(why, "hiding", "all", real->hiding != NULL, oracle->hiding);
        compare_numbers(why, "protecting", "all", real->protecting != NULL, oracle->protecting);
    }
    bool same = real->assigned_site && oracle->assigned_site
                    ? text_equal(real->assigned_site, oracle->assigned_site)
                    : !real->assigned_site && !oracle->assigned_site;
    if (!same && !stage->machine.internet)
        buf_format(why, "  assigned site: %s, oracle %s\n",
                   real->assigned_site ? real->assigned_site : "-",
                   oracle->assigned_site ? oracle->assigned_site : "-");
}

/* The first step that excludes is the code; none does for a location. */
static void compare_walks(struct buf *why, struct stage *stage)
{
    const struct site *site = &stage->estate.site;
    for (size_t i = 0; i < site->dp_count; i++) {
        struct location_walk walk;
        enum exclusion first = EXCLUSION_COUNT;
        location_walk(&walk, &stage->decision, &stage->request, &site->dps[i]);
        for (size_t j = walk.count; j > 0; j--)
            if (walk.steps[j - 1].excludes)
                first = walk.steps[j - 1].code;
        compare_codes(why, "walk", site->dps[i].name, first, stage->answer.dps[i].code);
    }
}

static void compare_locations_only(struct buf *why, struct stage *stage)
{
    struct decision again;
    stage->request.locations_only = true;
    location_decide(&again, &stage->request);
    stage->request.locations_only = false;
    compare_numbers(why, "locations only", "excluded", (int64_t)again.excluded_count, 0);
    compare_numbers(why, "locations only", "locations", (int64_t)again.location_count,
                    (int64_t)stage->decision.location_count);
    for (size_t i = 0; i < again.location_count && i < stage->decision.location_count; i++)
        if (again.locations[i].dp != stage->decision.locations[i].dp ||
            again.locations[i].locality != stage->decision.locations[i].locality ||
            again.locations[i].after_minutes != stage->decision.locations[i].after_minutes)
            buf_format(why, "  locations only: %s at %zu\n", again.locations[i].dp->name, i);
    decision_free(&again);
}

static void compare(struct buf *why, struct stage *stage)
{
    compare_boundaries(why, stage);
    compare_groups(why, stage);
    for (size_t i = 0; i < stage->decision.location_count; i++)
        compare_location(why, stage, &stage->decision.locations[i]);
    compare_order(why, stage);
    compare_excluded(why, stage);
    compare_facts(why, stage);
    compare_walks(why, stage);
    compare_locations_only(why, stage);
}

/* What a person needs to see why. */

static void show_question(const struct stage *stage)
{
    const struct oracle_question *q = &stage->question;
    print_error("machine: %s\nrules %s, minute %" PRId64 ", content %s, cloud %d, metered %" PRId64
                ", deployment:%s%s%s%s%s%s\n",
                stage->machine_text.data, location_rules_word(q->rules), q->minutes,
                q->content ? q->content->id : "unknown", q->allow_cloud, q->metered_usage,
                q->remote ? " remote" : "", q->fallback ? " fallback" : "",
                q->metered ? " metered" : "", q->on_demand ? " on-demand" : "",
                q->run_from_dp ? " run-from-dp" : "", q->task_sequence ? " task-sequence" : "");
}

static void show_answers(const struct stage *stage)
{
    const struct decision *real = &stage->decision;
    const struct site_dp *dps = stage->estate.site.dps;
    print_error("decision:");
    for (size_t i = 0; i < real->location_count; i++)
        print_error(" %s:%s@%" PRId64, real->locations[i].dp->name,
                    locality_word(real->locations[i].locality), real->locations[i].after_minutes);
    print_error(" |");
    for (size_t i = 0; i < real->excluded_count; i++)
        print_error(" %s:%s", real->excluded[i].dp->name, exclusion_word(real->excluded[i].code));
    print_error("\noracle:");
    for (size_t i = 0; i < stage->answer.ranked_count; i++) {
        const struct oracle_dp *dp = &stage->answer.dps[stage->answer.ranked[i]];
        print_error(" %s:%s@%" PRId64, dps[stage->answer.ranked[i]].name,
                    locality_word(dp->locality), dp->after_minutes);
    }
    print_error(" |");
    for (size_t i = 0; i < stage->estate.site.dp_count; i++)
        if (!stage->answer.dps[i].located)
            print_error(" %s:%s", dps[i].name, exclusion_word(stage->answer.dps[i].code));
    print_error("\n");
}

static void show(const struct stage *stage, const struct buf *why, uint64_t seed)
{
    print_error("SEED=%" PRIu64 "\nsite: ", seed);
    for (const char *at = stage->site.data; *at; at++)
        print_error(*at == ';' ? "%c\n  " : "%c", *at);
    print_error("\n");
    show_question(stage);
    show_answers(stage);
    print_error("%s\n", why->data);
}

static void count_case(struct tally *tally, const struct stage *stage)
{
    enum location_rules rules = stage->question.rules;
    const struct oracle_answer *answer = &stage->answer;
    tally->cases++;
    tally->no_group += answer->no_group;
    tally->on_demand_coming += answer->on_demand_coming;
    tally->assigned_serves += answer->assigned_serves;
    tally->hiding += answer->hiding;
    tally->protecting += answer->protecting && !answer->hiding;
    for (size_t i = 0; i < stage->estate.site.dp_count; i++)
        if (answer->dps[i].located)
            tally->localities[rules][answer->dps[i].locality]++;
        else
            tally->codes[rules][answer->dps[i].code]++;
    for (size_t i = 1; i < answer->ranked_count; i++) {
        const int64_t *a = answer->dps[answer->ranked[i - 1]].key;
        const int64_t *b = answer->dps[answer->ranked[i]].key;
        size_t key = 0;
        while (key < ORACLE_KEYS && a[key] == b[key])
            key++;
        if (key < ORACLE_KEYS)
            tally->keys[rules][key]++;
        else
            tally->weights[rules]++;
    }
}

static void run_case(struct stage *stage, struct tally *tally, uint64_t seed)
{
    struct buf why = {0};
    roll_question(stage);
    location_decide(&stage->decision, &stage->request);
    oracle_decide(&stage->answer, &stage->question);
    compare(&why, stage);
    count_case(tally, stage);
    if (why.len > 0 && tally->wrong++ < SHOWN)
        show(stage, &why, seed);
    decision_free(&stage->decision);
    buf_free(&why);
}

static void begin(struct stage *stage, uint64_t seed)
{
    *stage = (struct stage){.dice = {seed * 0x9E3779B97F4A7C15U, false}};
}

/* The site of the text. */
static void open_site(struct stage *stage, uint64_t seed)
{
    struct error err = {0};
    const char *const texts[] = {stage->site.data, NULL};
    if (!estate_read(&stage->estate, texts, &err))
        fail_msg("SEED=%" PRIu64 ": %s: %s in %s", seed, err.where, err.text, stage->site.data);
    /* As where the documents disagree. */
    if (dice_roll(&stage->dice, 2))
        stage->estate.site.site_code = NULL;
    const struct site *site = &stage->estate.site;
    stage->index = location_index_create(site);
    stage->contents[0] = location_content_create(site, NULL);
    stage->package = site_find_content(site, ESTATE_PACKAGE, NULL);
    stage->contents[1] = location_content_create(site, stage->package);
}

static void close_site(struct stage *stage)
{
    location_content_free(stage->contents[0]);
    location_content_free(stage->contents[1]);
    location_index_free(stage->index);
    estate_free(&stage->estate);
    buf_free(&stage->site);
    buf_free(&stage->machine_text);
}

static void run_site(struct tally *tally, uint64_t seed)
{
    struct stage stage;
    begin(&stage, seed);
    cases_write_site(&stage.site, &stage.dice);
    open_site(&stage, seed);
    for (int i = 0; i < MACHINES; i++) {
        read_machine(&stage);
        for (int j = 0; j < QUESTIONS; j++)
            run_case(&stage, tally, seed);
        machine_free(&stage.machine);
    }
    close_site(&stage);
}

/* What each rule set can say (nearpoint-policy(5), Rules of location). */

#define ALL_RULES (1U << RULES_2007 | 1U << RULES_2012 | 1U << RULES_CURRENT)

static const unsigned codes_of[EXCLUSION_COUNT] = {
    [EXCLUDED_UNSUPPORTED_SCHEME] = ALL_RULES,
    [EXCLUDED_MAINTENANCE] = ALL_RULES,
    [EXCLUDED_CLOUD_NOT_ALLOWED] = ALL_RULES,
    [EXCLUDED_METERED] = ALL_RULES,
    [EXCLUDED_INTERNET_ONLY] = ALL_RULES,
    [EXCLUDED_INTRANET_ONLY] = ALL_RULES,
    [EXCLUDED_OTHER_SITE] = 1U << RULES_2007,
    [EXCLUDED_PROTECTED] = 1U << RULES_2007 | 1U << RULES_2012,
    [EXCLUDED_HIDDEN_BY_PROTECTED] = 1U << RULES_2007,
    [EXCLUDED_NOT_IN_GROUP] = 1U << RULES_CURRENT,
    [EXCLUDED_FALLBACK_NEVER] = 1U << RULES_CURRENT,
    [EXCLUDED_REMOTE_NOT_ALLOWED] = ALL_RULES,
    [EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED] = 1U << RULES_CURRENT,
    [EXCLUDED_SLOW_NOT_ALLOWED] = 1U << RULES_2012,
    [EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD] = ALL_RULES,
    [EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD] = ALL_RULES,
    [EXCLUDED_NO_CONTENT] = ALL_RULES,
    [EXCLUDED_OLD_VERSION] = ALL_RULES,
    [EXCLUDED_NEWER_VERSION] = ALL_RULES,
    [EXCLUDED_FALLBACK_NOT_DUE] = 1U << RULES_CURRENT,
};

static const unsigned localities_of[LOCALITY_COUNT] = {
    [LOCALITY_COMPUTER] = ALL_RULES,
    [LOCALITY_SUBNET] = ALL_RULES,
    [LOCALITY_ADSITE] = 1U << RULES_2007 | 1U << RULES_2012,
    [LOCALITY_LOCAL] = 1U << RULES_2007 | 1U << RULES_2012,
    [LOCALITY_BOUNDARYGROUP] = 1U << RULES_CURRENT,
    [LOCALITY_NEIGHBOR] = 1U << RULES_CURRENT,
    [LOCALITY_SITEDEFAULT] = 1U << RULES_CURRENT,
    [LOCALITY_REMOTE] = 1U << RULES_2007 | 1U << RULES_2012,
    [LOCALITY_INTERNET] = ALL_RULES,
    [LOCALITY_CLOUD] = ALL_RULES,
};

static const size_t keys_of[RULES_COUNT] = {
    [RULES_2007] = 6, [RULES_2012] = 5, [RULES_CURRENT] = 4};

static void check_seen(enum location_rules rules, const char *what, bool possible, size_t seen)
{
    if (possible != (seen > 0))
        fail_msg("rules %s: %s, %zu times", location_rules_word(rules), what, seen);
}

/* Each answer that a rule set has was given, no other was, and each key of its order decided. */
static void check_tally(const struct tally *tally)
{
    for (enum location_rules rules = 0; rules < RULES_COUNT; rules++) {
        for (size_t i = 0; i < EXCLUSION_COUNT; i++)
            check_seen(rules, exclusion_word((enum exclusion)i), (codes_of[i] >> rules) & 1,
                       tally->codes[rules][i]);
        for (size_t i = 0; i < LOCALITY_COUNT; i++)
            check_seen(rules, locality_word((enum locality)i), (localities_of[i] >> rules) & 1,
                       tally->localities[rules][i]);
        for (size_t i = 0; i < ORACLE_KEYS; i++)
            check_seen(rules, "a key of the order", i < keys_of[rules], tally->keys[rules][i]);
        check_seen(rules, "an order by weight", true, tally->weights[rules]);
    }
    assert_true(tally->no_group > 0 && tally->on_demand_coming > 0);
    assert_true(tally->assigned_serves > 0 && tally->hiding > 0 && tally->protecting > 0);
}

static size_t scale(void)
{
    const char *given = getenv("NEARPOINT_TEST_SCALE");
    size_t number = given ? strtoul(given, NULL, 10) : 1;
    return number > 0 ? number : 1;
}

static uint64_t first_seed(void)
{
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("seeds from %" PRIu64 " (SEED)\n", seed);
    return seed;
}

static void as_the_oracle_says(void **state)
{
    (void)state;
    uint64_t first = first_seed();
    struct tally tally = {.cases = 0};
    for (uint64_t i = 0; i < SITES / scale(); i++)
        run_site(&tally, first + i);
    if (tally.wrong > 0)
        fail_msg("%zu of %zu cases differ", tally.wrong, tally.cases);
    check_tally(&tally);
}

static void hold_many(uint64_t seed)
{
    struct stage stage;
    begin(&stage, seed);
    stage.dice.is_wide = dice_roll(&stage.dice, 2);
    cases_write_boundaries(&stage.site, &stage.dice, dice_roll(&stage.dice, BIG_BOUNDARIES + 1));
    open_site(&stage, seed);
    for (int i = 0; i < BIG_MACHINES; i++) {
        struct buf why = {0};
        read_machine(&stage);
        roll_question(&stage);
        location_decide(&stage.decision, &stage.request);
        compare_boundaries(&why, &stage);
        if (why.len > 0)
            fail_msg("SEED=%" PRIu64 "\nsite: %s\nmachine: %s\n%s", seed, stage.site.data,
                     stage.machine_text.data, why.data);
        decision_free(&stage.decision);
        machine_free(&stage.machine);
    }
    close_site(&stage);
}

/* Hundreds of boundaries that overlap, from one address to all of them. */
static void boundaries_of_all_sizes(void **state)
{
    (void)state;
    uint64_t first = first_seed();
    for (uint64_t i = 0; i < (BIG_SITES + scale() - 1) / scale(); i++)
        hold_many(first + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_oracle_says),
        cmocka_unit_test(boundaries_of_all_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
