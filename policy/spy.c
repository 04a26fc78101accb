/* What the text and the JSON of the tree have in common. */
#include "policy/spy.h"

#include "policy/base/text.h"
#include "policy/view.h"

#include <string.h>
#include <strings.h>

static const char *const branch_words[SPY_BRANCH_COUNT] = {
    [SPY_REQUESTED] = "requested",
    [SPY_DEFAULT_SETTINGS] = "defaultSettings",
    [SPY_CUSTOM_SETTINGS] = "customSettings",
    [SPY_ACTUAL] = "actual",
    [SPY_EVENTS] = "events",
};

const char *spy_branch_word(enum spy_branch branch)
{
    return branch_words[branch];
}

/* Takes the next segment off *text; empty ones are passed over. */
static const char *take_segment(const char **text, size_t *len)
{
    const char *at = *text + strspn(*text, "/\\");
    *len = strcspn(at, "/\\");
    *text = at + *len;
    return at;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

/* A PolicyID may hold slashes: all that is left is the name. */
static void take_name(struct spy_path *path, const char *text)
{
    text += strspn(text, "/\\");
    size_t len = strlen(text);
    while (len && strchr("/\\", text[len - 1]))
        len--;
    path->name = len ? text : NULL;
    path->name_len = len;
}

bool spy_parse_path(struct spy_path *path, const char *text)
{
    size_t len;
    *path = (struct spy_path){.branch = SPY_BRANCH_COUNT};
    if (!text)
        return true;
    const char *segment = take_segment(&text, &len);
    if (!is_word(segment, len, "Machine"))
        return false;
    segment = take_segment(&text, &len);
    if (len == 0)
        return true;
    for (size_t i = 0; i < SPY_BRANCH_COUNT; i++)
        if (is_word(segment, len, branch_words[i])) {
            path->branch = (enum spy_branch)i;
            take_name(path, text);
            return true;
        }
    return false;
}

bool spy_selects(const struct spy_path *path, const char *name)
{
    return !path->name || is_word(path->name, path->name_len, name);
}

/* By PolicyID; an export has none and is named by its file. */
bool spy_selects_document(const struct spy_path *path, const struct document *document)
{
    const char *slash = strrchr(document->path, '/');
    if (document->policy_id)
        return spy_selects(path, document->policy_id);
    return spy_selects(path, document->path) ||
           spy_selects(path, slash ? slash + 1 : document->path);
}

bool spy_shows(const struct spy_path *path, enum spy_branch branch)
{
    return path->branch == branch || path->branch == SPY_BRANCH_COUNT;
}

bool spy_is_applied(const struct document *document, const char **why_not)
{
    *why_not = document->why_not ? document->why_not : document->rule_why_not;
    bool no_rule = document->rule_count && document->rules_not_applied == document->rule_count;
    return !document->why_not && !no_rule;
}

static bool has_document(const struct policy *policy, const struct spy_path *path)
{
    for (size_t i = 0; i < policy->document_count; i++)
        if (spy_selects_document(path, policy->documents[i]))
            return true;
    return false;
}

static bool has_layer_class(const struct resultant *resultant, enum layer layer,
                            const struct spy_path *path)
{
    for (size_t i = 0; i < resultant->source_count; i++)
        if (resultant->sources[i].layer == layer &&
            spy_selects(path, resultant->sources[i].instance->class_name))
            return true;
    return false;
}

static bool has_actual_class(const struct policy *policy, const struct resultant *resultant,
                             const struct spy_path *path)
{
    for (size_t i = 0; i < policy->instance_count; i++)
        if (!resultant_is_settings_class(policy->instances[i]->class_name) &&
            spy_selects(path, policy->instances[i]->class_name))
            return true;
    for (size_t i = 0; i < resultant->instance_count; i++)
        if (spy_selects(path, resultant->instances[i].class_name))
            return true;
    return spy_selects(path, VIEW_BUILT_IN_CLASS);
}

bool spy_exists(const struct spy *spy, const struct spy_path *path)
{
    if (!path->name)
        return true;
    switch (path->branch) {
    case SPY_REQUESTED: return has_document(spy->policy, path);
    case SPY_DEFAULT_SETTINGS: return has_layer_class(spy->resultant, LAYER_DEFAULT, path);
    case SPY_CUSTOM_SETTINGS: return has_layer_class(spy->resultant, LAYER_CUSTOM, path);
    case SPY_ACTUAL: return has_actual_class(spy->policy, spy->resultant, path);
    case SPY_EVENTS:
    case SPY_BRANCH_COUNT: break;
    }
    return false;
}
