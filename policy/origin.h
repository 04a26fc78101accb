/*
 * Where a value comes from, in words: the layer, the settings object and collection as the console
 * shows them, the policy and the place in its document. Text from outside comes out escaped. No
 * system calls; any room may call it.
 */
#ifndef POLICY_ORIGIN_H
#define POLICY_ORIGIN_H

#include "policy/base/buf.h"
#include "policy/resultant.h"

const char *origin_layer_words(enum layer layer); /* "custom settings" */

/* "custom settings 'Pilots', priority 10, collection 'Pilot Cloud' (PS100023)"; NULL: "built-in".
   Nothing of documents, so that equal policy of any form is equal text. */
void origin_add_source(struct buf *out, const struct resultant_source *source);

/* "policy {...} version 2.00, folder/file.xml:12", an export "folder/file.json:12" */
void origin_add_place(struct buf *out, const struct document *document, unsigned line);

/* Appends the text escaped, cut after 160 bytes with its size. */
void origin_add_text(struct buf *out, const char *text);

#endif
