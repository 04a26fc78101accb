/*
 * How fast a location decision is: an index of N boundaries, the boundaries that hold a machine of
 * four addresses, a ranked list. Prints one JSON object; times are medians in nanoseconds of CPU
 * time.
 *
 *   speed_location BOUNDARIES GROUPS DPS [FOLDER]
 *
 * FOLDER gets what others are to read: policy.xml; boundaries, a line each ("a-b" or a prefix);
 * addresses, four lines for each machine.
 */
#include "agent/location/internal.h"
#include "policy/base/buf.h"
#include "tests/speed/median.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS     25
#define REPEATS  20 /* of what takes no time */
#define MACHINES 64
#define CONTENT  "PS100001"

struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
    dice->state = dice->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(dice->state >> 33) % sides;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* false: the folder takes no file; where there is none, nothing is to be saved. */
static bool save(const char *folder, const char *name, const struct buf *text)
{
    char path[4096];
    if (!folder)
        return true;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    bool ok = file && fwrite(text->data, 1, text->len, file) == text->len;
    if ((file && fclose(file)) || !ok) {
        perror(path);
        return false;
    }
    return true;
}

/* ---- the estate ---- */

static void property(struct buf *xml, const char *name, const char *value)
{
    buf_format(xml, "<property name=\"%s\" type=\"8\"><value>%s</value></property>", name, value);
}

static void number(struct buf *xml, const char *name, unsigned long value)
{
    char text[24];
    snprintf(text, sizeof text, "%lu", value);
    property(xml, name, text);
}

static void begin(struct buf *xml, const char *class_name)
{
    buf_format(xml, "<instance class=\"%s\">", class_name);
}

static void end(struct buf *xml)
{
    buf_append_text(xml, "</instance>\n");
}

static void ipv4_text(char out[16], uint32_t address)
{
    snprintf(out, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
             address & 255);
}

/* Boundaries of one place are of one group. */
static size_t group_of(uint32_t place, size_t groups)
{
    return 1 + (uint64_t)place * 2654435761u % groups;
}

/* 70 % IPv4, half of it in 10.0.0.0/8: whole networks of /16 to /29, or a part of one; 30 % IPv6
   prefixes of /40 to /64. */
static int value_of(struct dice *dice, uint32_t *place, char out[96])
{
    char first[16], last[16];
    if (roll(dice, 10) >= 7) {
        uint32_t third = roll(dice, 65536);
        snprintf(out, 96, "2001:db8:%x:%x::/%u", third, roll(dice, 65536), 40 + roll(dice, 25));
        *place = third >> 8;
        return BOUNDARY_IPV6_PREFIX;
    }
    uint32_t address = roll(dice, 2) ? 0x0A000000 | roll(dice, 1 << 24) : roll(dice, UINT32_MAX);
    uint32_t mask = UINT32_MAX >> (16 + roll(dice, 14)), begins = address & ~mask, ends = begins;
    if (roll(dice, 10) < 6)
        ends = begins | mask;
    else
        ends += 2 + roll(dice, mask - 2);
    *place = address >> 16;
    ipv4_text(first, begins);
    ipv4_text(last, ends);
    snprintf(out, 96, "%s-%s", first, last);
    return BOUNDARY_IP_RANGE;
}

static void add_boundaries(struct buf *xml, struct dice *dice, size_t count, size_t groups,
                           struct buf *list)
{
    for (size_t i = 1; i <= count; i++) {
        char value[96];
        uint32_t place;
        int type = value_of(dice, &place, value);
        begin(xml, "SMS_Boundary");
        number(xml, "BoundaryID", i);
        number(xml, "BoundaryType", (unsigned long)type);
        property(xml, "Value", value);
        end(xml);
        begin(xml, "SMS_BoundaryGroupMembers");
        number(xml, "BoundaryID", i);
        number(xml, "GroupID", group_of(place, groups));
        end(xml);
        buf_format(list, "%s\n", value);
    }
}

static void add_dp(struct buf *xml, struct dice *dice, size_t i, size_t groups)
{
    char nal[128], address[40];
    snprintf(nal, sizeof nal,
             "[\"Display=\\\\dp%zu.test\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\dp%zu.test\\", i, i);
    begin(xml, "SMS_DistributionPointInfo");
    property(xml, "NALPath", nal);
    end(xml);
    begin(xml, "NP_DistributionPoint");
    property(xml, "NALPath", nal);
    snprintf(address, sizeof address, "10.%u.%u.10/24", roll(dice, 256), roll(dice, 256));
    property(xml, "Addresses", address);
    end(xml);
    begin(xml, "SMS_BoundaryGroupSiteSystems");
    property(xml, "ServerNALPath", nal);
    number(xml, "GroupID", 1 + roll(dice, (uint32_t)groups));
    end(xml);
    if (roll(dice, 10) >= 7)
        return;
    begin(xml, "SMS_PackageStatusDistPointsSummarizer");
    property(xml, "ServerNALPath", nal);
    property(xml, "PackageID", CONTENT);
    number(xml, "State", 0);
    number(xml, "SourceVersion", 3);
    end(xml);
}

