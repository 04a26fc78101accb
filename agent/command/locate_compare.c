/* locate --compare: a reply beside nearpoint's own list, and the rule behind each difference. */
#include "agent/command/locate.h"
#include "agent/command/location_json.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

static struct difference *add(struct locate *locate, enum difference_kind kind)
{
    struct difference *difference = &locate->differences[locate->difference_count++];
    *difference = (struct difference){.kind = kind, .group_id = -1};
    return difference;
}

/* The most that can be: two a record and a location, an order a record, and the rules. */
static void make_room(struct locate *locate)
{
    size_t most = 1 + 3 * locate->reply.record_count + locate->decision.location_count +
                  locate->reply.group_count + locate->decision.group_count;
    locate->differences = arena_zero(&locate->decision.arena, most, sizeof *locate->differences);
}

/* ---- groups ---- */

static bool reply_has_group(const struct location_reply *reply, int64_t id)
{
    for (size_t i = 0; i < reply->group_count; i++)
        if (reply->groups[i].id == id)
            return true;
    return false;
}

static bool is_current(const struct decision *decision, int64_t id)
{
    for (size_t i = 0; i < decision->group_count; i++)
        if (decision->groups[i].via == VIA_BOUNDARY && decision->groups[i].group->id == id)
            return true;
    return false;
}

static void compare_groups(struct locate *locate)
{
    const struct location_reply *reply = &locate->reply;
    const struct decision *decision = &locate->decision;
    if (!reply->has_groups)
        return;
    for (size_t i = 0; i < reply->group_count; i++)
        if (!is_current(decision, reply->groups[i].id)) {
            struct difference *difference = add(locate, DIFFERENCE_GROUP_THERE);
            difference->group_id = reply->groups[i].id;
            difference->group = site_find_group(&locate->world.site, reply->groups[i].id);
        }
    for (size_t i = 0; i < decision->group_count; i++) {
        const struct site_group *group = decision->groups[i].group;
        if (decision->groups[i].via != VIA_BOUNDARY || reply_has_group(reply, group->id))
            continue;
        struct difference *difference = add(locate, DIFFERENCE_GROUP_HERE);
        difference->group_id = group->id;
        difference->group = group;
    }
}

/* ---- locations ---- */

/* LOCAL says no more than local: the network is the client's to find. */
static bool same_locality(const struct location_reply_record *record,
                          const struct location *location)
{
    if (!record->locality_known || record->locality == location->locality)
        return true;
    return text_equal(record->reported, "LOCAL") && location->distance == DISTANCE_LOCAL;
}

static void compare_record(struct locate *locate, const struct location_reply_record *record)
{
    const struct site_dp *dp = locate_reply_dp(locate, record);
    const struct location *location = dp ? locate_find_location(locate, dp) : NULL;
    if (!dp || record->kind == REPLY_MICROSOFT_UPDATE) {
        add(locate, DIFFERENCE_NO_DP)->record = record;
        return;
    }
    if (!location) {
        struct difference *difference = add(locate, DIFFERENCE_EXCLUDED_HERE);
        difference->record = record;
        difference->excluded = locate_find_excluded(locate, dp);
        return;
    }
    bool same_url = !record->url || text_equal(record->url, location->url);
    if (!same_locality(record, location)) {
        struct difference *difference = add(locate, DIFFERENCE_LOCALITY);
        difference->record = record;
        difference->location = location;
    }
    if (!same_url) {
        struct difference *difference = add(locate, DIFFERENCE_URL);
        difference->record = record;
        difference->location = location;
    }
}

static void find_missing(struct locate *locate)
{
    size_t dp_count = locate->world.site.dp_count;
    bool *seen = arena_zero(&locate->decision.arena, dp_count, sizeof *seen);
    for (size_t i = 0; i < locate->reply.record_count; i++)
        if (locate->record_dps[i])
            seen[locate->record_dps[i] - locate->world.site.dps] = true;
    for (size_t i = 0; i < locate->decision.location_count; i++)
        if (!seen[locate->decision.locations[i].dp - locate->world.site.dps])
            add(locate, DIFFERENCE_MISSING_THERE)->location = &locate->decision.locations[i];
}

