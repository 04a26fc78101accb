/* The event loop: timers on a clock that the test moves, descriptors, workers; what callbacks may
   do to the loop while it turns. */
#include "agent/loop/loop.h"
#include "policy/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- a clock that stands until it is moved ---- */

static int64_t fake_now(void *arg)
{
    return *(int64_t *)arg;
}

static int64_t fake_ms;
static const struct clock fake_clock = {
    .wall = fake_now, .monotonic = fake_now, .boot = fake_now, .arg = &fake_ms};

static struct loop *loop;

static int set_up_fake(void **state)
{
    (void)state;
    fake_ms = 1000;
    loop = loop_create(&fake_clock, 2, NULL);
    return loop ? 0 : -1;
}

static int set_up_real(void **state)
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

static void turn(int max_wait_ms)
{
    struct error err = {0};
    if (!loop_turn(loop, max_wait_ms, &err))
        fail_msg("%s", err.text);
}

static void move_clock(int64_t ms)
{
    fake_ms += ms;
    turn(0);
}

static int64_t real_ms(void)
{
    return clock_system.monotonic(NULL);
}

/* ---- timers ---- */

static char fired[256];

/* A timer that writes its letter, and then does something to the others. */
struct lettered {
    struct loop_timer timer;
    char letter;
    struct lettered *cancels, *sets;
    int64_t sets_delay;
    bool frees_itself;
};

static void on_letter(void *arg)
{
    struct lettered *lettered = arg;
    size_t len = strlen(fired);
    fired[len] = lettered->letter;
    fired[len + 1] = '\0';
    if (lettered->cancels)
        loop_timer_cancel(loop, &lettered->cancels->timer);
    if (lettered->sets)
        loop_timer_set(loop, &lettered->sets->timer, lettered->sets_delay);
    if (lettered->frees_itself)
        free(lettered);
}

static struct lettered *new_lettered(char letter)
{
    struct lettered *lettered = mem_zero(1, sizeof *lettered);
    lettered->letter = letter;
    lettered->timer = (struct loop_timer){.fire = on_letter, .arg = lettered};
    fired[0] = '\0';
    return lettered;
}

static void test_timers_fire_in_order_of_time_then_of_setting(void **state)
{
    (void)state;
    static const struct {
        char letter;
        int64_t delay;
    } rows[] = {{'d', 40}, {'b', 20}, {'e', 40}, {'a', 10}, {'c', 20}};
    struct lettered *timers[5];
    for (size_t i = 0; i < 5; i++) {
        timers[i] = new_lettered(rows[i].letter);
        loop_timer_set(loop, &timers[i]->timer, rows[i].delay);
    }
    move_clock(9);
    assert_string_equal(fired, "");
    move_clock(1);
    assert_string_equal(fired, "a");
    move_clock(1000);
    assert_string_equal(fired, "abcde");
    move_clock(100000);
    assert_string_equal(fired, "abcde");
    for (size_t i = 0; i < 5; i++)
        free(timers[i]);
}

static void test_setting_a_set_timer_moves_it(void **state)
{
    (void)state;
    struct lettered *a = new_lettered('a'), *b = new_lettered('b');
    loop_timer_set(loop, &a->timer, 10);
    loop_timer_set(loop, &b->timer, 20);
    loop_timer_set(loop, &a->timer, 30);
    move_clock(20);
    assert_string_equal(fired, "b");
    loop_timer_set(loop, &a->timer, 0);
    move_clock(0);
    assert_string_equal(fired, "ba");
    assert_false(a->timer.set);
    loop_timer_cancel(loop, &a->timer);
    free(a);
    free(b);
}

static void test_a_timer_may_cancel_and_free_what_is_due_with_it(void **state)
{
    (void)state;
    struct lettered *a = new_lettered('a'), *b = new_lettered('b'), *c = new_lettered('c');
    a->cancels = b;
    a->frees_itself = c->frees_itself = true;
    loop_timer_set(loop, &a->timer, 5);
    loop_timer_set(loop, &b->timer, 5);
    loop_timer_set(loop, &c->timer, 5);
    move_clock(5);
    assert_string_equal(fired, "ac");
    free(b);
}

