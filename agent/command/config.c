#include "agent/command/config.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one run of reading needs for its messages. */
struct reading {
    const char *path;
    const char *text;
    size_t len;
    bool readable_by_others;
};

/* Finds where the top object's key stands. Jansson has read the text: it is well formed. */
static void find_key(const struct reading *reading, const char *key, int *line, int *column)
{
    int depth = 0;
    size_t line_start = 0;
    *line = 1;
    *column = 0;
    for (size_t i = 0; i < reading->len; i++) {
        char c = reading->text[i];
        if (c == '\n') {
            (*line)++;
            line_start = i + 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == '"') {
            size_t start = ++i;
            while (i < reading->len && reading->text[i] != '"')
                i += reading->text[i] == '\\' ? 2 : 1;
            size_t len = i - start;
            size_t after = i + 1 + strspn(reading->text + i + 1, " \t\r\n");
            *column = (int)(start - line_start);
            if (depth == 1 && reading->text[after] == ':' && len == strlen(key) &&
                memcmp(reading->text + start, key, len) == 0)
                return;
        }
    }
}

static bool refuse(const struct reading *reading, const char *key, struct error *err,
                   const char *why)
{
    int line, column;
    find_key(reading, key, &line, &column);
    char *where = mem_format("%s:%d:%d", reading->path, line, column);
    error_set(err, ERROR_INPUT, BLAME_USER, "SETTINGS", where, "'%s' %s", key, why);
    free(where);
    return false;
}

static const char *read_text(const char **out, const json_t *value)
{
    *out = json_string_value(value);
    return *out && **out ? NULL : "must be a text that is not empty";
}

static const char *read_path(const char **out, const json_t *value)
{
    const char *why = read_text(out, value);
    return why || **out == '/' ? why : "must be a path that begins with /";
}

static const char *read_number(int64_t *out, const json_t *value, int64_t min, int64_t max,
                               const char *why)
{
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return why;
    *out = json_integer_value(value);
    return NULL;
}

/* "address", "address:port", "[address]:port". */
static bool is_dns_server(const char *text)
{
    char *host = mem_copy_string(text);
    char *address = host, *port = NULL;
    char *bracket = strchr(host, ']');
    if (*host == '[' && bracket) {
        address = host + 1;
        port = bracket[1] == ':' ? bracket + 2 : NULL;
        *bracket = '\0';
    } else if (strchr(host, ':') == strrchr(host, ':') && strchr(host, ':')) {
        port = strchr(host, ':') + 1;
        port[-1] = '\0';
    }
    int64_t number;
    bool digits = strspn(address, "0123456789.") == strlen(address) || strchr(address, ':');
    bool ok = digits && text_is_host(address) && (!port || text_to_int(port, 1, 65535, &number));
    free(host);
    return ok;
}

static const char *read_dns_servers(struct config *config, const json_t *value)
{
    static const char why[] = "must be a list of address[:port]";
    size_t i;
    const json_t *item;
    if (!json_is_array(value) || json_array_size(value) == 0)
        return why;
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item) || !is_dns_server(json_string_value(item)))
            return why;
        buf_format(&config->dns_servers, "%s%s", i ? "," : "", json_string_value(item));
    }
    return NULL;
}

static const char *read_proxy(struct config *config, const json_t *value,
                              const struct reading *reading)
{
    const char *why = read_text(&config->proxy, value);
    if (!why && strchr(config->proxy, '@') && reading->readable_by_others)
        why = "holds a password in a file that others may read: chmod 600 it";
    return why;
}

static const char *read_policy_point(struct config *config, const json_t *value)
{
    static const char why[] = "must be an http or https URL with a host";
    const char *text = json_string_value(value);
    if (!text)
        return why;
    bool https = strncasecmp(text, "https://", 8) == 0;
    const char *host = text + (https ? 8 : 7);
    if ((!https && strncasecmp(text, "http://", 7) != 0) || strcspn(host, "/?#") == 0)
        return why;
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c >= 0x7F)
            return "holds what may not stand in a URL";
    if (memchr(host, '@', strcspn(host, "/?#")))
        return "holds a user name, which a policy point is not asked with";
    config->policy_point = text;
    return NULL;
}

static const char *read_key_file(struct config *config, const json_t *value)
{
    struct stat st;
    const char *why = read_text(&config->client_key, value);
    if (!why && stat(config->client_key, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)))
        why = "names a file that others may read: chmod 600 it";
    return why;
}

