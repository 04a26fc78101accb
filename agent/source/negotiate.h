/*
 * Windows authentication: the token that proves this machine's Kerberos identity to one service.
 * SPNEGO with Kerberos inside; never NTLM, nothing delegated, no mutual authentication.
 *
 * Blocks for as long as the Kerberos library waits for a KDC or its name server: for a thread whose
 * waiting stops nobody. Tickets come from where the library's environment says (KRB5_CONFIG,
 * KRB5CCNAME, KRB5_CLIENT_KTNAME). System calls: all that the Kerberos library makes. For this room
 * only.
 */
#ifndef AGENT_SOURCE_NEGOTIATE_H
#define AGENT_SOURCE_NEGOTIATE_H

#include <stdbool.h>

enum negotiate_outcome {
    NEGOTIATE_OK,
    NEGOTIATE_NO_TICKET, /* the library's words say why */
    NEGOTIATE_NO_KDC,    /* none was reached */
};

struct negotiate_token {
    enum negotiate_outcome outcome;
    char *base64;   /* owned; NULL unless OK */
    char text[512]; /* why not, in the library's words: major, then minor */
};

/* For HTTP on `host` by just that name: no alias's target, no reverse lookup, whatever krb5.conf
   says. Good for one request: servers refuse one that they have seen. */
void negotiate_token(const char *host, struct negotiate_token *token);

#endif
