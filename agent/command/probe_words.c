/* A probe's steps in words: one table, keyed by step and fault. */
#include "agent/command/probe.h"

#include "policy/base/text.h"

#include <string.h>

#define ANY         ((int)PROBE_CODE_COUNT)
#define TEXT_MOST   600 /* of what comes from outside */
#define SERVER_MOST PROBE_LIGHTTPD

/* "{about}", "{what}", "{got}", "{wanted}", "{status}" stand for the step's facts, "{certificate}"
   for the report's. The change for each server; where only `all` stands, it is the same for all. */
struct row {
    int code;
    enum probe_fault fault;
    const char *text;
    const char *all, *iis, *nginx, *apache, *lighttpd;
};

#define FILE_THERE                                                                            \
    "distribute the content again, or look whether the web server's root is the folder that " \
    "holds "                                                                                  \
    "it"
#define LET_READ_IIS                                                                             \
    "site > SMS_DP_SMSPKG$ > Authentication: enable Anonymous (the console's 'Allow clients to " \
    "connect anonymously'), or give clients a ticket or certificate"

static const struct row rows[] = {
    {ANY, PROBE_BLOCKED, .text = "not asked: {what} stands before it"},
    {ANY, PROBE_NO_FILE,
     .text = "not asked: no file of the content is known (no manifest, no listing)"},
    {ANY, PROBE_SMALL, .text = "not asked: the content has no file of two bytes or more"},

    {PROBE_NAME, PROBE_FINE, .text = "{what}"},
    {PROBE_NAME, PROBE_PROXIED, .text = "not asked: the proxy resolves it"},
    {PROBE_NAME, PROBE_NAME_FAILED, .text = "{about} does not resolve: {what}",
     .all = "enter the name in DNS, or correct it where the site or BaseURL names it"},

    {PROBE_TCP, PROBE_FINE, .text = "connected to {what}"},
    {PROBE_TCP, PROBE_PROXIED, .text = "connected to the proxy at {what}"},
    {PROBE_TCP, PROBE_REFUSED, .text = "{about} refuses the connection: nothing listens there",
     .all = "start the web server and let it listen on that port (IIS: the site's bindings; nginx: "
            "listen; Apache: Listen), or correct the port in BaseURL"},
    {PROBE_TCP, PROBE_NO_CONNECTION, .text = "{about} does not answer within {got} s",
     .all = "let the port through the firewalls on the way, and look whether the machine is up"},
    {PROBE_TCP, PROBE_UNREACHABLE, .text = "{about} cannot be reached: {what}",
     .all = "look at this machine's routes and at the address that the name has in DNS"},
    {PROBE_TCP, PROBE_PROXY_FAILED, .text = "the proxy does not work: {what}",
     .all = "correct proxy in nearpoint.json, or the proxy variables of the environment"},

    {PROBE_TLS, PROBE_FINE, .text = "{certificate}"},
    {PROBE_TLS, PROBE_PLAIN_HTTP, .text = "plain HTTP"},
    {PROBE_TLS, PROBE_SITE_SAYS_HTTPS, .text = "plain HTTP, where the site says HTTPS",
     .all = "let BaseURL begin with https, or set the distribution point's communication to HTTP"},
    {PROBE_TLS, PROBE_SITE_SAYS_HTTP, .text = "HTTPS, where the site says HTTP: {certificate}",
     .all = "set the distribution point's communication to HTTPS, or let BaseURL begin with http"},
    {PROBE_TLS, PROBE_CERT_ENDS, .text = "{certificate}; it ends in {got} days",
     .all = "renew the certificate"},
    {PROBE_TLS, PROBE_SPEAKS_PLAIN, .text = "the port speaks plain HTTP",
     .iis = "site > Bindings: bind https with a certificate to that port",
     .nginx = "listen with ssl, ssl_certificate and ssl_certificate_key",
     .apache = "SSLEngine on, with SSLCertificateFile", .lighttpd = "ssl.engine = \"enable\"",
     .all = "or let the site and BaseURL say http"},
    {PROBE_TLS, PROBE_SILENT, .text = "no handshake within {got} s",
     .all = "look whether that port speaks TLS, and what stands between"},
    {PROBE_TLS, PROBE_TLS_OLD, .text = "speaks {what} only", .iis = "enable TLS 1.2 in SCHANNEL",
     .nginx = "ssl_protocols TLSv1.2 TLSv1.3;", .apache = "SSLProtocol TLSv1.2 TLSv1.3",
     .lighttpd = "ssl.openssl.ssl-conf-cmd = (\"MinProtocol\" => \"TLSv1.2\")"},
    {PROBE_TLS, PROBE_TLS_FAILED, .text = "{what}",
     .all = "look at the server's protocols and ciphers, and whether it requires a client "
            "certificate"},
    {PROBE_TLS, PROBE_OWN_FILE, .text = "a file of this machine's is bad: {what}",
     .all = "correct caFile, clientCertificate or clientKey in nearpoint.json"},
    {PROBE_TLS, PROBE_CERT_EXPIRED,
     .text = "the certificate has expired ({what}); what follows was asked without trust",
     .all = "renew it and bind the new one; look at this machine's clock too"},
    {PROBE_TLS, PROBE_CERT_EARLY,
     .text = "the certificate is not valid before {what}; what follows was asked without trust",
     .all = "look at this machine's clock and at the certificate's dates"},
    {PROBE_TLS, PROBE_CERT_NAME,
     .text = "the certificate is for {what}, not for {about}; what follows was asked without trust",
     .all = "bind a certificate whose subject alternative names hold {about}, or name the "
            "distribution point as the certificate does"},
    {PROBE_TLS, PROBE_CERT_AUTHORITY,
     .text =
         "the certificate's authority is not trusted here ({what}); what follows was asked without "
         "trust",
     .all = "name the authority in caFile of nearpoint.json or add it to the system's, and let the "
            "server send the intermediate certificates"},
    {PROBE_TLS, PROBE_CERT_OTHER, .text = "{what}; what follows was asked without trust",
     .all = "bind a certificate that holds"},

    {PROBE_AUTH, PROBE_FINE, .text = "{status}: anonymous reading is on"},
    {PROBE_AUTH, PROBE_UNAUTHORIZED, .text = "401: anonymous reading is off; offered: {what}",
     .iis = LET_READ_IIS, .nginx = "no auth_basic and no auth_request for this location",
     .apache = "Require all granted for this folder, no AuthType",
     .lighttpd = "no auth.require for this path"},
    {PROBE_AUTH, PROBE_FORBIDDEN,
     .text =
         "403 to a name that is not there: a client certificate is wanted, or this machine may not "
         "read",
     .iis = "site > SMS_DP_SMSPKG$ > SSL Settings: client certificates Ignore or Accept, or name "
            "clientCertificate in nearpoint.json; look at IP restrictions",
     .nginx = "look at allow, deny and ssl_verify_client",
     .apache = "look at Require and SSLVerifyClient",
     .lighttpd = "look at url.access-deny and ssl.verifyclient"},
    {PROBE_AUTH, PROBE_CATCH_ALL,
     .text = "{status} to a name that is not there: a captive portal, or a page for everything",
     .all = "let names that are not there be answered with 404",
     .iis = "site > Error Pages and URL Rewrite", .nginx = "try_files and error_page",
     .apache = "ErrorDocument, FallbackResource and RewriteRule",
     .lighttpd = "server.error-handler-404 and url.rewrite"},
    {PROBE_AUTH, PROBE_SPEAKS_TLS, .text = "the port speaks TLS, not plain HTTP",
     .all = "let the distribution point's communication be HTTPS and BaseURL begin with https"},

    {ANY, PROBE_NO_FOLDER, .text = "not asked: the URL does not end in SMS_DP_SMSPKG$"},
    {PROBE_VDIR_PLAIN, PROBE_FINE, .text = "{status}: {about} is there"},
    {PROBE_VDIR_NOCERT, PROBE_FINE, .text = "{status}: {about} is there"},
    {PROBE_VDIR_CCMTOKENAUTH, PROBE_FINE, .text = "{status}: {about} is there"},
    {PROBE_VDIR_PLAIN, PROBE_MISSING, .text = "404: nothing shows at {about}",
     .all = "look whether the distribution point role is installed and BaseURL names its root",
     .nginx = "look at root and location", .apache = "look at DocumentRoot and Alias",
     .lighttpd = "look at server.document-root and alias.url"},
    {PROBE_VDIR_NOCERT, PROBE_MISSING,
     .text = "404: no {about}; clients try it after the plain one"},
    {PROBE_VDIR_CCMTOKENAUTH, PROBE_MISSING, .text = "404: no {about}; clients try it last"},

    {PROBE_PROPFIND, PROBE_FINE, .text = "{status}, {got} names"},
    {PROBE_PROPFIND, PROBE_METHOD, .text = "{status}: contents cannot be listed",
     .iis = "remove WebDAV Publishing, which answers in the distribution point's place, and let "
            "request filtering allow the verb PROPFIND",
     .nginx = "ngx_http_dav_ext_module with dav_ext_methods PROPFIND OPTIONS;",
     .apache = "mod_dav and mod_dav_fs, with Dav On for the folder",
     .lighttpd = "mod_webdav, with webdav.activate and webdav.is-readonly"},
    {PROBE_PROPFIND, PROBE_FORBIDDEN, .text = "403: contents cannot be listed",
     .iis = "let request filtering allow the verb PROPFIND, and clients read",
     .nginx = "let the server's user read the folder; look at limit_except and deny",
     .apache = "let PROPFIND through: LimitExcept GET HEAD OPTIONS PROPFIND",
     .lighttpd = "look at url.access-deny and at the folder's mode"},
    {PROBE_PROPFIND, PROBE_MISSING, .text = "404: the content is not there", .all = FILE_THERE},
    {PROBE_PROPFIND, PROBE_NOT_A_LISTING, .text = "{status} {what}: the answer is no listing",
     .iis = "look whether the distribution point's own handler (smsfileisapi) serves the folder",
     .nginx = "dav_ext_methods PROPFIND OPTIONS; and no page for everything",
     .apache = "Dav On for the folder, and no page for everything",
     .lighttpd = "webdav.activate = \"enable\", and no page for everything"},
    {ANY, PROBE_LISTING_LONG,
     .text = "{status}, {got} names in the first 4 MiB; more follow, not read"},
    {PROBE_PROPFIND_INFINITY, PROBE_FINE, .text = "{status}, {got} names"},
    {PROBE_PROPFIND_INFINITY, PROBE_BY_LEVEL,
     .text = "403: lists one level at a time, which does as well"},
    {PROBE_PROPFIND_INFINITY, PROBE_NOT_A_LISTING,
     .text = "{status} {what}: no listing of all at once"},

    {PROBE_HEAD, PROBE_FINE, .text = "{status}, {got} bytes: {about}"},
    {PROBE_HEAD, PROBE_PLAIN_REFUSED,
     .text = "{status}: {about} comes as sccm?/ only, which does as well"},
    {PROBE_HEAD, PROBE_METHOD, .text = "{status}: HEAD is not allowed",
     .iis = "let request filtering and the handler allow the verb HEAD",
     .nginx = "look at limit_except", .apache = "look at Limit and LimitExcept",
     .lighttpd = "look at $HTTP[\"request-method\"]"},
    {PROBE_SCCM_FORM, PROBE_FINE, .text = "{status}: files come as sccm?/ too"},
    {PROBE_SCCM_FORM, PROBE_MISSING,
     .text = "404: no sccm?/, which only IIS distribution points have"},
    {PROBE_SCCM_FORM, PROBE_METHOD,
     .text = "{status}: no sccm?/, which only IIS distribution points have"},
    {PROBE_SCCM_FORM, PROBE_LENGTH, .text = "{status}: sccm?/ gives something else"},
    {PROBE_SCCM_FORM, PROBE_PAGE, .text = "{status}: sccm?/ gives something else"},
    {PROBE_SCCM_FORM, PROBE_NO_LENGTH, .text = "{status}: sccm?/ gives something else"},
    {PROBE_GET, PROBE_FINE, .text = "{status}, {got} bytes: {about}"},
    {PROBE_GET, PROBE_NO_ETAG,
     .text = "{status}, {got} bytes, no ETag: a download that broke off goes on "
             "by date"},
    {PROBE_GET, PROBE_WEAK_ETAG,
     .text = "{status}, {got} bytes, a weak ETag: a download that broke off "
             "goes on by date"},
    {PROBE_GET, PROBE_BYTES, .text = "{status}: the bytes of {about} are not those of the manifest",
     .all = "distribute the content again, or validate it on the distribution point"},
    {PROBE_COMPRESSION, PROBE_FINE, .text = "{status}: sends files as they are"},
    {PROBE_COMPRESSION, PROBE_COMPRESSES, .text = "{status}: compresses {about} where it may",
     .iis = "site > Compression: no dynamic compression for this folder",
     .nginx = "gzip off; for this location", .apache = "SetEnv no-gzip 1 for this folder",
     .lighttpd = "no deflate.mimetypes for this path"},

    {PROBE_RANGE, PROBE_FINE, .text = "{status}, {what}"},
    {PROBE_RANGE, PROBE_NO_RANGES,
     .text = "{status} to a range: a download that broke off begins anew",
     .iis = "let the handler of the folder be the distribution point's own or StaticFile, and take "
            "away what sets Accept-Ranges: none",
     .nginx = "no max_ranges 0;, and no filter that changes bodies",
     .apache = "no MaxRanges none, no Header that takes Range away, no filter such as deflate",
     .lighttpd = "server.range-requests = \"enable\""},
    {PROBE_RANGE, PROBE_RANGE_WRONG,
     .text = "{status} with {what} and {got} bytes where {wanted} were asked",
     .all = "look at the proxy, cache or filter between the files and the client: a part has to be "
            "exactly what was asked"},
    {PROBE_IF_RANGE, PROBE_FINE, .text = "{status}: conditions are kept"},
    {PROBE_IF_RANGE, PROBE_NO_ETAG, .text = "not asked: no ETag and no date to ask with"},
    {PROBE_IF_RANGE, PROBE_IF_RANGE_REFUSED,
     .text = "{status} for a condition that holds: a download that broke off begins anew",
     .all = "ask again in a minute where the file is new; look whether all servers behind one name "
            "give the same ETag"},
    {PROBE_IF_RANGE, PROBE_IF_RANGE_IGNORED,
     .text = "{status} for a condition that does not hold: a file that changes meanwhile is found "
             "by its "
             "hash only"},

    {PROBE_NAMES, PROBE_FINE, .text = "{status}: {about}"},
    {PROBE_NAMES, PROBE_NO_SUCH_NAME,
     .text = "not asked: the content has no name that servers differ about"},
    {PROBE_NAMES, PROBE_PLAIN_REFUSED,
     .text = "{status}: {about} comes as sccm?/ only, which does as well"},
    {PROBE_NAMES, PROBE_SEGMENT, .text = "{status}: {about} is hidden",
     .iis = "Request Filtering > Hidden Segments: take the folder's name out for SMS_DP_SMSPKG$ "
            "(hiddenSegments in applicationHost.config)",
     .nginx = "look at location and deny rules for it",
     .apache = "look at Require and RedirectMatch", .lighttpd = "look at url.access-deny"},
    {PROBE_NAMES, PROBE_ENDING, .text = "{status}: {about} is hidden",
     .iis = "Request Filtering > File Name Extensions: allow the ending for SMS_DP_SMSPKG$ "
            "(fileExtensions in applicationHost.config)",
     .nginx = "look at location and deny rules for the ending",
     .apache = "look at Files and FilesMatch", .lighttpd = "look at url.access-deny"},
    {PROBE_NAMES, PROBE_DOUBLE_ESCAPE, .text = "{status}: {about} is refused",
     .iis =
         "Request Filtering > Edit Feature Settings: Allow double escaping (allowDoubleEscaping) "
         "for SMS_DP_SMSPKG$",
     .nginx = "no rewrite or proxy_pass with a path that decodes it twice",
     .apache = "no RewriteRule without the flags B and NE that decodes it twice",
     .lighttpd = "look at server.http-parseopts and url.rewrite"},
    {PROBE_NAMES, PROBE_ODD_NAME, .text = "{status}: {about} is refused",
     .iis = "look at Request Filtering (URL and query sequences, high-bit characters) and at "
            "URL Rewrite",
     .nginx = "look at rewrite, charset and the names on the disk (UTF-8)",
     .apache = "look at RewriteRule and the names on the disk (UTF-8)",
     .lighttpd = "look at server.http-parseopts and the names on the disk (UTF-8)"},

    /* Any step. */
    {ANY, PROBE_SILENT, .text = "no answer within {got} s",
     .all = "look at the server's load, its worker processes and what stands between"},
    {ANY, PROBE_BROKEN, .text = "{what}",
     .all = "look at the server's error log, and whether it requires a client certificate"},
    {ANY, PROBE_HEADERS, .text = "sends more than 64 KiB of headers",
     .all = "look at the modules and proxies that add headers"},
    {ANY, PROBE_REDIRECT, .text = "{status} to {what}",
     .all = "serve it here, or name that place in BaseURL",
     .iis = "site > HTTP Redirect: off for this folder", .nginx = "no return or rewrite for it",
     .apache = "no Redirect or RewriteRule for it", .lighttpd = "no url.redirect for it"},
    {ANY, PROBE_UNAUTHORIZED, .text = "401; offered: {what}", .iis = LET_READ_IIS,
     .nginx = "no auth_basic and no auth_request for it", .apache = "Require all granted",
     .lighttpd = "no auth.require for it"},
    {ANY, PROBE_FORBIDDEN, .text = "403: may not be read",
     .iis = "look at permissions, IP restrictions and SSL Settings of the folder",
     .nginx = "look at deny and at the file's mode",
     .apache = "look at Require and the file's mode",
     .lighttpd = "look at url.access-deny and the file's mode"},
    {ANY, PROBE_CERT_WANTED, .text = "a client certificate is wanted",
     .all = "name clientCertificate and clientKey in nearpoint.json, or do not require one",
     .iis = "SSL Settings: client certificates Ignore or Accept", .nginx = "ssl_verify_client off;",
     .apache = "SSLVerifyClient none", .lighttpd = "ssl.verifyclient.activate = \"disable\""},
    {ANY, PROBE_MISSING, .text = "404: {about} is not there", .all = FILE_THERE},
    {ANY, PROBE_METHOD, .text = "{status}: the method is not allowed",
     .all = "let GET, HEAD and PROPFIND through"},
    {ANY, PROBE_STATUS, .text = "status {status}", .all = "look at the server's error log"},
    {ANY, PROBE_ENCODED, .text = "{status} with a Content-Encoding that was not asked for",
     .iis = "site > Compression: off for this folder",
     .nginx = "gzip off; gunzip and gzip_static too",
     .apache = "SetEnv no-gzip 1 for this folder, and no AddEncoding",
     .lighttpd = "no deflate.mimetypes and no setenv of Content-Encoding for this path"},
    {ANY, PROBE_NO_LENGTH, .text = "{status} without a Content-Length that is one",
     .iis = "site > Compression: no dynamic compression for this folder",
     .nginx = "gzip off; and no filter that changes bodies",
     .apache = "SetEnv no-gzip 1 for this folder, no filter that changes bodies",
     .lighttpd = "no deflate.mimetypes for this path"},
    {ANY, PROBE_LENGTH, .text = "{status} with {got} bytes where the file has {wanted}",
     .all = "distribute the content again: the file there is another"},
    {ANY, PROBE_PAGE, .text = "{status} with a web page ({what}) instead of {about}",
     .all = "look for a captive portal, a login page or an error page with status 200"},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static const struct row *find_row(const struct probe_step *step)
{
    const struct row *found = NULL;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool own = rows[i].code == (int)step->code;
        if (rows[i].fault == step->fault && (own || (rows[i].code == ANY && !found)))
            found = &rows[i];
        if (found && own && found == &rows[i])
            return found;
    }
    return found;
}