static void test_a_timer_that_sets_itself_fires_once_a_turn(void **state)
{
    (void)state;
    struct lettered *a = new_lettered('a'), *b = new_lettered('b'), *c = new_lettered('c');
    a->sets = a;
    b->cancels = c; /* one fewer fires: a must not take its place */
    loop_timer_set(loop, &a->timer, 0);
    loop_timer_set(loop, &b->timer, 0);
    loop_timer_set(loop, &c->timer, 0);
    turn(0);
    assert_string_equal(fired, "ab");
    turn(0);
    assert_string_equal(fired, "aba");
    loop_timer_cancel(loop, &a->timer);
    free(a);
    free(b);
    free(c);
}

static void test_a_week_of_minutes_takes_no_time(void **state)
{
    (void)state;
    struct lettered *a = new_lettered('a');
    int64_t begun = real_ms();
    for (int minute = 0; minute < 7 * 24 * 60; minute++) {
        loop_timer_set(loop, &a->timer, 60000);
        fired[0] = '\0';
        move_clock(60000);
        assert_string_equal(fired, "a");
    }
    assert_in_range(real_ms() - begun, 0, 5000);
    free(a);
}

static size_t counted;

static void on_count(void *arg)
{
    int64_t *due = arg;
    assert_true(*due <= fake_ms);
    counted++;
}

/* Set, moved and cancelled in no order; what remains fires when it is due, in order. */
static void test_a_thousand_timers(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static struct loop_timer timers[COUNT];
    static int64_t due[COUNT];
    size_t left = 0;
    unsigned seed = 7;
    for (size_t i = 0; i < COUNT * 3; i++) {
        size_t at = (size_t)rand_r(&seed) % COUNT;
        int64_t delay = rand_r(&seed) % 5000;
        timers[at].fire = on_count;
        timers[at].arg = &due[at];
        due[at] = fake_ms + delay;
        loop_timer_set(loop, &timers[at], delay);
        if (i % 5 == 0)
            loop_timer_cancel(loop, &timers[(at * 7) % COUNT]);
    }
    for (size_t i = 0; i < COUNT; i++)
        left += timers[i].set;
    counted = 0;
    for (int step = 0; step < 50; step++) {
        size_t still = 0;
        move_clock(100);
        for (size_t i = 0; i < COUNT; i++)
            still += timers[i].set && due[i] <= fake_ms;
        assert_int_equal(still, 0);
    }
    assert_int_equal(counted, left);
}

/* ---- descriptors ---- */

struct end {
    struct loop_watch watch;
    int peer;
    size_t calls;
    short revents;
    struct end *stops[2];
    bool reads;
};

static void on_end(void *arg, short revents)
{
    struct end *end = arg;
    char byte;
    end->calls++;
    end->revents = revents;
    if (end->reads)
        assert_int_equal(read(end->watch.fd, &byte, 1), 1);
    struct end *stops[2] = {end->stops[0], end->stops[1]};
    for (size_t i = 0; i < 2 && stops[i]; i++) {
        loop_watch_stop(loop, &stops[i]->watch);
        close(stops[i]->watch.fd);
        memset(stops[i], 0xAA, sizeof *stops[i]); /* gone: whoever touches it falls over */
    }
}

static struct end *new_end(void)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct end *end = mem_zero(1, sizeof *end);
    end->peer = pair[1];
    end->watch =
        (struct loop_watch){.fd = pair[0], .events = CURL_WAIT_POLLIN, .ready = on_end, .arg = end};
    loop_watch_start(loop, &end->watch);
    return end;
}

static void free_end(struct end *end)
{
    loop_watch_stop(loop, &end->watch);
    close(end->watch.fd);
    close(end->peer);
    free(end);
}

static void test_only_what_is_ready_is_called(void **state)
{
    (void)state;
    struct end *silent = new_end(), *ready = new_end();
    ready->reads = true;
    assert_int_equal(write(ready->peer, "x", 1), 1);
    turn(1000);
    turn(0);
    assert_int_equal(ready->calls, 1);
    assert_int_equal(ready->revents, CURL_WAIT_POLLIN);
    assert_int_equal(silent->calls, 0);
    free_end(silent);
    free_end(ready);
}