/* Of two that follow each other in the reply: equals are in a random order in both. */
static void compare_order(struct locate *locate)
{
    const struct location *last = NULL;
    for (size_t i = 0; i < locate->reply.record_count; i++) {
        const struct location_reply_record *record = &locate->reply.records[i];
        const struct site_dp *dp = locate_reply_dp(locate, record);
        const struct location *location = dp ? locate_find_location(locate, dp) : NULL;
        if (!location)
            continue;
        if (last && location < last &&
            decision_rank_key(&locate->decision, location, last) != RANK_RANDOM) {
            struct difference *difference = add(locate, DIFFERENCE_ORDER);
            difference->record = record;
            difference->location = location;
            difference->behind = last;
        }
        last = location;
    }
}

void locate_compare(struct locate *locate)
{
    make_room(locate);
    if (locate->reply.rules != locate->decision.rules &&
        (locate->reply.rules == RULES_CURRENT || locate->decision.rules == RULES_CURRENT))
        add(locate, DIFFERENCE_RULES);
    compare_groups(locate);
    for (size_t i = 0; i < locate->reply.record_count; i++)
        compare_record(locate, &locate->reply.records[i]);
    find_missing(locate);
    compare_order(locate);
}

/* ---- words ---- */

const char *difference_word(enum difference_kind kind)
{
    static const char *const words[] = {
        [DIFFERENCE_RULES] = "rules",
        [DIFFERENCE_GROUP_THERE] = "groupOnlyInReply",
        [DIFFERENCE_GROUP_HERE] = "groupOnlyHere",
        [DIFFERENCE_NO_DP] = "notInPolicy",
        [DIFFERENCE_EXCLUDED_HERE] = "excludedHere",
        [DIFFERENCE_MISSING_THERE] = "notInReply",
        [DIFFERENCE_LOCALITY] = "locality",
        [DIFFERENCE_URL] = "url",
        [DIFFERENCE_ORDER] = "order",
    };
    return words[kind];
}

static void add_group_words(struct buf *out, const struct locate *locate,
                            const struct difference *difference)
{
    const char *machine = locate_machine_name(locate);
    if (!difference->group)
        buf_format(out, "the policy knows no boundary group %lld", (long long)difference->group_id);
    else if (difference->kind == DIFFERENCE_GROUP_THERE)
        buf_format(out, "no boundary of '%s' holds %s here: ask where --why '%s'",
                   difference->group->name, machine, difference->group->name);
    else
        buf_format(out, "'%s' holds %s here", difference->group->name, machine);
}

static void add_no_dp_words(struct buf *out, const struct difference *difference)
{
    if (difference->record->kind == REPLY_PEER)
        buf_append_text(out, "another client's cache: nearpoint uses no peers");
    else if (difference->record->kind == REPLY_MICROSOFT_UPDATE)
        buf_append_text(out, "Microsoft Update: nearpoint does not download from it");
    else
        buf_append_text(out, "the policy holds no distribution point of this name");
}

static void add_reason(struct buf *out, char *reason)
{
    buf_append_text(out, reason ? reason : "");
    free(reason);
}

char *difference_words(const struct locate *locate, const struct difference *difference)
{
    struct buf out = {0};
    switch (difference->kind) {
    case DIFFERENCE_RULES:
        buf_format(&out, "the reply has the form of %s, the list is by the rules of %s",
                   location_rules_word(locate->reply.rules),
                   location_rules_word(locate->decision.rules));
        break;
    case DIFFERENCE_GROUP_THERE:
    case DIFFERENCE_GROUP_HERE: add_group_words(&out, locate, difference); break;
    case DIFFERENCE_NO_DP: add_no_dp_words(&out, difference); break;
    case DIFFERENCE_EXCLUDED_HERE:
        buf_format(&out, "%s: ", exclusion_word(difference->excluded->code));
        add_reason(&out, words_excluded(&locate->answer, difference->excluded));
        break;
    case DIFFERENCE_MISSING_THERE:
    case DIFFERENCE_LOCALITY:
        buf_format(&out, "%s: ", locality_word(difference->location->locality));
        add_reason(&out, words_location(&locate->answer, difference->location));
        break;
    case DIFFERENCE_URL: buf_format(&out, "here %s", difference->location->url); break;
    case DIFFERENCE_ORDER:
        buf_format(&out, "here before %s: ", difference->behind->dp->name);
        add_reason(&out, words_order(&locate->answer, difference->location, difference->behind));
        break;
    }
    return out.data;
}

