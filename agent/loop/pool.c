#include "agent/loop/pool.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS_MAX 8

void pool_tool_make(struct pool_tool *tool)
{
    tool->sha256 = hash_create(HASH_SHA256);
    tool->sha1 = hash_create(HASH_SHA1);
    tool->piece = mem_resize(NULL, POOL_PIECE_BYTES, 1);
}

void pool_tool_free(struct pool_tool *tool)
{
    hash_free(tool->sha256);
    hash_free(tool->sha1);
    free(tool->piece);
}

struct pool {
    bool (*work)(void *arg, struct pool_tool *tool, size_t index, struct error *err);
    void *arg;
    size_t count;
    atomic_size_t next;
    atomic_bool failed;
    pthread_mutex_t lock; /* guards the two below */
    size_t error_index;
    struct error error;
};

static void keep_error(struct pool *pool, size_t index, const struct error *err)
{
    pthread_mutex_lock(&pool->lock);
    if (index < pool->error_index) {
        pool->error_index = index;
        pool->error = *err;
    }
    pthread_mutex_unlock(&pool->lock);
    atomic_store(&pool->failed, true);
}

static void *run_thread(void *arg)
{
    struct pool *pool = arg;
    struct pool_tool tool;
    pool_tool_make(&tool);
    while (!atomic_load(&pool->failed)) {
        size_t index = atomic_fetch_add(&pool->next, 1);
        struct error err = {0};
        if (index >= pool->count)
            break;
        if (!pool->work(pool->arg, &tool, index, &err))
            keep_error(pool, index, &err);
    }
    pool_tool_free(&tool);
    return NULL;
}

static size_t threads_for(size_t count)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = cores < 1 ? 1 : (size_t)cores;
    wanted = wanted < THREADS_MAX ? wanted : THREADS_MAX;
    return wanted < count ? wanted : count;
}

bool pool_run(size_t count,
              bool (*work)(void *arg, struct pool_tool *tool, size_t index, struct error *err),
              void *arg, struct error *err)
{
    struct pool pool = {.work = work, .arg = arg, .count = count, .error_index = SIZE_MAX};
    pthread_t threads[THREADS_MAX];
    size_t started = 0, wanted = threads_for(count);
    pthread_mutex_init(&pool.lock, NULL);
    /* Fewer than wanted will do: this one works too. */
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, run_thread, &pool) == 0)
        started++;
    run_thread(&pool);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&pool.lock);
    if (atomic_load(&pool.failed) && err)
        *err = pool.error;
    return !atomic_load(&pool.failed);
}
