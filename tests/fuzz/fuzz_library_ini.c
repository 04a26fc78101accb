/* Bytes as an INI file of a content library. */
#include "agent/source/library_ini.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What it is given is text: no NUL in between, no end of line. */
static bool take_row(void *arg, const char *section, const char *key, const char *value)
{
    size_t *left = arg;
    if (strpbrk(section, "\n") || strpbrk(key, "\n") || strpbrk(value, "\n"))
        __builtin_trap();
    return (*left)-- > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = {0};
    size_t left = 1000;
    buf_append(&text, (const char *)data, size);
    library_ini_each(&text, take_row, &left);
    buf_free(&text);
    return 0;
}