/* A key may stand in the certificate's file. */
static bool is_key_open(const struct config *config)
{
    struct stat st;
    return config->client_certificate && !config->client_key &&
           stat(config->client_certificate, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO));
}

static const char *read_bool(bool *out, const json_t *value)
{
    *out = json_is_true(value);
    return json_is_boolean(value) ? NULL : "must be true or false";
}

/* What policy is fetched from and trusted by. NULL also where the key is another: *known says. */
static const char *read_policy_key(struct config *config, const char *key, const json_t *value,
                                   bool *known)
{
    *known = true;
    if (strcmp(key, "policyPoint") == 0)
        return read_policy_point(config, value);
    if (strcmp(key, "pollMinutes") == 0)
        return read_number(&config->poll_minutes, value, 1, 10080,
                           "must be a number of minutes from 1 to 10080");
    if (strcmp(key, "requireSignedPolicy") == 0)
        return read_bool(&config->require_signed, value);
    if (strcmp(key, "trustAnchors") == 0)
        return read_text(&config->trust_anchors, value);
    if (strcmp(key, "clientCertificate") == 0)
        return read_text(&config->client_certificate, value);
    if (strcmp(key, "clientKey") == 0)
        return read_key_file(config, value);
    *known = false;
    return NULL;
}

/* What the cache is kept by. NULL also where the key is another: *known says. */
static const char *read_cache_key(struct config *config, const char *key, const json_t *value,
                                  bool *known)
{
    *known = true;
    if (strcmp(key, "cacheMegabytes") == 0)
        return read_number(&config->cache_megabytes, value, 1, UINT32_MAX,
                           "must be a number of megabytes from 1");
    if (strcmp(key, "cachePercent") == 0)
        return read_number(&config->cache_percent, value, 1, 100, "must be a number from 1 to 100");
    if (strcmp(key, "cacheSecondary") == 0)
        return read_path(&config->cache_secondary, value);
    if (strcmp(key, "minFreeMegabytes") == 0)
        return read_number(&config->min_free_megabytes, value, 0, UINT32_MAX,
                           "must be a number of megabytes from 0");
    *known = false;
    return NULL;
}

static const char *read_library_roots(struct config *config, const json_t *value)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value) || count > CONFIG_LIBRARY_ROOTS_MAX)
        return "must be an array of at most 32 folders";
    config->library_root_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *why = read_path(&config->library_roots[i], json_array_get(value, i));
        if (why)
            return why;
        config->library_root_count++;
    }
    return NULL;
}

/* Returns NULL, or what is wrong with the value of this key. */
static const char *read_key(struct config *config, const char *key, const json_t *value,
                            const struct reading *reading)
{
    bool known;
    const char *why = read_policy_key(config, key, value, &known);
    if (!known)
        why = read_cache_key(config, key, value, &known);
    if (known)
        return why;
    if (strcmp(key, "machine") == 0) {
        config->machine = value;
        return json_is_object(value) ? NULL : "must be an object";
    }
    if (strcmp(key, "libraryRoots") == 0)
        return read_library_roots(config, value);
    if (strcmp(key, "assignedSite") == 0)
        return read_text(&config->assigned_site, value);
    if (strcmp(key, "caFile") == 0)
        return read_text(&config->ca_file, value);
    if (strcmp(key, "proxy") == 0)
        return read_proxy(config, value, reading);
    if (strcmp(key, "dnsServers") == 0)
        return read_dns_servers(config, value);
    if (strcmp(key, "connectionsPerSource") == 0)
        return read_number(&config->connections_per_source, value, 1, 64,
                           "must be a number from 1 to 64");
    if (strcmp(key, "connections") == 0)
        return read_number(&config->connections, value, 1, 256, "must be a number from 1 to 256");
    if (strcmp(key, "logLevel") == 0)
        return read_number(&config->log_level, value, 0, 3, "must be a number from 0 to 3");
    if (strcmp(key, "logMaxSize") == 0)
        return read_number(&config->log_max_size, value, 10000, INT32_MAX,
                           "must be a number of bytes from 10000");
    if (strcmp(key, "logMaxHistory") == 0)
        return read_number(&config->log_max_history, value, 0, 1000,
                           "must be a number from 0 to 1000");
    return "is not a key that nearpoint knows";
}