static void add_outside(struct buf *out, const char *text)
{
    text_escape(out, text, strlen(text), TEXT_MOST);
}

/* "TLSv1.3, certificate for DNS:dp1, issued by CN = ..., until ..." */
static void add_certificate(struct buf *out, const struct probe_certificate *certificate)
{
    const char *names = certificate->names ? certificate->names : certificate->subject;
    buf_append_text(out, certificate->version ? certificate->version : "TLS");
    buf_append_text(out, ", certificate for ");
    add_outside(out, names ? names : "nobody");
    buf_append_text(out, ", issued by ");
    add_outside(out, certificate->issuer ? certificate->issuer : "nobody");
    buf_append_text(out, ", until ");
    add_outside(out, certificate->end ? certificate->end : "no date");
}

static void add_fact(struct buf *out, const struct probe_report *report,
                     const struct probe_step *step, const char *name, size_t len)
{
    if (strncmp(name, "about", len) == 0)
        add_outside(out, step->about);
    else if (strncmp(name, "what", len) == 0)
        add_outside(out, *step->what ? step->what : "nothing");
    else if (strncmp(name, "got", len) == 0)
        buf_format(out, "%lld", (long long)step->got);
    else if (strncmp(name, "wanted", len) == 0)
        buf_format(out, "%lld", (long long)step->wanted);
    else if (strncmp(name, "status", len) == 0)
        buf_format(out, "%d", step->status);
    else
        add_certificate(out, &report->certificate);
}

