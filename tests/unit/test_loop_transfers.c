/* Transfers on the loop: connections shared, paused ones resumed by a worker, stopped ones silent.
 */
#include "agent/loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static size_t done_count;

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

static void turn(int max_wait_ms)
{
    struct error err = {0};
    if (!loop_turn(loop, max_wait_ms, &err))
        fail_msg("%s", err.text);
}

static int64_t real_ms(void)
{
    return clock_system.monotonic(NULL);
}

static void turn_until_done(size_t count)
{
    int64_t until = real_ms() + 20000;
    while (done_count < count && real_ms() < until)
        turn(1000);
    assert_int_equal(done_count, count);
}

/* A web server of one thread that answers every request with `body`, one connection at a time. */
struct server {
    int listener;
    char url[64];
    const char *body;
    size_t accepted;
    pthread_t thread;
};

static bool serve_request(const struct server *server, int fd)
{
    char request[4096], head[128];
    size_t len = 0;
    do {
        ssize_t got = read(fd, request + len, sizeof request - 1 - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        request[len] = '\0';
    } while (!strstr(request, "\r\n\r\n"));
    size_t body = strlen(server->body);
    int used = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body);
    return write(fd, head, (size_t)used) == used && write(fd, server->body, body) == (ssize_t)body;
}

static void *serve(void *arg)
{
    struct server *server = arg;
    int fd;
    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        server->accepted++;
        while (serve_request(server, fd))
            ;
        close(fd);
    }
    return NULL;
}

static void start_server(struct server *server, const char *body)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    *server = (struct server){.body = body};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

/* Its connections must be closed by now. */
static void stop_server(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

struct download {
    struct loop_transfer transfer;
    struct loop_work work; /* resumes it */
    char got[64];
    size_t len, pauses, done;
    CURLcode result;
    struct download *stops;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct download *download = arg;
    if (download->pauses > 0) {
        download->pauses--;
        loop_work_submit(loop, &download->work);
        return CURL_WRITEFUNC_PAUSE;
    }
    assert_true(download->len + size * count < sizeof download->got);
    memcpy(download->got + download->len, bytes, size * count);
    download->len += size * count;
    return size * count;
}

static void rest(void *arg)
{
    (void)arg;
}

static void go_on(void *arg)
{
    struct download *download = arg;
    curl_easy_pause(download->transfer.easy, CURLPAUSE_CONT);
}

static void on_downloaded(void *arg, CURLcode result)
{
    struct download *download = arg;
    download->done++;
    download->result = result;
    done_count++;
    if (download->stops)
        loop_transfer_stop(loop, &download->stops->transfer);
}

static void start_download(struct download *download, const char *url)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, download);
    download->transfer =
        (struct loop_transfer){.easy = easy, .done = on_downloaded, .arg = download};
    download->work = (struct loop_work){.run = rest, .done = go_on, .arg = download};
    assert_true(loop_transfer_start(loop, &download->transfer, NULL));
}

static void free_download(struct download *download)
{
    loop_transfer_stop(loop, &download->transfer);
    curl_easy_cleanup(download->transfer.easy);
}

static void close_connections(void)
{
    loop_destroy(loop);
    loop = loop_create(&clock_system, 1, NULL);
    assert_non_null(loop);
}

static void test_transfers_share_a_connection(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    struct server server;
    struct download downloads[COUNT] = {{.len = 0}};
    start_server(&server, "hello");
    loop_set_connections(loop, 1, 1);
    done_count = 0;
    for (size_t i = 0; i < COUNT; i++)
        start_download(&downloads[i], server.url);
    turn_until_done(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(downloads[i].done, 1);
        assert_int_equal(downloads[i].result, CURLE_OK);
        assert_string_equal(downloads[i].got, "hello");
        free_download(&downloads[i]);
    }
    close_connections();
    stop_server(&server);
    assert_int_equal(server.accepted, 1);
}

static void test_a_worker_resumes_a_paused_transfer_at_once(void **state)
{
    (void)state;
    struct server server;
    struct download download = {.pauses = 1};
    start_server(&server, "resumed");
    done_count = 0;
    start_download(&download, server.url);
    int64_t begun = real_ms();
    turn_until_done(1);
    assert_in_range(real_ms() - begun, 0, 900);
    assert_int_equal(download.result, CURLE_OK);
    assert_string_equal(download.got, "resumed");
    free_download(&download);
    close_connections();
    stop_server(&server);
}

/* Two refused at once: the `done` of the first stops the second, whose result waits already. */
static void test_a_stopped_transfer_is_not_called(void **state)
{
    (void)state;
    struct server server;
    start_server(&server, "");
    stop_server(&server);
    struct download first = {.len = 0}, second = {.len = 0};
    done_count = 0;
    start_download(&first, server.url);
    start_download(&second, server.url);
    first.stops = &second;
    second.stops = &first;
    turn_until_done(1);
    for (int i = 0; i < 10; i++)
        turn(1);
    assert_int_equal(first.done + second.done, 1);
    assert_int_equal((first.done ? &first : &second)->result, CURLE_COULDNT_CONNECT);
    free_download(&first);
    free_download(&second);
}

static void test_the_end_leaves_the_handle_to_its_owner(void **state)
{
    (void)state;
    struct download download = {.len = 0};
    start_download(&download, "http://127.0.0.1:9/");
    close_connections();
    assert_false(download.transfer.active);
    assert_int_equal(download.done, 0);
    free_download(&download);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(test_transfers_share_a_connection),
        TEST(test_a_worker_resumes_a_paused_transfer_at_once),
        TEST(test_a_stopped_transfer_is_not_called),
        TEST(test_the_end_leaves_the_handle_to_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
