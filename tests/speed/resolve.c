/*
 * How long many names take, nNNNN.contoso.test, some at a time: nearpoint's resolver against a loop
 * of c-ares with poll and nothing else, in turns.
 *
 *   speed_resolve ADDRESS:PORT NAMES ROUNDS
 */
#include "agent/resolve/resolve.h"
#include "policy/base/mem.h"
#include "tests/speed/median.h"

#include <ares.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AT_ONCE 16

struct run {
    size_t count, begun, ended, addresses;
    bool is_starting;
    struct loop *loop;
    struct resolver *resolver;
    ares_channel channel;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void name_of(size_t number, char name[64])
{
    snprintf(name, 64, "n%04zu.contoso.test", number);
}

/* ---- nearpoint's ---- */

static void start_ours(struct run *run);

static void on_answer(void *arg, struct resolve_answer *answer)
{
    struct run *run = arg;
    run->addresses += answer->address_count;
    run->ended++;
    resolve_answer_free(answer);
    start_ours(run);
}

static void start_ours(struct run *run)
{
    char name[64];
    if (run->is_starting)
        return;
    run->is_starting = true;
    while (run->begun < run->count && run->begun - run->ended < AT_ONCE) {
        name_of(run->begun++, name);
        resolve_start(run->resolver, name, on_answer, run);
    }
    run->is_starting = false;
    if (run->ended == run->count)
        loop_stop(run->loop);
}

static double time_ours(const char *server, size_t count)
{
    struct run run = {.count = count};
    struct error err;
    double begin = now();
    run.loop = loop_create(&clock_system, 1, &err);
    run.resolver = run.loop ? resolver_create(run.loop, server, &err) : NULL;
    if (!run.resolver)
        return -1;
    start_ours(&run);
    bool ok = loop_run(run.loop, &err);
    resolver_destroy(run.resolver);
    loop_destroy(run.loop);
    return ok && run.addresses == count ? now() - begin : -1;
}

/* ---- the bare loop ---- */

static void on_info(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct run *run = arg;
    (void)timeouts;
    for (const struct ares_addrinfo_node *node = status == ARES_SUCCESS ? info->nodes : NULL; node;
         node = node->ai_next)
        run->addresses++;
    run->ended++;
    ares_freeaddrinfo(info);
}

static void start_bare(struct run *run)
{
    char name[64];
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_CANONNAME, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    while (run->begun < run->count && run->begun - run->ended < AT_ONCE) {
        name_of(run->begun++, name);
        ares_getaddrinfo(run->channel, name, NULL, &hints, on_info, run);
    }
}

static void turn_bare(struct run *run)
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    struct pollfd polled[ARES_GETSOCK_MAXNUM];
    int bits = ares_getsock(run->channel, sockets, ARES_GETSOCK_MAXNUM), count = 0;
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        short events = (short)((ARES_GETSOCK_READABLE(bits, i) ? POLLIN : 0) |
                               (ARES_GETSOCK_WRITABLE(bits, i) ? POLLOUT : 0));
        if (events)
            polled[count++] = (struct pollfd){.fd = sockets[i], .events = events};
    }
    poll(polled, (nfds_t)count, 1000);
    for (int i = 0; i < count; i++)
        ares_process_fd(run->channel, polled[i].revents & POLLIN ? polled[i].fd : ARES_SOCKET_BAD,
                        polled[i].revents & POLLOUT ? polled[i].fd : ARES_SOCKET_BAD);
}

static double time_bare(const char *server, size_t count)
{
    struct run run = {.count = count};
    char lookups[] = "b";
    struct ares_options options = {.flags = ARES_FLAG_NOSEARCH, .lookups = lookups};
    double begin = now();
    if (ares_init_options(&run.channel, &options, ARES_OPT_FLAGS | ARES_OPT_LOOKUPS) ||
        ares_set_servers_ports_csv(run.channel, server))
        return -1;
    while (run.ended < run.count) {
        start_bare(&run);
        turn_bare(&run);
    }
    ares_destroy(run.channel);
    return run.addresses == count ? now() - begin : -1;
}

int main(int argc, char **argv)
{
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    if (count == 0 || rounds == 0)
        return 2;
    double *ours = mem_zero(rounds, sizeof *ours), *bare = mem_zero(rounds, sizeof *bare);
    double *ratios = mem_zero(rounds, sizeof *ratios);
    time_bare(argv[1], count); /* the server warms up */
    for (size_t i = 0; i < rounds; i++) {
        bare[i] = time_bare(argv[1], count);
        ours[i] = time_ours(argv[1], count);
        ratios[i] = ours[i] / bare[i];
        if (bare[i] < 0 || ours[i] < 0)
            return 1;
    }
    printf(
        "nearpoint %8.1f ms\nbare      %8.1f ms\nratio of each pair: median %.2f (at most 1.20)\n",
        median(ours, rounds), median(bare, rounds), median(ratios, rounds));
    free(ours);
    free(bare);
    free(ratios);
    return 0;
}