static void test_events_asked_for_may_change(void **state)
{
    (void)state;
    struct end *end = new_end();
    turn(0);
    assert_int_equal(end->calls, 0);
    end->watch.events = CURL_WAIT_POLLOUT;
    loop_watch_start(loop, &end->watch);
    turn(1000);
    assert_int_equal(end->calls, 1);
    assert_int_equal(end->revents, CURL_WAIT_POLLOUT);
    free_end(end);
}

/* libcurl gives no event for an error or a hang-up; without one, the loop would spin. */
static void test_a_hang_up_is_told(void **state)
{
    (void)state;
    struct end *end = new_end();
    close(end->peer);
    end->peer = -1;
    end->watch.events = CURL_WAIT_POLLOUT;
    loop_watch_start(loop, &end->watch);
    turn(1000);
    assert_int_equal(end->calls, 1);
    assert_true(end->revents & CURL_WAIT_POLLIN);
    free_end(end);
}

/* Of three ready watches one stops and frees one or two, itself included. */
static void check_stops(size_t stopper, size_t first, size_t second)
{
    struct end *ends[3];
    int peers[3];
    for (size_t i = 0; i < 3; i++) {
        ends[i] = new_end();
        peers[i] = ends[i]->peer;
        assert_int_equal(write(peers[i], "x", 1), 1);
    }
    ends[stopper]->stops[0] = ends[first];
    ends[stopper]->stops[1] = second != first ? ends[second] : NULL;
    turn(1000);
    for (size_t i = 0; i < 3; i++) {
        if (i == first || i == second) {
            close(peers[i]);
            free(ends[i]);
            continue;
        }
        assert_int_equal(ends[i]->calls, 1);
        free_end(ends[i]);
    }
}

static void test_a_watch_may_stop_any_others(void **state)
{
    (void)state;
    for (size_t stopper = 0; stopper < 3; stopper++)
        for (size_t first = 0; first < 3; first++)
            for (size_t second = 0; second < 3; second++)
                check_stops(stopper, first, second);
}

static void test_those_that_stay_are_watched_still(void **state)
{
    (void)state;
    struct end *ends[4];
    for (size_t i = 0; i < 4; i++)
        ends[i] = new_end();
    loop_watch_stop(loop, &ends[0]->watch);
    loop_watch_stop(loop, &ends[3]->watch);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(write(ends[i]->peer, "x", 1), 1);
    turn(1000);
    assert_int_equal(ends[0]->calls, 0);
    assert_int_equal(ends[1]->calls, 1);
    assert_int_equal(ends[2]->calls, 1);
    assert_int_equal(ends[3]->calls, 0);
    for (size_t i = 0; i < 4; i++)
        free_end(ends[i]);
}

/* ---- workers ---- */

struct piece {
    struct loop_work work;
    pthread_t ran_on;
    size_t ran, done;
    bool signals_blocked;
    int again;
};

static pthread_barrier_t barrier;
static size_t done_count;

static void run_piece(void *arg)
{
    struct piece *piece = arg;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    piece->signals_blocked = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGUSR1);
    piece->ran_on = pthread_self();
    piece->ran++;
}

static void run_together(void *arg)
{
    pthread_barrier_wait(&barrier);
    run_piece(arg);
}

static void piece_done(void *arg)
{
    struct piece *piece = arg;
    piece->done++;
    if (piece->again-- > 0)
        loop_work_submit(loop, &piece->work);
    else
        done_count++;
}

static struct piece new_piece(void (*run)(void *arg))
{
    return (struct piece){.work = {.run = run, .done = piece_done}};
}

static void turn_until_done(size_t count)
{
    int64_t until = real_ms() + 20000;
    while (done_count < count && real_ms() < until)
        turn(1000);
    assert_int_equal(done_count, count);
}

static void test_work_runs_elsewhere_and_is_done_here(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static struct piece pieces[COUNT];
    done_count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = new_piece(run_piece);
        pieces[i].work.arg = &pieces[i];
        pieces[i].again = i % 3 == 0;
        loop_work_submit(loop, &pieces[i].work);
    }
    turn_until_done(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        size_t times = i % 3 == 0 ? 2 : 1;
        assert_int_equal(pieces[i].ran, times);
        assert_int_equal(pieces[i].done, times);
        assert_false(pthread_equal(pieces[i].ran_on, pthread_self()));
        assert_true(pieces[i].signals_blocked);
    }
}

