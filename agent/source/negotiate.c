#include "agent/source/negotiate.h"

#include "policy/base/base64.h"
#include "policy/base/buf.h"
#include "policy/base/mem.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char spnego_bytes[] = "\x2b\x06\x01\x05\x05\x02"; /* 1.3.6.1.5.5.2 */
static gss_OID_desc spnego = {sizeof spnego_bytes - 1, spnego_bytes};

/* ---- why not ---- */

/* The minor status says it; the major one adds "unspecified failure", or "no credentials" where it
   is the KDC that does not answer. */
static void say_status(char *out, size_t size, OM_uint32 major, OM_uint32 minor)
{
    OM_uint32 ignored, more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    gss_display_status(&ignored, minor ? minor : major, minor ? GSS_C_MECH_CODE : GSS_C_GSS_CODE,
                       gss_mech_krb5, &more, &text);
    snprintf(out, size, "%.*s", (int)text.length, text.value ? (char *)text.value : "");
    gss_release_buffer(&ignored, &text);
}

/* GSS-API numbers its mechanisms' minor codes anew: only the words tell them apart. No locale is
   set here that would translate them. */
static bool is_unreached(const char *text)
{
    static const char *const signs[] = {"Cannot contact any KDC", "Cannot find KDC",
                                        "Cannot resolve network address for KDC"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strncmp(text, signs[i], strlen(signs[i])) == 0)
            return true;
    return false;
}

static void fail(struct negotiate_token *token, OM_uint32 major, OM_uint32 minor)
{
    say_status(token->text, sizeof token->text, major, minor);
    token->outcome = is_unreached(token->text) ? NEGOTIATE_NO_KDC : NEGOTIATE_NO_TICKET;
}

static void fail_krb5(struct negotiate_token *token, krb5_context krb5, krb5_error_code code)
{
    const char *text = krb5_get_error_message(krb5, code);
    token->outcome = NEGOTIATE_NO_TICKET;
    snprintf(token->text, sizeof token->text, "%s", text);
    krb5_free_error_message(krb5, text);
}

/* ---- the service's name ---- */

/* GSS-API's host-based names would be rewritten to what DNS makes of them, and a name server that
   lies would choose the service: the principal is named instead. Its realm is krb5.conf's for the
   host, else for the KDC to find. Lower case, as Windows has no case there and others do. NULL: the
   token says why. The caller frees it. */
static char *service_principal(const char *host, struct negotiate_token *token)
{
    krb5_context krb5 = NULL;
    krb5_principal principal = NULL;
    char *text = NULL, *copy = NULL, *name = mem_copy_string(host);
    for (char *c = name; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : *c);
    krb5_error_code code = krb5_init_context(&krb5);
    if (!code)
        code = krb5_sname_to_principal(krb5, name, "HTTP", KRB5_NT_UNKNOWN, &principal);
    if (!code)
        code = krb5_unparse_name(krb5, principal, &text);
    if (code)
        fail_krb5(token, krb5, code);
    else
        copy = mem_copy_string(text);
    krb5_free_unparsed_name(krb5, text);
    krb5_free_principal(krb5, principal);
    krb5_free_context(krb5);
    free(name);
    return copy;
}

static bool import_service(const char *host, gss_name_t *name, struct negotiate_token *token)
{
    OM_uint32 major, minor;
    char *principal = service_principal(host, token);
    if (!principal)
        return false;
    gss_buffer_desc text = {strlen(principal), principal};
    major = gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, name);
    free(principal);
    if (GSS_ERROR(major))
        fail(token, major, minor);
    return !GSS_ERROR(major);
}

/* ---- the token ---- */

/* Whoever this machine is to Kerberos. What else is installed that SPNEGO could offer (NTLM, from
   a password in a file) is left out. */
static bool acquire(gss_cred_id_t *credential, struct negotiate_token *token)
{
    OM_uint32 major, minor;
    gss_OID_set_desc outer = {1, &spnego}, inner = {1, gss_mech_krb5};
    for (size_t i = 0; i < 2; i++) {
        /* Kerberos itself first, for its words: SPNEGO says only that it has nothing to offer. */
        gss_release_cred(&minor, credential);
        major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, i ? &outer : &inner,
                                 GSS_C_INITIATE, credential, NULL, NULL);
        if (GSS_ERROR(major))
            break;
    }
    if (!GSS_ERROR(major))
        major = gss_set_neg_mechs(&minor, *credential, &inner);
    if (GSS_ERROR(major))
        fail(token, major, minor);
    return !GSS_ERROR(major);
}

/* One step: what the service would answer is of no use to who does not ask it to prove itself. */
static void initiate(gss_cred_id_t credential, gss_name_t service, struct negotiate_token *token)
{
    const OM_uint32 no_flags = 0; /* above all not GSS_C_DELEG_FLAG */
    OM_uint32 major, minor, ignored;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_buffer_desc bytes = GSS_C_EMPTY_BUFFER;
    major =
        gss_init_sec_context(&minor, credential, &context, service, &spnego, no_flags, 0,
                             GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, NULL, &bytes, NULL, NULL);
    if (GSS_ERROR(major))
        fail(token, major, minor);
    else
        token->base64 = base64_encode(bytes.value, bytes.length);
    gss_release_buffer(&ignored, &bytes);
    gss_delete_sec_context(&ignored, &context, GSS_C_NO_BUFFER);
}

void negotiate_token(const char *host, struct negotiate_token *token)
{
    OM_uint32 ignored;
    gss_name_t service = GSS_C_NO_NAME;
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    *token = (struct negotiate_token){.outcome = NEGOTIATE_OK};
    if (import_service(host, &service, token) && acquire(&credential, token))
        initiate(credential, service, token);
    gss_release_name(&ignored, &service);
    gss_release_cred(&ignored, &credential);
}