static const char *name_of(const struct locate *locate, const struct difference *difference)
{
    if (difference->location)
        return difference->location->dp->name;
    if (!difference->record)
        return difference->group ? difference->group->name : NULL;
    const struct site_dp *dp = locate_reply_dp(locate, difference->record);
    return dp && difference->kind != DIFFERENCE_NO_DP ? dp->name : difference->record->dp;
}

static const char *reply_word(const struct locate *locate, const struct difference *difference)
{
    if (difference->kind == DIFFERENCE_RULES)
        return location_rules_word(locate->reply.rules);
    if (difference->kind == DIFFERENCE_URL)
        return difference->record->url;
    return difference->record ? difference->record->reported : NULL;
}

static const char *here_word(const struct locate *locate, const struct difference *difference)
{
    if (difference->kind == DIFFERENCE_RULES)
        return location_rules_word(locate->decision.rules);
    if (difference->excluded)
        return exclusion_word(difference->excluded->code);
    if (difference->kind == DIFFERENCE_URL)
        return difference->location->url;
    return difference->location ? locality_word(difference->location->locality) : NULL;
}

/* ---- printing ---- */

json_t *locate_compare_json(const struct locate *locate)
{
    json_t *object = locate_json(locate), *list = json_array();
    for (size_t i = 0; i < locate->difference_count; i++) {
        const struct difference *difference = &locate->differences[i];
        char *rule = difference_words(locate, difference);
        const char *name = name_of(locate, difference);
        bool is_group = difference->group_id >= 0;
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "difference",
                                        difference_word(difference->kind), "dp",
                                        location_json_text(is_group ? NULL : name), "group",
                                        is_group ? json_integer(difference->group_id) : json_null(),
                                        "reply", location_json_text(reply_word(locate, difference)),
                                        "here", location_json_text(here_word(locate, difference)),
                                        "rule", location_json_text(rule)));
        free(rule);
    }
    json_object_set_new(object, "reply", locate_reply_json(locate));
    json_object_set_new(object, "differences", list);
    return object;
}

static void add_difference(const struct locate *locate, const struct difference *difference,
                           struct buf *out)
{
    static const char *const words[] = {
        [DIFFERENCE_RULES] = "other rules",
        [DIFFERENCE_GROUP_THERE] = "group only in the reply",
        [DIFFERENCE_GROUP_HERE] = "group only here",
        [DIFFERENCE_NO_DP] = "only in the reply",
        [DIFFERENCE_EXCLUDED_HERE] = "only in the reply",
        [DIFFERENCE_MISSING_THERE] = "only here",
        [DIFFERENCE_LOCALITY] = "another locality",
        [DIFFERENCE_URL] = "another URL",
        [DIFFERENCE_ORDER] = "another order",
    };
    const char *name = name_of(locate, difference), *there = reply_word(locate, difference);
    char *rule = difference_words(locate, difference);
    buf_append_text(out, "\n");
    command_add_line(out, "  %s%s%s%s%s", words[difference->kind], name ? ": " : "",
                     name ? name : "", there ? ", in the reply " : "", there ? there : "");
    command_add_line(out, "      %s", rule);
    free(rule);
}

void locate_compare_text(const struct locate *locate, struct buf *out)
{
    command_add_line(out, "reply     %s:%u, %zu locations, the form of %s", locate->options->reply,
                     locate->reply.line, locate->reply.record_count,
                     location_rules_word(locate->reply.rules));
    char *minute = locate->options->all
                       ? mem_format("whenever they join")
                       : mem_format("at minute %lld", (long long)locate->options->at);
    command_add_line(out, "here      %zu locations for %s %s, by the rules of %s",
                     locate->decision.location_count, locate_machine_name(locate), minute,
                     location_rules_word(locate->decision.rules));
    free(minute);
    if (locate->difference_count == 0)
        command_add_line(out, "no difference");
    for (size_t i = 0; i < locate->difference_count; i++)
        add_difference(locate, &locate->differences[i], out);
}
