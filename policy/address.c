#include "policy/address.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdint.h>
#include <string.h>

#define IPV4_PREFIX ((address_number)0xFFFF << 32)

address_number address_from_bytes(const unsigned char bytes[16])
{
    uint64_t high, low;
    memcpy(&high, bytes, sizeof high);
    memcpy(&low, bytes + sizeof high, sizeof low);
    return (address_number)be64toh(high) << 64 | be64toh(low);
}

void address_to_bytes(address_number address, unsigned char bytes[16])
{
    for (int i = 15; i >= 0; i--, address >>= 8)
        bytes[i] = (unsigned char)(address & 0xFF);
}

bool address_parse(const char *text, address_number *out)
{
    unsigned char bytes[16];
    struct in_addr ipv4;
    if (inet_pton(AF_INET, text, &ipv4) == 1)
        *out = IPV4_PREFIX | ntohl(ipv4.s_addr);
    else if (inet_pton(AF_INET6, text, bytes) == 1)
        *out = address_from_bytes(bytes);
    else
        return false;
    return true;
}

bool address_is_ipv4(address_number address)
{
    return address >> 32 == 0xFFFF;
}

bool address_is_placeless(address_number address)
{
    if (!address_is_ipv4(address))
        return address <= 1 || (address >> 118) == 0x3FA; /* ::, ::1, fe80::/10 */
    unsigned ipv4 = (unsigned)address;
    return ipv4 == 0 || ipv4 >> 24 == 127 || ipv4 >> 16 == 0xA9FE; /* 169.254.0.0/16 */
}

int address_prefix_max(address_number address)
{
    return address_is_ipv4(address) ? 32 : 128;
}

static address_number host_bits(address_number address, int prefix)
{
    int bits = address_prefix_max(address) - prefix;
    return bits == 128 ? ADDRESS_MAX : ((address_number)1 << bits) - 1;
}

address_number address_first(address_number address, int prefix)
{
    return address & ~host_bits(address, prefix);
}

address_number address_last(address_number address, int prefix)
{
    return address | host_bits(address, prefix);
}

void address_format(address_number address, char out[INET6_ADDRSTRLEN])
{
    unsigned char bytes[16];
    address_to_bytes(address, bytes);
    if (address_is_ipv4(address))
        inet_ntop(AF_INET, bytes + 12, out, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, bytes, out, INET6_ADDRSTRLEN);
}
