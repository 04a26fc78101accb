/*
 * Jobs as an agent has them, for tests from outside: several at once in one loop, held, suspended,
 * resumed and cancelled by lines on standard input, on clocks that the test moves.
 *
 *   jobs jobs [--policy PATH] [--state DIR] [--cache DIR] [--logs DIR] [options of get]
 *
 *   start CONTENT PRIORITY WAIT   priority as in "Foreground"; minutes, or "held"
 *   suspend|resume|cancel CONTENT
 *   report                        jobs and hosts
 *   clock MS                      the monotonic and the boot clock go on
 *   boot MS                       the boot clock alone: the machine slept
 *   wall SECONDS                  the wall clock jumps, either way
 *   quit                          cancels what runs, and ends
 *
 * Each line is answered by one line of JSON with "now", the monotonic clock. A job that ends says
 * so in a line with "ended" whenever it does. The clocks run; libcurl's own timeouts know nothing
 * of the jumps.
 */
#include "agent/command/folders.h"
#include "agent/command/network.h"
#include "agent/command/options.h"
#include "agent/command/question.h"
#include "agent/transfer/job.h"
#include "agent/transfer/scheduler.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS     4
#define LINE_SIZE 4096

/* How far the clocks are moved from the machine's. */
struct offsets {
    int64_t wall, monotonic, boot;
};

/* One content's job, the last that was started. */
struct task {
    struct driver *driver;
    const struct site_content *content;
    struct manifest manifest;
    struct question question;
    struct job *job;
    bool ended;
    struct task *next;
};

struct driver {
    struct context context;
    struct world world;
    struct folders folders;
    struct log *log;
    struct offsets offsets;
    struct clock clock;
    struct network network;
    struct cache *cache;
    struct job_engine engine;
    struct task *tasks;
    struct loop_watch input;
    char line[LINE_SIZE];
    size_t len;
    bool quitting;
};

/* ---- clocks ---- */

static int64_t wall(void *arg)
{
    return clock_system.wall(NULL) + ((struct offsets *)arg)->wall;
}

static int64_t monotonic(void *arg)
{
    return clock_system.monotonic(NULL) + ((struct offsets *)arg)->monotonic;
}

static int64_t boot(void *arg)
{
    return clock_system.boot(NULL) + ((struct offsets *)arg)->boot;
}

/* ---- what is printed ---- */

static void print(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    json_decref(value);
    puts(text ? text : "{\"error\": \"not UTF-8\"}");
    fflush(stdout);
    free(text);
}

static json_t *text_json(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *error_json(const struct error *err)
{
    return json_pack("{s:s, s:o, s:s, s:s}", "code", err->code, "blame",
                     text_json(error_blame_word(err->blame)), "where", err->where, "text",
                     err->text);
}

static json_t *source_json(const struct job_source_report *source)
{
    json_t *errors = json_array();
    for (size_t i = 0; i < source->error_count && i < JOB_ERRORS_MAX; i++)
        json_array_append_new(errors, error_json(&source->errors[i]));
    return json_pack("{s:s, s:s, s:I, s:i, s:i, s:o}", "dp", source->dp, "locality",
                     locality_word(source->locality), "bytes", (json_int_t)source->bytes, "files",
                     (int)source->files, "errorCount", (int)source->error_count, "errors", errors);
}

static json_t *job_json(const struct task *task)
{
    const struct job_report *report = job_report(task->job);
    json_t *sources = json_array();
    for (size_t i = 0; i < report->source_count; i++)
        json_array_append_new(sources, source_json(report->sources[i]));
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:o, s:o}", "content",
        task->content->id, "job", report->job, "state", job_state_word(report->state), "priority",
        job_priority_word(report->priority), "ended", task->ended, "bytes",
        (json_int_t)report->bytes, "bytesFromNetwork", (json_int_t)report->bytes_from_network,
        "bytesReused", (json_int_t)report->bytes_reused, "waitingFor",
        text_json(report->waiting_for), "current", text_json(report->current), "nextLook",
        (json_int_t)report->next_look, "nextMinute", (json_int_t)report->next_minute, "error",
        report->state == JOB_FAILED ? error_json(&report->error) : json_null(), "sources", sources);
}