static void fill(struct buf *out, const struct probe_report *report, const struct probe_step *step,
                 const char *text)
{
    while (*text) {
        size_t plain = strcspn(text, "{");
        buf_append(out, text, plain);
        text += plain;
        if (*text != '{')
            break;
        size_t len = strcspn(++text, "}");
        add_fact(out, report, step, text, len);
        text += len + 1;
    }
}

char *probe_text(const struct probe_report *report, const struct probe_step *step)
{
    struct buf out = {0};
    const struct row *row = find_row(step);
    buf_append_text(&out, "");
    fill(&out, report, step, row ? row->text : "status {status}");
    return out.data;
}

/* The one of the server that answered; else each with its name. */
static void add_servers(struct buf *out, const struct row *row, enum probe_server kind)
{
    const struct {
        const char *name, *change;
    } servers[] = {
        [PROBE_IIS] = {"IIS", row->iis},
        [PROBE_NGINX] = {"nginx", row->nginx},
        [PROBE_APACHE] = {"Apache", row->apache},
        [PROBE_LIGHTTPD] = {"lighttpd", row->lighttpd},
    };
    if (kind != PROBE_UNKNOWN && servers[kind].change) {
        buf_format(out, "on %s, %s", servers[kind].name, servers[kind].change);
        return;
    }
    for (int i = PROBE_IIS; i <= SERVER_MOST && kind == PROBE_UNKNOWN; i++)
        if (servers[i].change)
            buf_format(out, "%son %s, %s", out->len ? "; " : "", servers[i].name,
                       servers[i].change);
}

char *probe_change(const struct probe_report *report, const struct probe_step *step)
{
    struct buf out = {0};
    const struct row *row = find_row(step);
    if (!row || step->verdict == PROBE_OK || step->verdict == PROBE_SKIPPED)
        return NULL;
    add_servers(&out, row, report->kind);
    if (row->all) {
        buf_append_text(&out, out.len ? "; " : "");
        fill(&out, report, step, row->all);
    }
    return out.data;
}