static void add_groups(struct buf *xml, struct dice *dice, size_t count)
{
    for (size_t i = 1; i <= count; i++) {
        char name[32];
        snprintf(name, sizeof name, "Group %zu", i);
        begin(xml, "SMS_BoundaryGroup");
        number(xml, "GroupID", i);
        property(xml, "Name", name);
        end(xml);
        for (int j = 0; j < 2; j++) {
            begin(xml, "SMS_BoundaryGroupRelationships");
            number(xml, "SourceGroupID", i);
            number(xml, "DestinationGroupID", 1 + roll(dice, (uint32_t)count));
            number(xml, "FallbackDP", 10 + roll(dice, 60));
            end(xml);
        }
    }
}

static void write_estate(struct buf *xml, struct buf *list, const size_t counts[3])
{
    struct dice dice = {42};
    buf_append_text(xml, "<Policy PolicyType=\"Machine\" PolicyID=\"{s}\" PolicyVersion=\"1.00\" "
                         "PolicySource=\"SMS:PS1\"><PolicyRule PolicyRuleID=\"{r}\">"
                         "<PolicyAction PolicyActionType=\"WMI-XML\">\n");
    add_boundaries(xml, &dice, counts[0], counts[1], list);
    add_groups(xml, &dice, counts[1]);
    for (size_t i = 0; i < counts[2]; i++)
        add_dp(xml, &dice, i, counts[1]);
    begin(xml, "SMS_Package");
    property(xml, "PackageID", CONTENT);
    number(xml, "SourceVersion", 3);
    end(xml);
    buf_append_text(xml, "</PolicyAction></PolicyRule></Policy>");
}

static bool read_estate(struct policy *policy, struct site *site, const size_t counts[3],
                        const char *folder)
{
    struct buf xml = {0}, list = {0};
    struct error err = {0};
    write_estate(&xml, &list, counts);
    bool saved = save(folder, "policy.xml", &xml) && save(folder, "boundaries", &list);
    bool ok = policy_read_bytes(policy, "speed.xml", xml.data, xml.len, &err) &&
              policy_settle(policy, &err) && site_read(site, policy, &err);
    if (!ok)
        error_print(stderr, &err);
    buf_free(&xml);
    buf_free(&list);
    return saved && ok;
}

static void add_address(struct machine *machine, struct buf *list, const char *address, int bits)
{
    struct error err;
    char text[96];
    snprintf(text, sizeof text, "address=%s/%d", address, bits);
    machine_set(machine, text, &err);
    buf_format(list, "%s\n", address);
}

/* Two IPv4 and two IPv6 addresses, drawn as the boundaries are: one IPv4 address in 10.0.0.0/8,
   one elsewhere. */
static void make_machine(struct machine *machine, struct dice *dice, struct buf *list)
{
    struct error err;
    char text[64];
    *machine = (struct machine){0};
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "%u.%u.%u.%u", i ? 11 + roll(dice, 200) : 10, roll(dice, 256),
                 roll(dice, 256), 1 + roll(dice, 250));
        add_address(machine, list, text, 24);
        snprintf(text, sizeof text, "2001:db8:%x:%x::%x", roll(dice, 65536), roll(dice, 65536),
                 1 + roll(dice, 250));
        add_address(machine, list, text, 64);
    }
    snprintf(text, sizeof text, "name=PC%u", roll(dice, 100000));
    machine_set(machine, text, &err);
    machine_settle(machine);
}

static bool make_machines(struct machine *machines, const char *folder)
{
    struct dice dice = {7};
    struct buf list = {0};
    for (size_t i = 0; i < MACHINES; i++)
        make_machine(&machines[i], &dice, &list);
    bool ok = save(folder, "addresses", &list);
    buf_free(&list);
    return ok;
}

/* ---- the times ---- */

static double time_index(const struct site *site, struct location_index **kept)
{
    double times[9];
    for (size_t i = 0; i < 9; i++) {
        location_index_free(*kept);
        double began = now();
        *kept = location_index_create(site);
        times[i] = now() - began;
    }
    return median(times, 9);
}

static double time_match(const struct location_index *index, const struct machine *machines,
                         size_t *hits_each)
{
    double times[RUNS];
    size_t total = 0;
    for (size_t run = 0; run < RUNS; run++) {
        double began = now();
        for (size_t i = 0; i < REPEATS * MACHINES; i++) {
            struct hits hits;
            location_match(index, &machines[i % MACHINES], &hits);
            total += hits.count;
            hits_free(&hits);
        }
        times[run] = (now() - began) / (REPEATS * MACHINES);
    }
    *hits_each = total / RUNS / (REPEATS * MACHINES);
    return median(times, RUNS);
}