static json_t *host_json(const struct host *host, int64_t now)
{
    int64_t rest = host->not_before > now ? host->not_before - now : 0;
    return json_pack("{s:s, s:b, s:i, s:I, s:i, s:o}", "name", host->name, "workstation",
                     host->workstation, "busy", (int)host->busy, "rest", (json_int_t)rest,
                     "failures", (int)host->failures, "reason",
                     rest ? error_json(&host->reason) : json_null());
}

/* The answer to a command. */
static void answer(struct driver *driver, json_t *value)
{
    json_object_set_new(value, "now", json_integer(monotonic(&driver->offsets)));
    print(value);
}

static void refuse(struct driver *driver, const struct error *err)
{
    answer(driver, json_pack("{s:o}", "error", error_json(err)));
}

/* ---- jobs ---- */

static void stop_when_idle(struct driver *driver)
{
    for (const struct task *task = driver->tasks; task; task = task->next)
        if (task->job && !task->ended)
            return;
    if (driver->quitting)
        loop_stop(driver->network.loop);
}

static void on_ended(void *arg)
{
    struct task *task = arg;
    task->ended = true;
    json_t *value = job_json(task);
    json_object_set_new(value, "ended", json_string(task->content->id));
    print(value);
    stop_when_idle(task->driver);
}

static struct task *find_task(struct driver *driver, const struct site_content *content)
{
    for (struct task *task = driver->tasks; task; task = task->next)
        if (task->content == content)
            return task;
    struct task *task = mem_zero(1, sizeof *task);
    *task = (struct task){.driver = driver, .content = content, .next = driver->tasks};
    driver->tasks = task;
    return task;
}

static void clear_task(struct task *task)
{
    job_free(task->job);
    question_free(&task->question);
    manifest_free(&task->manifest);
    task->job = NULL;
    task->manifest = (struct manifest){0};
    task->ended = false;
}

static bool read_priority(const char *word, enum job_priority *priority)
{
    for (int i = 0; i < JOB_PRIORITY_COUNT; i++) {
        *priority = (enum job_priority)i;
        if (text_equal(word, job_priority_word(*priority)))
            return true;
    }
    return false;
}

static bool read_request(struct job_request *request, char *words[WORDS], struct error *err)
{
    int64_t minutes = JOB_HELD;
    if (words[2] && words[3] && read_priority(words[2], &request->priority) &&
        (strcmp(words[3], "held") == 0 || text_to_int(words[3], 0, INT32_MAX, &minutes))) {
        request->wait_minutes = minutes;
        return true;
    }
    return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL, "start CONTENT PRIORITY WAIT");
}

static bool start_task(struct driver *driver, struct task *task, struct job_request *request,
                       struct error *err)
{
    const struct site_content *content = task->content;
    if (task->job && !task->ended)
        return error_set(err, ERROR_FAILED, BLAME_USER, "RUNS", NULL, "it runs already");
    clear_task(task);
    if (!manifest_read(&task->manifest, content->manifest, content->manifest_len,
                       content->manifest_where, err) ||
        !question_read(&task->question, driver->context.options, &driver->world, content, err))
        return false;
    request->location = task->question.request;
    request->manifest = &task->manifest;
    task->job = job_start(&driver->engine, request, on_ended, task, err);
    return task->job != NULL;
}

static void do_start(struct driver *driver, char *words[WORDS])
{
    struct error err = {0};
    struct job_request request = {.wait_minutes = 0};
    const struct site_content *content =
        words[1] ? site_find_content(&driver->world.site, words[1], &err) : NULL;
    if (!read_request(&request, words, &err) || !content)
        refuse(driver, &err);
    else if (start_task(driver, find_task(driver, content), &request, &err))
        answer(driver, job_json(find_task(driver, content)));
    else
        refuse(driver, &err);
}

