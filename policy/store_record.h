/* The store's two records as JSON. For store.c only; no system calls. */
#ifndef POLICY_STORE_RECORD_H
#define POLICY_STORE_RECORD_H

#include "policy/store.h"

/* The record's text; the caller frees it. */
char *store_record_write(const struct store_set *set);

/* false: not such a record. The set is then the caller's to free. */
bool store_record_read(struct store_set *set, const char *text, size_t len);

char *store_events_write(const struct store_event *events, size_t count);

/* What cannot be read is left out. */
void store_events_read(struct store_events *events, const char *text, size_t len);

#endif
