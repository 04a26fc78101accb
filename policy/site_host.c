/* Names and addresses of hosts, as site objects and machines write them. */
#include "policy/site_tables.h"

#include "policy/base/text.h"

#include <string.h>

static bool parse_prefix(struct site_address *address, address_number number, const char *text,
                         bool written_ipv4)
{
    int64_t prefix;
    if (!text_to_int(text, 0, written_ipv4 ? 32 : 128, &prefix))
        return false;
    if (address_is_ipv4(number) && !written_ipv4)
        prefix -= 96; /* ::ffff:10.1.2.3/120 */
    address->prefix = (int)prefix;
    return prefix >= 0;
}

bool site_address_parse(struct site_address *address, struct arena *arena, const char *text)
{
    *address = (struct site_address){.prefix = -1};
    char plain[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/%");
    const char *slash = strchr(text, '/');
    address_number number;
    if (len >= sizeof plain)
        return false;
    memcpy(plain, text, len);
    plain[len] = '\0';
    if (!address_parse(plain, &number))
        return false;
    if (slash && !parse_prefix(address, number, slash + 1, strchr(plain, ':') == NULL))
        return false;
    address_to_bytes(number, address->bytes);
    address->is_ipv4 = address_is_ipv4(number);
    address->text = arena_copy_string(arena, text);
    return true;
}

bool site_same_subnet(const struct site_address *first, const struct site_address *second)
{
    address_number a = address_from_bytes(first->bytes), b = address_from_bytes(second->bytes);
    int prefix = first->prefix >= 0 ? first->prefix : second->prefix;
    return prefix >= 0 && first->is_ipv4 == second->is_ipv4 &&
           address_first(a, prefix) == address_first(b, prefix);
}

static const char *const *split(struct policy *policy, const char *text, size_t *count)
{
    static const char separators[] = ", \t\r\n";
    const char **parts = arena_zero(&policy->arena, strlen(text) / 2 + 1, sizeof *parts);
    *count = 0;
    for (;;) {
        text += strspn(text, separators);
        size_t len = strcspn(text, separators);
        if (len == 0)
            return parts;
        parts[(*count)++] = arena_copy_bytes(&policy->arena, text, len);
        text += len;
    }
}

const char *const *site_texts(struct policy *policy, const struct instance *instance,
                              const char *name, size_t *count)
{
    const struct value *value = instance_get(instance, name);
    *count = 0;
    if (!value)
        return NULL;
    if (value->type == VALUE_TEXT)
        return split(policy, value->text, count);
    if (value->type != VALUE_ARRAY)
        return NULL;
    const char **texts = arena_zero(&policy->arena, value->count, sizeof *texts);
    for (size_t i = 0; i < value->count; i++)
        if (value->items[i].type == VALUE_TEXT && *value->items[i].text)
            texts[(*count)++] = value->items[i].text;
    return texts;
}

/* The text up to one of the characters that end a host there. */
static const char *host_at(struct policy *policy, const char *text, const char *ends)
{
    size_t len = strcspn(text, ends);
    return len ? arena_copy_bytes(&policy->arena, text, len) : NULL;
}

const char *site_nal_host(struct policy *policy, const char *nal_path)
{
    const char *last = NULL;
    for (const char *at = strstr(nal_path, "\\\\"); at; at = strstr(at + 2, "\\\\"))
        last = at;
    if (last)
        return host_at(policy, last + 2, "\\\"]");
    /* A cloud DP's form is not public: "Display=https://service/" is a guess. */
    const char *display = strcasestr(nal_path, "Display=");
    if (!display)
        return NULL;
    display += strlen("Display=");
    const char *scheme = strstr(display, "://");
    size_t word = strcspn(display, ":\"]");
    return host_at(policy, scheme == display + word ? scheme + 3 : display, "/\\\"]:");
}

bool site_lacks_address(const struct site_dp *dp)
{
    bool needs = !site_is_cloud(dp) && dp->kind != DP_LIBRARY;
    return needs && !dp->address_count && !dp->subnet_count;
}
