/*
 * The forms of a URL under which a ConfigMgr distribution point answers (configmgr-facts 5.1, 5.2):
 * three virtual directories, each with files by their path or as `sccm?/<path>`. Pure; for this
 * room and its tests.
 */
#ifndef AGENT_SOURCE_DP_FORM_H
#define AGENT_SOURCE_DP_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* Of files; even ones are plain paths. Listings have half of them. 2 where the URL has no
   SMS_DP_SMSPKG$ in its path, else 6. */
unsigned dp_form_count(const char *content_url);

/* The content's URL in the form's virtual directory; the caller frees it. */
char *dp_form_content_url(const char *content_url, unsigned form);

/* A file's, or (with a plain form) a folder's URL; `name` is encoded; the caller frees it. */
char *dp_form_file_url(const char *content_url, unsigned form, const char *name);

/* Of kinds whose URLs have one form: source_kind's form_count and file_url. */
unsigned dp_form_one(const char *content_url);
char *dp_form_plain_url(const char *content_url, unsigned form, const char *name);

#endif
