#include "agent/command/service_names.h"
#include "agent/command/dns_names.h"

#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
    const struct check_name *left = a, *right = b;
    return text_compare(left->name, right->name);
}

static void collect(struct service_names *names, const struct site *site)
{
    *names = (struct service_names){0, mem_zero(site->dp_count, sizeof *names->names)};
    size_t all = 0;
    for (size_t i = 0; i < site->dp_count; i++) {
        const char *name = check_service_name(&site->dps[i]);
        if (name)
            names->names[all++] = (struct check_name){.name = name, .served = "none"};
    }
    qsort(names->names, all, sizeof *names->names, by_name);
    for (size_t i = 0; i < all; i++)
        if (i == 0 || by_name(&names->names[names->count - 1], &names->names[i]) != 0)
            names->names[names->count++] = names->names[i];
}

bool service_names_ask(struct service_names *names, const struct config *config,
                       const struct site *site, struct error *err)
{
    collect(names, site);
    struct dns_name *asked = mem_zero(names->count, sizeof *asked);
    for (size_t i = 0; i < names->count; i++)
        asked[i].name = names->names[i].name;
    bool ok = dns_names_ask(asked, names->count, config, err);
    for (size_t i = 0; ok && i < names->count; i++) {
        names->names[i].error = resolve_error_word(asked[i].answer->error);
        names->names[i].served = dns_names_served(asked[i].answer);
    }
    dns_names_free(asked, names->count);
    free(asked);
    if (!ok)
        service_names_free(names);
    return ok;
}

void service_names_free(struct service_names *names)
{
    free(names->names);
    *names = (struct service_names){0};
}
