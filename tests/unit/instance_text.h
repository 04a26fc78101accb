/* Instances as one line of text each, so that tests compare what documents of any form give. */
#ifndef TESTS_INSTANCE_TEXT_H
#define TESTS_INSTANCE_TEXT_H

#include "policy/base/buf.h"
#include "policy/instance.h"

/* Appends SMS_X{A=5 B="x" C=[true] D=null E=SMS_Y{}} for each that was read, with a newline. */
void instance_text(struct buf *out, const struct policy *policy);

/* Reads `bytes` in pieces of `piece` bytes. On false `err` is filled and the policy freed. */
bool read_in_pieces(struct policy *policy, const char *bytes, size_t len, size_t piece,
                    struct error *err);

/* The document gives these lines, or the test fails. */
void assert_gives(const char *bytes, size_t len, const char *lines);

/* The document is refused at doc:LINE with a text that has `words` in it, or the test fails. */
void assert_bytes_refused(const char *bytes, size_t len, unsigned line, const char *words);

#endif
