/* This machine, and machines that discovery knows. */
#include "agent/machine/parts.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/collections.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_placeless(const char *text)
{
    char plain[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/%");
    address_number number;
    if (len >= sizeof plain)
        return true;
    memcpy(plain, text, len);
    plain[len] = '\0';
    return !address_parse(plain, &number) || address_is_placeless(number);
}

/* An IPv6 address that may still turn out to be another machine's (tentative), or did, is none
   that this machine speaks from. An optimistic one is in use already. */
static bool is_usable(const struct rtnetlink_address *address)
{
    bool tentative = (address->flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) == IFA_F_TENTATIVE;
    return !tentative && !(address->flags & IFA_F_DADFAILED);
}

/* The link that makes the address count, or NULL. Scope "host" is loopback on any interface: it
   means nothing outside of the machine. */
static const struct rtnetlink_link *counts(const struct rtnetlink *found,
                                           const struct rtnetlink_address *address)
{
    if (!is_usable(address) || address->scope >= RT_SCOPE_HOST)
        return NULL;
    for (size_t i = 0; i < found->link_count; i++) {
        const struct rtnetlink_link *link = &found->links[i];
        if (link->index == address->link)
            return (link->flags & IFF_UP) && !(link->flags & IFF_LOOPBACK) ? link : NULL;
    }
    return NULL;
}

/* false: it says nothing of where the machine stands. */
static bool take_address(struct machine *machine, const struct rtnetlink_address *address)
{
    char plain[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
    inet_ntop(address->family, address->bytes, plain, sizeof plain);
    snprintf(text, sizeof text, "%s/%d", plain, address->prefix);
    return !is_placeless(plain) && machine_add_address(machine, text);
}

static void take_link(struct machine *machine, const struct rtnetlink_link *link)
{
    const struct machine_adapter adapter = {
        .name = link->name ? arena_copy_string(&machine->arena, link->name) : NULL,
        .description =
            link->description ? arena_copy_string(&machine->arena, link->description) : NULL,
        .if_type = link->if_type,
    };
    machine_add_adapter(machine, &adapter);
}

bool machine_take(struct machine *machine, const struct rtnetlink *found, struct error *err)
{
    bool *carries = mem_zero(found->link_count, sizeof *carries);
    for (size_t i = 0; i < found->address_count; i++) {
        const struct rtnetlink_link *link = counts(found, &found->addresses[i]);
        if (link && take_address(machine, &found->addresses[i]))
            carries[link - found->links] = true;
    }
    for (size_t i = 0; i < found->link_count; i++)
        if (carries[i])
            take_link(machine, &found->links[i]);
    free(carries);
    machine_came_from(machine, MACHINE_ADDRESSES, MACHINE_FROM_SYSTEM, "rtnetlink");
    machine_came_from(machine, MACHINE_ADAPTERS, MACHINE_FROM_SYSTEM, "rtnetlink");
    return machine->address_count <= LIMIT_MACHINE_LIST ||
           error_set(err, ERROR_FAILED, BLAME_NONE, "MACHINE", NULL,
                     "this machine has more than %d addresses", LIMIT_MACHINE_LIST);
}

bool machine_find_local(struct machine *machine, struct error *err)
{
    struct rtnetlink found;
    if (!rtnetlink_read(&found, err))
        return false;
    bool ok = machine_take(machine, &found, err);
    rtnetlink_free(&found);
    return ok;
}

static const struct instance *find_system(struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->instance_count; i++) {
        const struct instance *instance = policy->instances[i];
        if (!text_equal(instance->class_name, "SMS_R_System"))
            continue;
        const char *has = instance_get_text(policy, instance, "Name");
        if (has && text_same_host(has, name))
            return instance;
    }
    return NULL;
}

/* A text of discovery's row, where it has one. */
static void take_text(struct machine *machine, enum machine_member member, const char **text,
                      const char *found, const char *place)
{
    if (!found || !*found)
        return;
    *text = arena_copy_string(&machine->arena, found);
    machine_came_from(machine, member, MACHINE_FROM_POLICY, place);
}

/* Discovery records what it saw: a text that is no address or network is passed over, and so is
   what a machine's list does not hold. */
static void take_lists(struct machine *machine, struct policy *policy,
                       const struct instance *system, const char *place)
{
    size_t count;
    const char *const *texts = site_texts(policy, system, "IPAddresses", &count);
    if (count)
        machine_came_from(machine, MACHINE_ADDRESSES, MACHINE_FROM_POLICY, place);
    for (size_t i = 0; i < count && i < LIMIT_MACHINE_LIST; i++)
        if (!is_placeless(texts[i]))
            machine_add_address(machine, texts[i]);
    texts = site_texts(policy, system, "IPSubnets", &count);
    if (count)
        machine_came_from(machine, MACHINE_SUBNETS, MACHINE_FROM_POLICY, place);
    for (size_t i = 0; i < count && i < LIMIT_MACHINE_LIST; i++)
        if (!is_placeless(texts[i]))
            machine_add_subnet(machine, texts[i]);
}

/* What the policy does not say of membership is not known, which an empty list would not be. */
static void take_collections(struct machine *machine, struct policy *policy, const char *place)
{
    struct classes classes;
    struct collections collections;
    classes_read(&classes, policy);
    collections_find(&collections, policy, &classes, machine->name);
    if (!collections.known)
        return;
    for (size_t i = 0; i < collections.count; i++)
        machine_add_collection(machine, collections.ids[i]);
    machine->facts[MACHINE_COLLECTIONS] = (struct machine_fact){MACHINE_FROM_POLICY, place};
}

bool machine_from_policy(struct machine *machine, struct policy *policy, const char *name,
                         struct error *err)
{
    *machine = (struct machine){0};
    const struct instance *system = find_system(policy, name);
    if (!system)
        return error_set(err, ERROR_INPUT, BLAME_USER, "UNKNOWN_MACHINE", NULL,
                         "'%s' is neither a file nor a machine of the policy's SMS_R_System", name);
    const char *place = arena_copy_string(&machine->arena, instance_where(policy, system));
    take_lists(machine, policy, system, place);
    take_text(machine, MACHINE_NAME, &machine->name, instance_get_text(policy, system, "Name"),
              place);
    take_text(machine, MACHINE_AD_SITE, &machine->ad_site,
              instance_get_text(policy, system, "ADSiteName"), place);
    take_text(machine, MACHINE_DOMAIN, &machine->domain,
              instance_get_text(policy, system, "ResourceDomainORWorkgroup"), place);
    take_collections(machine, policy, place);
    machine_settle(machine);
    return true;
}
