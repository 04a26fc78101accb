#include "agent/command/dns_names.h"

#include "policy/base/mem.h"

#include <stdlib.h>

#define AT_ONCE 16 /* questions under way */

struct asking {
    struct dns_name *names;
    size_t count;
    struct loop *loop;
    struct resolver *resolver;
    size_t begun, ended;
    bool is_starting; /* an answer may come before the question's call returns */
};

/* One question; which name it is about. */
struct question {
    struct asking *asking;
    struct dns_name *name;
};

static void start_more(struct asking *asking);

static void on_answer(void *arg, struct resolve_answer *answer)
{
    struct question *question = arg;
    struct asking *asking = question->asking;
    question->name->answer = answer;
    free(question);
    asking->ended++;
    start_more(asking);
}

static void start_more(struct asking *asking)
{
    if (asking->is_starting)
        return;
    asking->is_starting = true;
    while (asking->begun < asking->count && asking->begun - asking->ended < AT_ONCE) {
        struct question *question = mem_zero(1, sizeof *question);
        *question = (struct question){asking, &asking->names[asking->begun++]};
        resolve_start(asking->resolver, question->name->name, on_answer, question);
    }
    asking->is_starting = false;
    if (asking->ended == asking->count)
        loop_stop(asking->loop);
}

bool dns_names_ask(struct dns_name *names, size_t count, const struct config *config,
                   struct error *err)
{
    const char *servers = config->dns_servers.len ? config->dns_servers.data : NULL;
    if (count == 0)
        return true;
    struct asking asking = {.names = names, .count = count};
    asking.loop = loop_create(&clock_system, 1, err);
    bool ok = asking.loop && (asking.resolver = resolver_create(asking.loop, servers, err));
    if (ok) {
        start_more(&asking);
        ok = loop_run(asking.loop, err);
    }
    if (!ok)
        asking.begun = count; /* who is called back at the end asks no more */
    resolver_destroy(asking.resolver);
    loop_destroy(asking.loop);
    return ok;
}

void dns_names_free(struct dns_name *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        resolve_answer_free(names[i].answer);
        names[i].answer = NULL;
    }
}

const char *dns_names_served(const struct resolve_answer *answer)
{
    if (answer->error != RESOLVE_OK)
        return "none";
    return answer->link_count ? "CNAME" : "HOST";
}
