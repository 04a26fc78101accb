/* What the files of machine/ share: adding to a machine's lists. Only they and its tests include
   it. */
#ifndef AGENT_MACHINE_PARTS_H
#define AGENT_MACHINE_PARTS_H

#include "agent/machine/machine.h"
#include "agent/machine/rtnetlink.h"

/* false: `text` is no address. */
bool machine_add_address(struct machine *machine, const char *text);

/* A network ID, with a mask or without; added once. false: `text` is no address. */
bool machine_add_subnet(struct machine *machine, const char *text);

void machine_add_collection(struct machine *machine, const char *text);
void machine_add_adapter(struct machine *machine, const struct machine_adapter *adapter);

/* `place` must live as long as the machine. */
void machine_came_from(struct machine *machine, enum machine_member member,
                       enum machine_origin origin, const char *place);

/* This machine's addresses and interfaces, added to an empty machine. */
bool machine_find_local(struct machine *machine, struct error *err);

/* Those of what the kernel said that count. More than a list may hold: ERROR_FAILED. */
bool machine_take(struct machine *machine, const struct rtnetlink *found, struct error *err);

#endif
