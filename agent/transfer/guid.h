/* Identifiers of jobs and requests, as ConfigMgr writes them: upper case, in braces. */
#ifndef AGENT_TRANSFER_GUID_H
#define AGENT_TRANSFER_GUID_H

#include <stdbool.h>

#define GUID_SIZE 39 /* {8-4-4-4-12} and NUL */

void guid_make(char guid[GUID_SIZE]); /* random, RFC 9562 version 4 */
bool guid_is(const char *text);

#endif
