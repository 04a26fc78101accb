/* locate for people: a header, the list, what is not used and why; or one line for a ticket. */
#include "agent/command/locate.h"

#include "policy/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRANGERS_SHOWN 10 /* DPs in no group of the machine, beyond which --excluded is needed */

/* "PS100001 version 3" */
static char *content_text(const struct locate *locate)
{
    const struct site_content *content = locate->content;
    if (!content)
        return mem_format("%s (not known)", locate->asked);
    if (!content->has_version)
        return mem_format("%s, version not known", content->id);
    return mem_format("%s version %lld", content->id, (long long)content->version);
}

const char *locate_machine_name(const struct locate *locate)
{
    const char *name = locate->world.machine.name;
    return name ? name : "the machine";
}

static void add_content(const struct locate *locate, struct buf *out)
{
    const struct site_content *content = locate->content;
    char *text = content_text(locate);
    const char *name = content && content->name ? content->name : NULL;
    if (locate->has_manifest)
        command_add_line(out, "content   %s%s%s: %zu files, %lld bytes", text, name ? ", " : "",
                         name ? name : "", locate->manifest.count,
                         (long long)locate->manifest.bytes);
    else
        command_add_line(out, "content   %s%s%s", text, name ? ", " : "", name ? name : "");
    free(text);
}

static void add_machine(const struct locate *locate, struct buf *out)
{
    const struct machine *machine = &locate->world.machine;
    struct buf facts = {0};
    buf_append_text(&facts, "");
    for (size_t i = 0; i < machine->address_count; i++)
        buf_format(&facts, ", %s", machine->addresses[i].text);
    if (machine->ad_site)
        buf_format(&facts, ", AD site %s", machine->ad_site);
    buf_format(&facts, "%s%s%s", machine->vpn ? ", VPN" : "", machine->metered ? ", metered" : "",
               machine->internet ? ", on the internet" : "");
    command_add_line(out, "machine   %s%s", locate_machine_name(locate),
                     facts.data ? facts.data : "");
    buf_free(&facts);
}

static void add_group(const struct located_group *group, struct buf *out)
{
    const char *name = group->group->name;
    long long id = (long long)group->group->id, minutes = (long long)group->minutes;
    const char *link = group->via == VIA_NEIGHBOR ? "neighbor" : "default group";
    if (group->via == VIA_BOUNDARY)
        command_add_line(out, "group     %s (%lld): holds the machine", name, id);
    else if (!group->through)
        command_add_line(out, "group     %s (%lld): no boundary group holds the machine", name, id);
    else if (group->never)
        command_add_line(out, "group     %s (%lld): %s of %s, never", name, id, link,
                         group->through->name);
    else if (minutes == 0)
        command_add_line(out, "group     %s (%lld): %s of %s, at once", name, id, link,
                         group->through->name);
    else
        command_add_line(out, "group     %s (%lld): %s of %s, after %lld minutes", name, id, link,
                         group->through->name, minutes);
}

static void add_sites(const struct decision *decision, struct buf *out)
{
    struct buf sites = {0};
    words_add_sites(&sites, decision);
    command_add_line(out, "site      current %s, assigned %s", sites.data,
                     decision->assigned_site ? decision->assigned_site : "not known");
    buf_free(&sites);
}

/* What the deployment's two permissions mean in each rule set. */
static void add_permissions(const struct location_deployment *deployment, enum location_rules rules,
                            struct buf *out)
{
    static const char *const words[RULES_COUNT][2] = {
        [RULES_2007] = {"remote ones", "unprotected beside protected ones"},
        [RULES_2012] = {"slow networks", "fallback"},
        [RULES_CURRENT] = {"neighbor groups", "the default group"},
    };
    bool remote = location_deployment_remote(deployment);
    bool fallback = deployment->fallback && (remote || rules != RULES_CURRENT);
    buf_format(out, "%s %s, %s %s", words[rules][0], remote ? "allowed" : "not allowed",
               words[rules][1], fallback ? "allowed" : "not allowed");
    if (deployment->on_demand)
        buf_append_text(out, "; content on demand");
    if (deployment->run_from_dp)
        buf_append_text(out, "; runs from the distribution point");
}

/* Nobody checks that a deployment is the content's: a task sequence's is of many. */
static bool is_of_another(const struct locate *locate)
{
    const struct site_deployment *named = locate->question.deployment;
    const struct site_content *content = locate->content;
    if (!named || !named->content_id || named->is_task_sequence || !content)
        return false;
    return !text_equal(named->content_id, content->id) &&
           !(content->package_id && text_equal(named->content_id, content->package_id));
}