static bool read_keys(struct config *config, const struct reading *reading, struct error *err)
{
    json_error_t problem;
    config->root = json_loadb(reading->text, reading->len, JSON_REJECT_DUPLICATES, &problem);
    if (!config->root) {
        char *where = mem_format("%s:%d:%d", reading->path, problem.line, problem.column);
        error_set(err, ERROR_INPUT, BLAME_USER, "SETTINGS", where, "%s", problem.text);
        free(where);
        return false;
    }
    if (!json_is_object(config->root))
        return error_set(err, ERROR_INPUT, BLAME_USER, "SETTINGS", reading->path,
                         "is not a JSON object");
    const char *key;
    json_t *value;
    json_object_foreach(config->root, key, value)
    {
        const char *why = read_key(config, key, value, reading);
        if (why)
            return refuse(reading, key, err, why);
    }
    if (config->require_signed && !config->trust_anchors)
        return refuse(reading, "requireSignedPolicy", err,
                      "needs trustAnchors: whose signatures count");
    if (is_key_open(config))
        return refuse(reading, "clientCertificate", err,
                      "names a file that others may read and, without clientKey, holds the key: "
                      "chmod 600 it");
    return true;
}

static bool read_file(struct config *config, const char *path, struct error *err)
{
    struct buf text = {0};
    struct stat st = {0};
    /* The administrator names this path: links in it are his own. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool ok = fd >= 0 && fstat(fd, &st) == 0;
    if (!ok)
        error_errno(err, path, "cannot open the settings file");
    ok = ok && beneath_read_open(fd, path, LIMIT_SETTINGS_BYTES, &text, err);
    if (fd >= 0)
        close(fd);
    config->path = mem_copy_string(path);
    struct reading reading = {path, text.data ? text.data : "", text.len, st.st_mode & S_IROTH};
    if (!ok)
        err->kind = ERROR_INPUT;
    ok = ok && read_keys(config, &reading, err);
    buf_free(&text);
    return ok;
}

/* $VARIABLE/rest or $HOME/fallback/rest; NULL where neither is set. */
static char *from_environment(const char *variable, const char *fallback, const char *rest)
{
    const char *base = getenv(variable);
    if (base && *base == '/')
        return mem_format("%s/nearpoint%s", base, rest);
    const char *home = getenv("HOME");
    if (!home || *home != '/')
        return NULL;
    return mem_format("%s/%s/nearpoint%s", home, fallback, rest);
}

static char *default_path(const char *for_root, const char *variable, const char *fallback,
                          const char *rest)
{
    return geteuid() == 0 ? mem_copy_string(for_root) : from_environment(variable, fallback, rest);
}

bool config_read(struct config *config, const char *path, struct error *err)
{
    *config = (struct config){
        .proxy = "system",
        .poll_minutes = -1,
        .min_free_megabytes = -1,
        .library_root_count = 3,
        .library_roots = {"/mnt", "/media", "/srv"},
        .connections_per_source = 8,
        .connections = 24,
        .log_level = 1,
        .log_max_size = 250000,
        .log_max_history = 1,
    };
    bool ok = true;
    if (path) {
        ok = read_file(config, path, err);
    } else {
        char *usual = default_path("/etc/nearpoint/nearpoint.json", "XDG_CONFIG_HOME", ".config",
                                   "/nearpoint.json");
        if (usual && (access(usual, F_OK) == 0 || errno != ENOENT))
            ok = read_file(config, usual, err);
        free(usual);
    }
    if (!ok)
        config_free(config);
    return ok;
}

void config_free(struct config *config)
{
    json_decref(config->root);
    free(config->path);
    buf_free(&config->dns_servers);
    *config = (struct config){0};
}

char *config_folder(enum folder folder, struct error *err)
{
    char *path = NULL;
    switch (folder) {
    case FOLDER_POLICY:
        path = default_path("/etc/nearpoint/policy.d", "XDG_CONFIG_HOME", ".config", "/policy.d");
        break;
    case FOLDER_STATE:
        path = default_path("/var/lib/nearpoint", "XDG_STATE_HOME", ".local/state", "");
        break;
    case FOLDER_CACHE:
        path = default_path("/var/cache/nearpoint", "XDG_CACHE_HOME", ".cache", "");
        break;
    case FOLDER_LOGS:
        path = default_path("/var/log/nearpoint", "XDG_STATE_HOME", ".local/state", "/log");
        break;
    }
    if (!path)
        error_set(err, ERROR_FAILED, BLAME_USER, "NO_HOME", NULL,
                  "the environment names no home folder; use --policy, --state, --cache, --logs");
    return path;
}
