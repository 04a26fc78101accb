#include "agent/transfer/guid.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void guid_make(char guid[GUID_SIZE])
{
    unsigned char b[16];
    /* Cannot fail for so few bytes once the system is up. */
    while (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        continue;
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    snprintf(guid, GUID_SIZE,
             "{%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X}", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

bool guid_is(const char *text)
{
    static const char shape[] = "{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}";
    if (strlen(text) != GUID_SIZE - 1)
        return false;
    for (size_t i = 0; shape[i]; i++) {
        bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'F');
        if (shape[i] == 'X' ? !hex : text[i] != shape[i])
            return false;
    }
    return true;
}