static void add_deployment(const struct locate *locate, struct buf *out)
{
    const struct location_deployment *deployment = &locate->question.request.deployment;
    struct buf text = {0};
    if (deployment->assumed)
        buf_append_text(&text, "no deployment was named: every download option counts as allowed");
    else
        add_permissions(deployment, locate->decision.rules, &text);
    if (deployment->task_sequence)
        buf_append_text(&text, locate->decision.rules == RULES_CURRENT
                                   ? "; a task sequence: neighbors at once"
                                   : "; a task sequence");
    if (is_of_another(locate))
        buf_format(&text, "; it is one of %s, not of this content",
                   locate->question.deployment->content_id);
    if (deployment->assumed)
        command_add_line(out, "assumed   %s", text.data);
    else
        command_add_line(out, "deploys   %s: %s", locate->options->deployment, text.data);
    buf_free(&text);
}

static void add_header(const struct locate *locate, struct buf *out)
{
    const struct decision *decision = &locate->decision;
    add_content(locate, out);
    add_machine(locate, out);
    for (size_t i = 0; i < decision->group_count; i++)
        add_group(&decision->groups[i], out);
    if (decision->group_count == 0)
        command_add_line(out, "group     %s",
                         decision->no_group && decision->rules == RULES_CURRENT &&
                                 !decision->assigned_site
                             ? "none, and no site is known whose default group would serve"
                             : "none");
    if (decision->rules != RULES_CURRENT)
        command_add_line(out, "rules     %s", location_rules_word(decision->rules));
    if (decision->rules == RULES_2007 && !locate->world.machine.internet)
        add_sites(decision, out);
    add_deployment(locate, out);
    if (decision->presence_assumed)
        command_add_line(
            out, "assumed   the policy does not say what is where: every distribution point may "
                 "hold it");
    if (decision->addresses_assumed)
        command_add_line(
            out, "assumed   some distribution points' addresses are not known: they count as in "
                 "another subnet");
}

static void add_locations(const struct locate *locate, struct buf *out)
{
    const struct decision *decision = &locate->decision;
    for (size_t i = 0; i < decision->location_count; i++) {
        const struct location *location = &decision->locations[i];
        char *reason = words_location(&locate->answer, location);
        buf_append_text(out, "\n");
        if (location->after_minutes)
            command_add_line(out, "%3zu  %s  %s  %s, from minute %lld", i + 1, location->dp->name,
                             locality_word(location->locality), dp_kind_word(location->dp->kind),
                             (long long)location->after_minutes);
        else
            command_add_line(out, "%3zu  %s  %s  %s", i + 1, location->dp->name,
                             locality_word(location->locality), dp_kind_word(location->dp->kind));
        command_add_line(out, "     %s", location->url);
        command_add_line(out, "     %s", reason ? reason : "");
        free(reason);
    }
    if (decision->location_count == 0)
        buf_append_text(out, "\nno location\n");
}

/* In a group that serves the machine, now or later? */
static bool is_in_group(const struct locate *locate, const struct site_dp *dp)
{
    for (size_t i = 0; i < locate->decision.group_count; i++)
        if (site_group_has_dp(&locate->world.site, locate->decision.groups[i].group, dp))
            return true;
    return false;
}

static void add_excluded(const struct locate *locate, struct buf *out)
{
    const struct decision *decision = &locate->decision;
    size_t strangers = 0;
    if (decision->excluded_count)
        buf_append_text(out, "\nnot used\n");
    for (size_t i = 0; i < decision->excluded_count; i++) {
        const struct excluded_dp *excluded = &decision->excluded[i];
        bool is_stranger = !is_in_group(locate, excluded->dp);
        if (is_stranger && ++strangers > STRANGERS_SHOWN && !locate->options->excluded)
            continue;
        char *reason = words_excluded(&locate->answer, excluded);
        command_add_line(out, "     %s  %s: %s", excluded->dp->name, exclusion_word(excluded->code),
                         reason ? reason : "");
        free(reason);
    }
    if (strangers > STRANGERS_SHOWN && !locate->options->excluded)
        command_add_line(out,
                         "     and %zu more in no group of the machine (--excluded lists them)",
                         strangers - STRANGERS_SHOWN);
}