static void do_call(struct driver *driver, const char *id, void (*call)(struct job *job))
{
    struct error err;
    for (struct task *task = driver->tasks; task; task = task->next)
        if (id && task->job && text_equal(task->content->id, id)) {
            call(task->job);
            answer(driver, job_json(task));
            return;
        }
    error_set(&err, ERROR_FAILED, BLAME_USER, "NO_JOB", NULL, "no such job");
    refuse(driver, &err);
}

static void do_report(struct driver *driver)
{
    int64_t now = monotonic(&driver->offsets);
    json_t *jobs = json_array(), *hosts = json_array();
    for (const struct task *task = driver->tasks; task; task = task->next)
        if (task->job)
            json_array_append_new(jobs, job_json(task));
    for (const struct host *host = scheduler_hosts(driver->network.scheduler); host;
         host = host->next)
        json_array_append_new(hosts, host_json(host, now));
    answer(driver, json_pack("{s:o, s:o}", "jobs", jobs, "hosts", hosts));
}

/* ---- commands ---- */

static void do_move(struct driver *driver, char *words[WORDS])
{
    struct error err;
    int64_t amount;
    struct offsets *offsets = &driver->offsets;
    const int64_t most = INT64_C(100) * 366 * 86400 * 1000;
    if (!words[1] || !text_to_int(words[1], -most, most, &amount)) {
        error_set(&err, ERROR_USAGE, BLAME_USER, "USAGE", NULL, "%s NUMBER", words[0]);
        refuse(driver, &err);
        return;
    }
    if (strcmp(words[0], "wall") == 0) {
        offsets->wall += amount * 1000;
    } else {
        offsets->boot += amount;
        if (strcmp(words[0], "clock") == 0)
            offsets->monotonic += amount;
    }
    answer(driver, json_object());
}

static void do_quit(struct driver *driver)
{
    loop_watch_stop(driver->network.loop, &driver->input);
    driver->quitting = true;
    for (struct task *task = driver->tasks; task; task = task->next)
        if (task->job && !task->ended)
            job_cancel(task->job);
    stop_when_idle(driver);
}

static void obey(struct driver *driver, char *line)
{
    struct error err;
    char *words[WORDS] = {NULL}, *rest = NULL;
    for (int i = 0; i < WORDS; i++)
        words[i] = strtok_r(i ? NULL : line, " ", &rest);
    const char *verb = words[0] ? words[0] : "";
    if (strcmp(verb, "start") == 0) {
        do_start(driver, words);
    } else if (strcmp(verb, "suspend") == 0) {
        do_call(driver, words[1], job_suspend);
    } else if (strcmp(verb, "resume") == 0) {
        do_call(driver, words[1], job_resume);
    } else if (strcmp(verb, "cancel") == 0) {
        do_call(driver, words[1], job_cancel);
    } else if (strcmp(verb, "report") == 0) {
        do_report(driver);
    } else if (strcmp(verb, "clock") == 0 || strcmp(verb, "boot") == 0 ||
               strcmp(verb, "wall") == 0) {
        do_move(driver, words);
    } else if (strcmp(verb, "quit") == 0) {
        do_quit(driver);
    } else {
        error_set(&err, ERROR_USAGE, BLAME_USER, "USAGE", NULL, "no command '%s'", verb);
        refuse(driver, &err);
    }
}

static void on_input(void *arg, short revents)
{
    struct driver *driver = arg;
    (void)revents;
    ssize_t n = read(STDIN_FILENO, driver->line + driver->len, LINE_SIZE - driver->len);
    if (n <= 0) { /* whoever drove is gone; a line that is too long is nobody's */
        do_quit(driver);
        return;
    }
    driver->len += (size_t)n;
    char *newline;
    while (!driver->quitting && (newline = memchr(driver->line, '\n', driver->len))) {
        size_t used = (size_t)(newline - driver->line) + 1;
        *newline = '\0';
        obey(driver, driver->line);
        driver->len -= used;
        memmove(driver->line, driver->line + used, driver->len);
    }
}

/* ---- life ---- */

