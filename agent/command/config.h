/*
 * The settings file (nearpoint.json), and the folders a command works in.
 */
#ifndef AGENT_COMMAND_CONFIG_H
#define AGENT_COMMAND_CONFIG_H

#include "policy/base/buf.h"
#include "policy/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CONFIG_LIBRARY_ROOTS_MAX 32

struct config {
    json_t *root;          /* owns the texts below; NULL without a file */
    char *path;            /* of the file, NULL without one */
    const json_t *machine; /* the machine object, or NULL */
    const char *assigned_site;
    const char *ca_file;
    const char *policy_point;                    /* http or https URL, or NULL */
    int64_t poll_minutes;                        /* -1: not said */
    bool require_signed;                         /* policy without a good signature is refused */
    const char *trust_anchors;                   /* PEM file, or NULL */
    const char *client_certificate, *client_key; /* PEM files, or NULL */
    const char *proxy;                           /* URL, "system", "none" */
    struct buf dns_servers; /* "address:port,..." for c-ares; empty: the system's */
    int64_t connections_per_source, connections;
    int64_t cache_megabytes, cache_percent; /* 0: not said */
    const char *cache_secondary;            /* folder, or NULL */
    int64_t min_free_megabytes;             /* -1: not said */
    size_t library_root_count;
    const char *library_roots[CONFIG_LIBRARY_ROOTS_MAX];
    int64_t log_level, log_max_size, log_max_history;
};

/* `path` NULL: the default file, which may be missing. A file that is malformed, has an unknown
   key, a wrong type or range: ERROR_INPUT with line and column. */
bool config_read(struct config *config, const char *path, struct error *err);
void config_free(struct config *config);

enum folder { FOLDER_POLICY, FOLDER_STATE, FOLDER_CACHE, FOLDER_LOGS };

/* The default place (contract: Programs and folders) for root or for an ordinary user; the caller
   frees it. NULL where the environment names no home (ERROR_FAILED). */
char *config_folder(enum folder folder, struct error *err);

#endif
