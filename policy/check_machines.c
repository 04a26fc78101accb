#include "policy/check_machines.h"

#include "policy/base/text.h"

#include <stdlib.h>

/* Counting is exact until then: enough for every real site, and soon over for a hostile one. */
#define LOOK_UPS_MAX 300000

static int by_number(const void *a, const void *b)
{
    const struct machine_place *left = a, *right = b;
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return (left->machine > right->machine) - (left->machine < right->machine);
}

static int by_name(const void *a, const void *b)
{
    const struct machine_site *left = a, *right = b;
    int order = text_compare(left->name, right->name);
    return order ? order : (left->machine > right->machine) - (left->machine < right->machine);
}

/* Adds what of the property's texts says where the machine stands. */
static void add_places(struct check_machines *machines, size_t machine, const char *property,
                       struct machine_place **places, size_t *count, size_t *cap)
{
    size_t text_count;
    const char *const *texts =
        site_texts(machines->policy, machines->rows[machine].instance, property, &text_count);
    *places = mem_grow(*places, cap, *count + text_count, sizeof **places);
    for (size_t i = 0; i < text_count; i++) {
        struct machine_place place = {.machine = machine};
        if (address_parse(texts[i], &place.number) && !address_is_placeless(place.number))
            (*places)[(*count)++] = place;
    }
}

static void read_machines(struct check_machines *machines)
{
    size_t address_cap = 0, network_cap = 0;
    for (size_t i = 0; i < machines->count; i++) {
        machines->own_first[i] = machines->address_count;
        add_places(machines, i, "IPAddresses", &machines->own, &machines->address_count,
                   &address_cap);
        add_places(machines, i, "IPSubnets", &machines->networks, &machines->network_count,
                   &network_cap);
        const char *site =
            instance_get_text(machines->policy, machines->rows[i].instance, "ADSiteName");
        if (site)
            machines->sites[machines->site_count++] = (struct machine_site){site, i};
    }
    machines->own_first[machines->count] = machines->address_count;
}

void check_machines_init(struct check_machines *machines, const struct site *site)
{
    const struct site_rows *rows = &site->tables->machines;
    *machines = (struct check_machines){
        .policy = site->policy,
        .count = rows->count,
        .rows = rows->rows,
        .budget = LOOK_UPS_MAX,
    };
}

static void index_machines(struct check_machines *machines)
{
    machines->sites = mem_zero(machines->count, sizeof *machines->sites);
    machines->own_first = mem_zero(machines->count + 1, sizeof *machines->own_first);
    machines->stamps = mem_zero(machines->count, sizeof *machines->stamps);
    read_machines(machines);
    size_t count = machines->address_count;
    machines->addresses = mem_zero(count, sizeof *machines->addresses);
    for (size_t i = 0; i < count; i++)
        machines->addresses[i] = machines->own[i];
    if (count)
        qsort(machines->addresses, count, sizeof *machines->addresses, by_number);
    if (machines->network_count)
        qsort(machines->networks, machines->network_count, sizeof *machines->networks, by_number);
    if (machines->site_count)
        qsort(machines->sites, machines->site_count, sizeof *machines->sites, by_name);
}

void check_machines_free(struct check_machines *machines)
{
    free(machines->addresses);
    free(machines->networks);
    free(machines->sites);
    free(machines->own);
    free(machines->own_first);
    free(machines->stamps);
    buf_free(&machines->names.text);
}

void check_machines_begin(struct check_machines *machines)
{
    if (!machines->stamps)
        index_machines(machines);
    machines->stamp++;
    buf_clear(&machines->names.text);
    machines->names.count = 0;
    machines->tally = machines->next_address = 0;
    machines->is_short = false;
}

/* false: the budget is spent. */
static bool look_up(struct check_machines *machines)
{
    if (machines->budget == 0)
        machines->is_short = true;
    else
        machines->budget--;
    return !machines->is_short;
}

static void count_machine(struct check_machines *machines, size_t machine)
{
    if (machines->stamps[machine] == machines->stamp)
        return;
    machines->stamps[machine] = machines->stamp;
    machines->tally++;
    check_list_add(&machines->names,
                   check_short(machines->policy, machines->rows[machine].text[0]));
}

/* The first place that is not below the number. */
static size_t seek(const struct machine_place *places, size_t count, address_number number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (places[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void check_machines_in_interval(struct check_machines *machines, address_number first,
                                address_number last)
{
    if (machines->count == 0 || !look_up(machines))
        return;
    size_t i = seek(machines->addresses, machines->address_count, first);
    if (i < machines->next_address)
        i = machines->next_address;
    for (; i < machines->address_count && machines->addresses[i].number <= last; i++) {
        if (!look_up(machines))
            return;
        machines->next_address = i + 1;
        /* An interval of IPv6 holds no IPv4 address. */
        if (address_is_ipv4(machines->addresses[i].number) == address_is_ipv4(first))
            count_machine(machines, machines->addresses[i].machine);
    }
}

static bool has_address_within(const struct check_machines *machines, size_t machine,
                               const struct boundary *boundary)
{
    for (size_t i = machines->own_first[machine]; i < machines->own_first[machine + 1]; i++)
        if (boundary_holds_address(boundary, machines->own[i].number))
            return true;
    return false;
}

void check_machines_in_network(struct check_machines *machines, address_number network,
                               const struct boundary *within)
{
    if (machines->count == 0 || !look_up(machines))
        return;
    for (size_t i = seek(machines->networks, machines->network_count, network);
         i < machines->network_count && machines->networks[i].number == network; i++) {
        size_t machine = machines->networks[i].machine;
        if (!look_up(machines))
            return;
        if (!within || has_address_within(machines, machine, within))
            count_machine(machines, machine);
    }
}

static size_t seek_site(const struct check_machines *machines, const char *name)
{
    size_t low = 0, high = machines->site_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(machines->sites[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void check_machines_in_site(struct check_machines *machines, const char *name)
{
    for (size_t i = seek_site(machines, name);
         i < machines->site_count && text_equal(machines->sites[i].name, name); i++) {
        if (!look_up(machines))
            return;
        count_machine(machines, machines->sites[i].machine);
    }
}

bool check_machines_are_spent(const struct check_machines *machines)
{
    return machines->count == 0 || machines->is_short;
}

const char *check_machines_text(struct check_machines *machines)
{
    if (machines->count == 0)
        return "";
    size_t tally = machines->tally;
    const char *least = machines->is_short ? "at least " : "";
    if (tally == 0)
        return machines->is_short ? "" : "; no machine of SMS_R_System stands there";
    return arena_format(&machines->policy->arena,
                        "; %s%zu machine%s of SMS_R_System stand%s "
                        "there: %s",
                        least, tally, tally == 1 ? "" : "s", tally == 1 ? "s" : "",
                        check_list_text(machines->policy, &machines->names));
}
