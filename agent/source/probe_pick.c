/* Which files of a content are asked for: the smallest, and one of each kind of odd name. */
#include "agent/source/probe_parts.h"

#include "policy/base/text.h"

#include <string.h>
#include <strings.h>

/* What IIS's request filtering hides as it comes, and endings that it does not serve. */
static const char *const segments[] = {
    "bin",      "App_Code",          "App_GlobalResources", "App_LocalResources",
    "App_Data", "App_WebReferences", "App_Browsers",        "web.config",
};
static const char *const endings[] = {
    ".mdb", ".pck", ".pkg", ".sta",    ".tar",  ".config", ".asax",    ".ascx",      ".master",
    ".cs",  ".vb",  ".mdf", ".ldf",    ".ldb",  ".java",   ".resx",    ".resources", ".csproj",
    ".jsl", ".sd",  ".cd",  ".vbproj", ".licx", ".skin",   ".browser", ".sitemap",   ".webinfo",
};

static bool has_segment(const char *name)
{
    while (*name) {
        size_t len = strcspn(name, "/");
        for (size_t i = 0; i < sizeof segments / sizeof segments[0]; i++)
            if (len == strlen(segments[i]) && strncasecmp(name, segments[i], len) == 0)
                return true;
        name += len + (name[len] == '/');
    }
    return false;
}

static bool has_ending(const char *name)
{
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (text_ends_with(name, endings[i]))
            return true;
    return false;
}

static bool is_ascii(const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name > 0x7E)
            return false;
    return true;
}

enum probe_oddity probe_oddity(const char *name)
{
    if (has_segment(name))
        return ODD_SEGMENT;
    if (has_ending(name))
        return ODD_ENDING;
    if (strpbrk(name, "+%"))
        return ODD_DOUBLE;
    if (strpbrk(name, "#&?:;=*<>|\"'"))
        return ODD_MARK;
    if (strchr(name, ' '))
        return ODD_SPACE;
    return is_ascii(name) ? ODD_NOT : ODD_FOREIGN;
}

/* Two bytes are the least that a part can be asked of; then plain names; then few bytes. */
static bool is_better(const struct probe_file *best, const struct probe_file *file)
{
    bool fits = file->size < 0 || file->size >= 2, fitted = best->size < 0 || best->size >= 2;
    if (!best->name || fits != fitted)
        return !best->name || fits;
    bool plain = probe_oddity(file->name) == ODD_NOT,
         was_plain = probe_oddity(best->name) == ODD_NOT;
    if (plain != was_plain)
        return plain;
    return file->size >= 0 && (best->size < 0 || file->size < best->size);
}

void probe_pick_offer(struct probe_pick *pick, const char *name, int64_t size,
                      const struct manifest_file *row)
{
    enum probe_oddity oddity = probe_oddity(name);
    const struct probe_file file = {name, size, row};
    if (is_better(&pick->plain, &file))
        pick->plain = file;
    if (oddity != ODD_NOT && is_better(&pick->odd[oddity], &file))
        pick->odd[oddity] = file;
}
