/* JSON that locate and where share: the contract's boundaries and boundary groups. */
#ifndef AGENT_COMMAND_LOCATION_JSON_H
#define AGENT_COMMAND_LOCATION_JSON_H

#include "agent/location/location.h"

#include <jansson.h>

/* null for NULL, and for what is not UTF-8. */
json_t *location_json_text(const char *text);

json_t *location_json_boundary(const struct site_boundary *boundary);
json_t *location_json_boundaries(const struct decision *decision);
json_t *location_json_group(const struct located_group *group);
json_t *location_json_groups(const struct decision *decision);

/* What a failure adds: "error". */
json_t *location_json_failure(const struct error *failure);

#endif