/* Without a wake-up the turn would wait for its second. */
static void test_two_pieces_run_at_once_and_end_the_wait(void **state)
{
    (void)state;
    int64_t begun = real_ms();
    struct piece pieces[2] = {new_piece(run_together), new_piece(run_together)};
    pthread_barrier_init(&barrier, NULL, 2);
    done_count = 0;
    for (size_t i = 0; i < 2; i++) {
        pieces[i].work.arg = &pieces[i];
        loop_work_submit(loop, &pieces[i].work);
    }
    turn_until_done(2);
    assert_in_range(real_ms() - begun, 0, 900);
    pthread_barrier_destroy(&barrier);
}

static void test_the_end_drops_what_has_not_begun(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    static struct piece pieces[COUNT];
    struct loop *other = loop_create(&clock_system, 1, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = new_piece(run_piece);
        pieces[i].work.arg = &pieces[i];
        loop_work_submit(other, &pieces[i].work);
    }
    loop_destroy(other);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(pieces[i].done, 0);
        assert_true(pieces[i].ran <= 1);
    }
}

/* ---- waiting ---- */

static void on_stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static int64_t processor_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void test_waiting_costs_no_processor_time(void **state)
{
    (void)state;
    struct end *silent = new_end();
    struct loop_timer timer = {.fire = on_stop};
    int64_t begun = real_ms(), spent = processor_ms();
    loop_timer_set(loop, &timer, 200);
    assert_true(loop_run(loop, NULL));
    assert_in_range(real_ms() - begun, 200, 5000);
    assert_in_range(processor_ms() - spent, 0, 60);
    free_end(silent);
}

static void test_a_stop_before_the_run_counts_once(void **state)
{
    (void)state;
    struct lettered *a = new_lettered('a');
    struct loop_timer timer = {.fire = on_stop};
    loop_stop(loop);
    loop_timer_set(loop, &a->timer, 0);
    assert_true(loop_run(loop, NULL));
    assert_string_equal(fired, "");
    loop_timer_set(loop, &timer, 0);
    assert_true(loop_run(loop, NULL));
    assert_string_equal(fired, "a");
    free(a);
}

static void on_alarm(int number)
{
    (void)number;
}

/* A signal that somebody handles the old way interrupts the wait and is no error. */
static void test_an_interrupted_wait_is_no_error(void **state)
{
    (void)state;
    struct loop_timer timer = {.fire = on_stop};
    struct sigaction action = {.sa_handler = on_alarm}, before;
    struct itimerval soon = {.it_interval = {.tv_usec = 10000}, .it_value = {.tv_usec = 10000}};
    struct itimerval never = {.it_value = {0}};
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &soon, NULL);
    loop_timer_set(loop, &timer, 100);
    struct error err = {0};
    bool ok = loop_run(loop, &err);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    assert_string_equal(err.text, "");
    assert_true(ok);
}

#define FAKE(test) cmocka_unit_test_setup_teardown(test, set_up_fake, tear_down)
#define REAL(test) cmocka_unit_test_setup_teardown(test, set_up_real, tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        FAKE(test_timers_fire_in_order_of_time_then_of_setting),
        FAKE(test_setting_a_set_timer_moves_it),
        FAKE(test_a_timer_may_cancel_and_free_what_is_due_with_it),
        FAKE(test_a_timer_that_sets_itself_fires_once_a_turn),
        FAKE(test_a_week_of_minutes_takes_no_time),
        FAKE(test_a_thousand_timers),
        REAL(test_only_what_is_ready_is_called),
        REAL(test_events_asked_for_may_change),
        REAL(test_a_hang_up_is_told),
        REAL(test_a_watch_may_stop_any_others),
        REAL(test_those_that_stay_are_watched_still),
        REAL(test_work_runs_elsewhere_and_is_done_here),
        REAL(test_two_pieces_run_at_once_and_end_the_wait),
        REAL(test_the_end_drops_what_has_not_begun),
        REAL(test_waiting_costs_no_processor_time),
        REAL(test_a_stop_before_the_run_counts_once),
        REAL(test_an_interrupted_wait_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
