#include "agent/command/service_names.h"

#include "agent/resolve/resolve.h"

#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdlib.h>

#define AT_ONCE 16 /* questions under way */

struct asking {
    struct service_names *names;
    struct loop *loop;
    struct resolver *resolver;
    size_t begun, ended;
    bool is_starting; /* an answer may come before the question's call returns */
};

/* One question; which name it is about. */
struct question {
    struct asking *asking;
    struct check_name *name;
};

static void start_more(struct asking *asking);

static void on_answer(void *arg, struct resolve_answer *answer)
{
    struct question *question = arg;
    struct asking *asking = question->asking;
    question->name->error = resolve_error_word(answer->error);
    if (answer->error == RESOLVE_OK)
        question->name->served = answer->link_count ? "CNAME" : "HOST";
    resolve_answer_free(answer);
    free(question);
    asking->ended++;
    start_more(asking);
}

static void start_more(struct asking *asking)
{
    if (asking->is_starting)
        return;
    asking->is_starting = true;
    while (asking->begun < asking->names->count && asking->begun - asking->ended < AT_ONCE) {
        struct question *question = mem_zero(1, sizeof *question);
        *question = (struct question){asking, &asking->names->names[asking->begun++]};
        resolve_start(asking->resolver, question->name->name, on_answer, question);
    }
    asking->is_starting = false;
    if (asking->ended == asking->names->count)
        loop_stop(asking->loop);
}

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
    const char *servers = config->dns_servers.len ? config->dns_servers.data : NULL;
    collect(names, site);
    if (names->count == 0)
        return true;
    struct asking asking = {.names = names, .loop = loop_create(&clock_system, 1, err)};
    bool ok = asking.loop && (asking.resolver = resolver_create(asking.loop, servers, err));
    if (ok) {
        start_more(&asking);
        ok = loop_run(asking.loop, err);
    }
    if (!ok)
        asking.begun = names->count; /* who is called back at the end asks no more */
    resolver_destroy(asking.resolver);
    loop_destroy(asking.loop);
    if (!ok)
        service_names_free(names);
    return ok;
}

void service_names_free(struct service_names *names)
{
    free(names->names);
    *names = (struct service_names){0};
}
