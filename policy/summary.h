/*
 * One line on what a policy holds and what it does not:
 * "site PS1: 214 boundaries, 61 groups, 48 DPs, 1,902 contents, 3 settings; missing: SMS_R_System"
 *
 * No system calls; commands call it.
 */
#ifndef POLICY_SUMMARY_H
#define POLICY_SUMMARY_H

#include "policy/base/buf.h"
#include "policy/site.h"

/* Appends the line, without a newline; text from outside is not escaped. */
void summary_text(struct buf *out, const struct site *site);

#endif