/* Asks every boundary. */
static double time_scan(const struct site *site, const struct machine *machine, size_t *hits)
{
    double times[9];
    for (size_t run = 0; run < 9; run++) {
        double began = now();
        *hits = 0;
        for (size_t i = 0; i < site->boundary_count; i++)
            *hits += location_boundary_holds(&site->boundaries[i], machine);
        times[run] = now() - began;
    }
    return median(times, 9);
}

static double time_decide(struct location_request request, const struct machine *machines,
                          double *locations_each)
{
    double times[RUNS];
    size_t total = 0;
    for (size_t run = 0; run < RUNS; run++) {
        double began = now();
        for (size_t i = 0; i < MACHINES; i++) {
            struct decision decision;
            request.machine = &machines[i];
            location_decide(&decision, &request);
            total += decision.location_count;
            decision_free(&decision);
        }
        times[run] = (now() - began) / MACHINES;
    }
    *locations_each = (double)total / RUNS / MACHINES;
    return median(times, RUNS);
}

static void print_list(const char *name, const struct location_request *request,
                       const struct machine *machines)
{
    double locations, taken = time_decide(*request, machines, &locations);
    printf(",\n \"%s\": {\"time\": %.0f, \"locations\": %.1f}", name, taken, locations);
}

/* What is known of a content's holders is made anew: it tells protected ones apart. */
static void print_protected(const char *name, struct location_request request, struct site *site,
                            const struct machine *machines)
{
    for (size_t i = 0; i < site->dp_count; i++)
        site->dps[i].is_protected = true;
    struct location_content *content =
        location_content_create(site, location_content_asked(request.content));
    request.content = content;
    print_list(name, &request, machines);
    location_content_free(content);
    for (size_t i = 0; i < site->dp_count; i++)
        site->dps[i].is_protected = false;
}

/* The older rules list every unprotected distribution point too, after those of the machine's
   groups: thousands, unless all are protected. */
static void print_lists(struct site *site, const struct location_index *index,
                        const struct location_content *content, const struct machine *machines)
{
    static const struct settings settings;
    struct location_request request = {
        .index = index,
        .content = content,
        .settings = &settings,
        .rules = RULES_CURRENT,
        .deployment = location_deployment_assumed(),
        .minutes = INT64_MAX,
    };
    print_list("explained", &request, machines);
    request.locations_only = true;
    print_list("current", &request, machines);
    for (int older = RULES_2012; older >= RULES_2007; older--) {
        request.rules = (enum location_rules)older;
        print_protected(older == RULES_2012 ? "2012 protected" : "2007 protected", request, site,
                        machines);
        print_list(older == RULES_2012 ? "2012" : "2007", &request, machines);
    }
}

static size_t count_hits(const struct location_index *index, const struct machine *machine)
{
    struct hits hits;
    location_match(index, machine, &hits);
    size_t count = hits.count;
    hits_free(&hits);
    return count;
}

static void measure(struct site *site, const struct machine *machines)
{
    struct location_index *index = NULL;
    size_t hits, scanned_hits;
    struct location_content *content =
        location_content_create(site, site_find_content(site, CONTENT, NULL));
    double built = time_index(site, &index), matched = time_match(index, machines, &hits),
           scanned = time_scan(site, &machines[0], &scanned_hits);
    printf("{\"boundaries\": %zu, \"groups\": %zu, \"dps\": %zu, \"machines\": %d,\n",
           site->boundary_count, site->group_count, site->dp_count, MACHINES);
    printf(" \"index\": %.0f, \"match\": %.1f, \"hits\": %zu, \"scan\": %.0f,\n", built, matched,
           hits, scanned);
    printf(" \"first\": {\"index\": %zu, \"scan\": %zu}", count_hits(index, &machines[0]),
           scanned_hits);
    print_lists(site, index, content, machines);
    printf("}\n");
    location_content_free(content);
    location_index_free(index);
}

int main(int argc, char **argv)
{
    static struct machine machines[MACHINES];
    size_t counts[3];
    struct policy policy = {.document_count = 0};
    struct site site;
    const char *folder = argc > 4 ? argv[4] : NULL;
    if (argc < 4)
        return 2;
    for (int i = 0; i < 3; i++)
        counts[i] = strtoul(argv[i + 1], NULL, 10);
    bool ok = make_machines(machines, folder) && read_estate(&policy, &site, counts, folder);
    if (ok)
        measure(&site, machines);
    policy_free(&policy);
    for (size_t i = 0; i < MACHINES; i++)
        machine_free(&machines[i]);
    return ok ? 0 : 1;
}