void locate_text(const struct locate *locate, struct buf *out)
{
    add_header(locate, out);
    add_locations(locate, out);
    if (locate->decision.on_demand_coming)
        buf_append_text(out, "\ncoming\n     on no preferred distribution point: the content is on "
                             "demand, so the site sends it there; ask again later\n");
    add_excluded(locate, out);
}

static void add_current_groups(const struct decision *decision, struct buf *text)
{
    size_t count = 0;
    for (size_t i = 0; i < decision->group_count; i++) {
        const struct located_group *group = &decision->groups[i];
        if (group->via == VIA_BOUNDARY)
            buf_format(text, "%s%s", count++ ? ", " : " in ", group->group->name);
    }
    if (count == 0)
        buf_append_text(text, " in no boundary group");
}

void locate_brief(const struct locate *locate, struct buf *out)
{
    const struct decision *decision = &locate->decision;
    char *content = content_text(locate);
    struct buf text = {0};
    int64_t next = decision_next_minute(decision);
    buf_format(&text, "%s for %s", content, locate_machine_name(locate));
    add_current_groups(decision, &text);
    buf_append_text(&text, decision->location_count ? ":" : ": no location");
    for (size_t i = 0; i < decision->location_count; i++)
        buf_format(&text, "%s %s (%s)", i ? "," : "", decision->locations[i].dp->name,
                   locality_word(decision->locations[i].locality));
    buf_format(&text, "; %zu not used", decision->excluded_count);
    if (next >= 0)
        buf_format(&text, "; the next joins after %lld minutes", (long long)next);
    command_add_line(out, "%s", text.data);
    buf_free(&text);
    free(content);
}

static void add_step(const struct locate *locate, const struct location_step *step, struct buf *out)
{
    char *text = locate_step_words(locate, step);
    command_add_line(out, "  %-4s %-27s %s", step->excludes ? "NO" : "ok",
                     exclusion_word(step->code), text ? text : "");
    free(text);
}

/* What put it before and behind its neighbours. */
static void add_neighbours(const struct locate *locate, const struct location *location,
                           struct buf *out)
{
    const struct decision *decision = &locate->decision;
    size_t index = (size_t)(location - decision->locations);
    for (size_t i = 0; i < 2; i++) {
        bool is_last = index + 1 == decision->location_count;
        if (i == 0 ? index == 0 : is_last)
            continue;
        const struct location *first = location - (i == 0), *second = first + 1;
        char *order = words_order(&locate->answer, first, second);
        command_add_line(out, "%-9s %s: %s", i == 0 ? "behind" : "before",
                         (i == 0 ? first : second)->dp->name, order);
        free(order);
    }
}

/* The answer itself, ahead of the rules. */
static void add_verdict(const struct locate *locate, const struct location *location,
                        struct buf *out)
{
    const char *name = locate->why->name, *kind = dp_kind_word(locate->why->kind);
    const struct excluded_dp *excluded = locate_find_excluded(locate, locate->why);
    char *reason = location ? words_location(&locate->answer, location)
                            : words_excluded(&locate->answer, excluded);
    if (location && location->after_minutes)
        command_add_line(out, "%s (%s) is %zu of %zu, %s, from minute %lld", name, kind,
                         (size_t)(location - locate->decision.locations) + 1,
                         locate->decision.location_count, locality_word(location->locality),
                         (long long)location->after_minutes);
    else if (location)
        command_add_line(out, "%s (%s) is %zu of %zu, %s", name, kind,
                         (size_t)(location - locate->decision.locations) + 1,
                         locate->decision.location_count, locality_word(location->locality));
    else if (excluded->after_minutes >= 0)
        command_add_line(out, "%s (%s) is not used before minute %lld: %s", name, kind,
                         (long long)excluded->after_minutes, exclusion_word(excluded->code));
    else
        command_add_line(out, "%s (%s) is not used: %s", name, kind,
                         exclusion_word(excluded->code));
    command_add_line(out, "     %s", reason);
    free(reason);
    if (location)
        command_add_line(out, "     %s", location->url);
}

void locate_why(const struct locate *locate, struct buf *out)
{
    const struct location *location = locate_find_location(locate, locate->why);
    add_header(locate, out);
    buf_append_text(out, "\n");
    add_verdict(locate, location, out);
    buf_append_text(out, "\n");
    command_add_line(out, "rules of %s, in order", location_rules_word(locate->decision.rules));
    for (size_t i = 0; i < locate->walk.count; i++)
        add_step(locate, &locate->walk.steps[i], out);
    if (location && locate->decision.location_count > 1) {
        buf_append_text(out, "\n");
        add_neighbours(locate, location, out);
    }
}