/* As network_open, on the test's clock. */
static bool open_network(struct driver *driver, struct error *err)
{
    const struct config *config = &driver->context.config;
    struct network *network = &driver->network;
    network->options = (struct source_options){
        .proxy = config->proxy,
        .ca_file = config->ca_file,
        .connect_ms = LIMIT_CONNECT_SECONDS * 1000,
        .stall_ms = LIMIT_STALL_SECONDS * 1000,
    };
    if (!(network->loop = loop_create(&driver->clock, 0, err)))
        return false;
    loop_set_connections(network->loop, 0, (long)config->connections);
    network->scheduler = scheduler_create(network->loop, (size_t)config->connections,
                                          (size_t)config->connections_per_source);
    const char *servers = config->dns_servers.len ? config->dns_servers.data : NULL;
    return (network->resolver = resolver_create(network->loop, servers, err)) &&
           (network->client =
                source_client_create(network->loop, network->resolver, &network->options, err));
}

static bool open_cache(struct driver *driver, struct error *err)
{
    const struct cache_options options = {
        .folder = driver->folders.cache,
        .sync = !driver->context.options->no_sync,
        .clock = &driver->clock,
    };
    return (driver->cache = cache_open(&options, err)) != NULL;
}

static bool open_all(struct driver *driver, struct error *err)
{
    const struct config *config = &driver->context.config;
    const struct options *options = driver->context.options;
    const struct log_options log = {
        .level = (int)config->log_level,
        .max_size = config->log_max_size,
        .max_history = (int)config->log_max_history,
        .wall = wall,
        .wall_arg = &driver->offsets,
    };
    if (!folders_enter(&driver->folders, options, NULL, err) ||
        !(driver->log = log_open(driver->folders.logs, &log, err)) || !open_network(driver, err) ||
        !open_cache(driver, err))
        return false;
    struct loop *loop = driver->network.loop;
    driver->engine.loop = loop;
    driver->engine.client = driver->network.client;
    driver->engine.cache = driver->cache;
    driver->engine.log = driver->log;
    driver->engine.state_dir = driver->folders.state_dir;
    driver->engine.sync = !options->no_sync;
    driver->engine.stall_ms = LIMIT_STALL_SECONDS * 1000;
    driver->engine.wait_stall_ms = LIMIT_PROGRESS_SECONDS * 1000;
    driver->engine.scheduler = driver->network.scheduler;
    return true;
}

static void close_all(struct driver *driver)
{
    while (driver->tasks) {
        struct task *task = driver->tasks;
        driver->tasks = task->next;
        clear_task(task);
        free(task);
    }
    cache_close(driver->cache);
    network_close(&driver->network);
    log_close(driver->log);
    folders_leave(&driver->folders);
}

static bool drive(struct driver *driver, struct error *err)
{
    if (!open_all(driver, err))
        return false;
    driver->input = (struct loop_watch){
        .fd = STDIN_FILENO, .events = CURL_WAIT_POLLIN, .ready = on_input, .arg = driver};
    loop_watch_start(driver->network.loop, &driver->input);
    answer(driver, json_pack("{s:b}", "ready", 1));
    return loop_run(driver->network.loop, err);
}

static bool run(const struct options *options, struct error *err)
{
    struct driver driver = {
        .context.options = options,
        .folders.state_dir = -1,
        .clock = {.wall = wall, .monotonic = monotonic, .boot = boot, .arg = &driver.offsets},
    };
    if (!config_read(&driver.context.config, options->config, err))
        return false;
    bool ok = command_read_world(&driver.context, &driver.world, err);
    if (ok) {
        ok = drive(&driver, err);
        close_all(&driver);
        world_free(&driver.world);
    }
    config_free(&driver.context.config);
    return ok;
}

int main(int argc, char **argv)
{
    static const struct command_row commands[] = {
        {"jobs", COMMAND_GET, NULL, 0, 0, "", "jobs for tests"}};
    struct options options;
    const struct command_row *command;
    struct error err = {0};
    signal(SIGPIPE, SIG_IGN);
    bool ok = options_parse(&options, commands, 1, &command, argc, argv, &err) == OPTIONS_RUN &&
              run(&options, &err);
    options_free(&options);
    if (!ok)
        error_print(stderr, &err);
    return ok ? 0 : 1;
}
