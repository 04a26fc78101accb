#include "agent/command/access.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/secrets.h"

#include <string.h>
#include <unistd.h>

static bool read_standard_input(struct policy *policy, struct error *err)
{
    static const char name[] = "standard input";
    struct buf bytes = {0};
    char piece[4096];
    ssize_t got;
    while ((got = read(STDIN_FILENO, piece, sizeof piece)) > 0 &&
           bytes.len <= (size_t)LIMIT_SETTINGS_BYTES)
        buf_append(&bytes, piece, (size_t)got);
    bool ok = got >= 0 || error_errno(err, name, "cannot read");
    if (ok && bytes.len > (size_t)LIMIT_SETTINGS_BYTES)
        ok = error_set(err, ERROR_INPUT, BLAME_USER, "TOO_LARGE", name,
                       "is longer than such a document can be");
    ok = ok && policy_read_bytes(policy, name, bytes.data ? bytes.data : "", bytes.len, err) &&
         policy_settle(policy, err);
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.len);
    buf_free(&bytes);
    return ok;
}

/* The host of the URL stands in the NAL path. */
static bool is_for(struct policy *policy, const struct site_access *access, const char *url)
{
    const char *host = site_nal_host(policy, access->nal_path), *begin = strstr(url, "://");
    size_t len = begin ? strcspn(begin + 3, ":/") : 0;
    return host && begin && strlen(host) == len && strncasecmp(host, begin + 3, len) == 0;
}

static bool choose(struct access *access, const char *where, const char *url, struct error *err)
{
    const struct site *site = &access->site;
    for (size_t i = 0; i < site->access_count; i++)
        if (site->access_count == 1 || is_for(&access->policy, &site->accesses[i], url))
            access->found = &site->accesses[i];
    if (!access->found)
        return error_set(err, ERROR_INPUT, BLAME_POLICY, "CLOUD_ACCESS", where,
                         site->access_count ? "has several NP_CloudAccess, none for this host"
                                            : "has no NP_CloudAccess");
    return access->found->has_key ||
           error_set(err, ERROR_INPUT, BLAME_POLICY, "CLOUD_ACCESS", where,
                     "its NP_CloudAccess has no Key to encrypt "
                     "with");
}

bool access_read(struct access *access, const char *path, const char *url, struct error *err)
{
    bool piped = strcmp(path, "-") == 0;
    *access = (struct access){.found = NULL};
    bool ok = piped ? read_standard_input(&access->policy, err)
                    : policy_read(&access->policy, &path, 1, false, NULL, err);
    return ok && secrets_refuse_readable(&access->policy, err) &&
           site_read(&access->site, &access->policy, err) &&
           choose(access, piped ? "standard input" : path, url, err);
}

void access_free(struct access *access)
{
    policy_free(&access->policy);
}
