/* PolicyVersion, "2.00": compared as two numbers, 10.00 above 9.00. No system calls. */
#ifndef POLICY_VERSION_H
#define POLICY_VERSION_H

#include <stdbool.h>
#include <stdint.h>

/* One number, or two with a point between them. */
bool version_parse(const char *text, int64_t version[2]);

/* < 0, 0, > 0 */
int version_compare(const int64_t a[2], const int64_t b[2]);

#endif
