/*
 * IP addresses as 128-bit numbers, IPv4 as ::ffff:a.b.c.d, so that both families sort on one line.
 * No system calls; any room may call it.
 */
#ifndef POLICY_ADDRESS_H
#define POLICY_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>

__extension__ typedef unsigned __int128 address_number;

#define ADDRESS_MAX (~(address_number)0)

/* An address without prefix, zone or blanks. */
bool address_parse(const char *text, address_number *out);

address_number address_from_bytes(const unsigned char bytes[16]);
void address_to_bytes(address_number address, unsigned char bytes[16]);

/* ::ffff:0:0/96, however it was written. */
bool address_is_ipv4(address_number address);

/* Loopback, link-local or unspecified: an address that says nothing of where a machine stands. */
bool address_is_placeless(address_number address);

/* 32 or 128: the longest prefix of the address's family. */
int address_prefix_max(address_number address);

/* First and last address of the network; `prefix` is the family's, 0 to address_prefix_max. */
address_number address_first(address_number address, int prefix);
address_number address_last(address_number address, int prefix);

/* "10.1.2.0" or "2001:db8::" */
void address_format(address_number address, char out[INET6_ADDRSTRLEN]);

#endif
