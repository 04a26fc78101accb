/* Errands of the loop: work that may wait without end, and stops neither the workers nor the end.
 */
#include "agent/loop/loop.h"
#include "policy/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

static struct loop *loop;

static int set_up(void **state)
{
    (void)state;
    loop = loop_create(&clock_system, 2, NULL);
    return loop ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    loop_destroy(loop);
    return 0;
}

static void turn(void)
{
    struct error err = {0};
    if (!loop_turn(loop, 10000, &err))
        fail_msg("%s", err.text);
}

/* What errands did, each a letter, and where. */
struct tale {
    sem_t begun, go, ended;
    pthread_t ran_on;
    bool blocked_signals;
    int runs, dones, drops;
    char order[16];
};

struct errand {
    struct loop_errand errand;
    struct tale *tale;
    char letter;
    bool waits; /* until `go` */
};

static void run(void *arg)
{
    struct errand *errand = arg;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    errand->tale->blocked_signals = sigismember(&mask, SIGINT) == 1;
    errand->tale->ran_on = pthread_self();
    errand->tale->order[errand->tale->runs++] = errand->letter;
    sem_post(&errand->tale->begun);
    if (errand->waits)
        sem_wait(&errand->tale->go);
}

static void done(void *arg)
{
    struct errand *errand = arg;
    errand->tale->dones++;
    free(errand);
}

static void drop(void *arg)
{
    struct errand *errand = arg;
    errand->tale->drops++;
    sem_post(&errand->tale->ended);
    free(errand);
}

static void begin_tale(struct tale *tale)
{
    *tale = (struct tale){0};
    sem_init(&tale->begun, 0, 0);
    sem_init(&tale->go, 0, 0);
    sem_init(&tale->ended, 0, 0);
}

static void send_errand(struct tale *tale, char letter, bool waits)
{
    struct errand *errand = mem_zero(1, sizeof *errand);
    errand->errand = (struct loop_errand){.run = run, .done = done, .drop = drop, .arg = errand};
    errand->tale = tale;
    errand->letter = letter;
    errand->waits = waits;
    assert_true(loop_errand_submit(loop, &errand->errand));
}

static void test_in_order_elsewhere(void **state)
{
    (void)state;
    struct tale tale;
    begin_tale(&tale);
    for (char letter = 'a'; letter <= 'e'; letter++)
        send_errand(&tale, letter, false);
    while (tale.dones < 5)
        turn();
    assert_string_equal(tale.order, "abcde");
    assert_false(pthread_equal(tale.ran_on, pthread_self()));
    assert_true(tale.blocked_signals);
    assert_int_equal(tale.drops, 0);
}

static void count_work(void *arg)
{
    ++*(int *)arg;
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Ten works pass by an errand that waits, and by two more behind it. */
static void test_workers_go_on(void **state)
{
    (void)state;
    struct tale tale;
    int count = 0;
    struct loop_work works[10];
    begin_tale(&tale);
    send_errand(&tale, 'a', true);
    send_errand(&tale, 'b', true);
    send_errand(&tale, 'c', false);
    for (size_t i = 0; i < 10; i++) {
        works[i] = (struct loop_work){.run = nothing, .done = count_work, .arg = &count};
        loop_work_submit(loop, &works[i]);
    }
    while (count < 10)
        turn();
    assert_int_equal(tale.dones, 0);
    sem_post(&tale.go);
    sem_post(&tale.go);
    while (tale.dones < 3)
        turn();
    assert_string_equal(tale.order, "abc");
}

/* The loop ends while one runs and two wait: those are dropped at once, that one when it ends. */
static void test_end_waits_for_nobody(void **state)
{
    (void)state;
    struct tale tale;
    begin_tale(&tale);
    send_errand(&tale, 'a', true);
    send_errand(&tale, 'b', false);
    send_errand(&tale, 'c', false);
    sem_wait(&tale.begun);
    loop_destroy(loop);
    loop = NULL;
    assert_int_equal(tale.drops, 2);
    assert_string_equal(tale.order, "a");
    sem_post(&tale.go);
    for (int i = 0; i < 3; i++)
        sem_wait(&tale.ended);
    assert_int_equal(tale.drops, 3);
    assert_int_equal(tale.dones, 0);
}

/* What is finished and was not told yet is dropped too. */
static void test_end_with_finished(void **state)
{
    (void)state;
    struct tale tale;
    begin_tale(&tale);
    send_errand(&tale, 'a', false);
    send_errand(&tale, 'b', true);
    sem_wait(&tale.begun);
    sem_wait(&tale.begun);
    loop_destroy(loop);
    loop = NULL;
    assert_int_equal(tale.drops, 1);
    sem_post(&tale.go);
    sem_wait(&tale.ended);
    sem_wait(&tale.ended);
    assert_int_equal(tale.drops, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_order_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_workers_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_end_waits_for_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_end_with_finished, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
