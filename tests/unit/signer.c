#include "signer.h"

#include "policy/base/beneath.h"

#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/nearpoint-signer-XXXXXX";
static int folder_fd = -1;

/* NAME.pem is a certificate, NAME.key its key. */
static const char *const commands[] = {
    "printf '<Policy/>\\n' >signed.xml; printf '<Policy />\\n' >other.xml",
    "p256='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'",
    "own() { openssl req -x509 $3 -keyout $1.key -out $1.pem -subj \"$2\" -days ${4-30} -utf8; }",
    "request() { openssl req $3 -keyout $1.key -out $1.csr -subj \"$2\"; }",
    "issue() { printf \"$3\" >ext; n=$1; ca=$2; shift 3",
    "  openssl x509 -req -in $n.csr -CA $ca.pem -CAkey $ca.key -CAcreateserial -days 30 \\",
    "    -extfile ext -out $n.pem \"$@\"; }",
    "sign() { n=$1; who=$2; shift 2",
    "  openssl cms -sign -binary -in signed.xml -signer $who.pem -inkey $who.key -outform DER \\",
    "    -out $n.p7s \"$@\"; }",

    /* Signers who are their own anchors, a root, and whom it certified. */
    "own rsa '/O=Contoso/CN=J\xC3\xB6rg' '-newkey rsa:2048 -nodes'",
    "own stranger '/CN=Stranger' \"$p256\"",
    "own root '/CN=Root' \"$p256\" 36500",
    "request ec '/CN=Elliptic' \"$p256\"; issue ec root ''",
    "request inter '/CN=Intermediate' \"$p256\"; issue inter root 'basicConstraints=CA:TRUE' -days "
    "10",
    "request leaf '/CN=Leaf' \"$p256\"; issue leaf inter ''",
    "request below '/CN=Below' \"$p256\"; issue below ec ''",
    "request server '/CN=Server' \"$p256\"",
    "issue server root 'keyUsage=digitalSignature\\nextendedKeyUsage=serverAuth'",
    "request cipher '/CN=Cipher' \"$p256\"; issue cipher root 'keyUsage=keyEncipherment'",
    "request small '/CN=Small' '-newkey rsa:1024 -nodes'; issue small root ''",
    "request sha1 '/CN=Old' \"$p256\"; issue sha1 root '' -sha1",
    "e=\xC3\xA9; e=$e$e$e$e$e$e$e$e; e=$e$e$e$e",
    "own long \"/OU=$e$e/OU=$e$e/OU=$e$e/CN=abc\" \"$p256\"",

    /* With a beginning and an end of choice. */
    "cat >ca.cnf <<END",
    "[ca]",
    "default_ca = c",
    "[c]",
    "database = index.txt",
    "new_certs_dir = .",
    "serial = serial",
    "policy = p",
    "default_md = sha256",
    "unique_subject = no",
    "[p]",
    "commonName = supplied",
    "END",
    ": >index.txt; echo 7000 >serial",
    "during() { request $1 \"/CN=$1\" \"$p256\"",
    "  openssl ca -batch -config ca.cnf -in $1.csr -cert root.pem -keyfile root.key -notext \\",
    "    -startdate $2 -enddate $3 -out $1.pem; }",
    "during past 20000101000000Z 20010101000000Z",
    "during future 20900101000000Z 20950101000000Z",

    /* Good signatures. */
    "sign rsa rsa; sign ec ec; sign leaf leaf -certfile inter.pem; sign server server",
    "sign pss rsa -keyopt rsa_padding_mode:pss; sign keyid rsa -keyid; sign long long",
    "sign pem rsa -outform PEM; sed 's/$/\\r/' pem.p7s >crlf.p7s",
    "openssl smime -sign -binary -in signed.xml -signer rsa.pem -inkey rsa.key -outform PEM \\",
    "  -out pkcs7.p7s",
    "sign two rsa -signer stranger.pem -inkey stranger.key",
    "sign strangers ec -signer stranger.pem -inkey stranger.key",

    /* Others. */
    "for n in stranger cipher small sha1 past future below; do sign $n $n; done",
    "sign lone leaf",
    "openssl cms -sign -in signed.xml -signer rsa.pem -inkey rsa.key -outform DER -out text.p7s",
    "sign noattr rsa -noattr; sign nodetach rsa -nodetach; sign nocerts rsa -nocerts",
    "sign sha512 rsa -md sha512; sign sha1md rsa -md sha1; sign sha224 rsa -md sha224",
    "sign type rsa -econtent_type 1.2.3.4",
    "openssl cms -data_create -in signed.xml -outform DER -out data.p7s",
    "openssl crl2pkcs7 -nocrl -certfile rsa.pem -outform DER -out nobody.p7s",
    "(cat pem.p7s; echo x) >rest.p7s; (cat rsa.p7s; echo) >follow.p7s; : >empty.p7s",
    "cat pem.p7s pem.p7s >twice.p7s; cp rsa.pem cert.p7s; sed 's/CMS/NONE/' pem.p7s >kind.p7s; cp "
    "rsa.key key.p7s",
    "sed '1a Proc-Type: 4,ENCRYPTED\\nDEK-Info: AES-128-CBC,00000000000000000000000000000000\\n'"
    " pem.p7s >encrypted.p7s",
    "one='-signer ec.pem -inkey ec.key'; seven=\"$one $one $one $one $one $one $one\"",
    "sign signers8 ec -nocerts -certfile ec.pem $seven",
    "sign signers9 ec -nocerts -certfile ec.pem $seven $one",
    "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do",
    "  openssl x509 -req -in ec.csr -CA root.pem -CAkey root.key -set_serial $n -out x.pem",
    "  [ $n = 16 ] || cat x.pem >>fewer.pem; cat x.pem >>more.pem; done",
    "sign certs16 ec -certfile fewer.pem; sign certs17 ec -certfile more.pem",

    /* Trust anchors. */
    "(echo 'Ours:'; openssl x509 -in root.pem -text; cat rsa.pem; echo end) >anchors.pem",
    "(cat root.pem rsa.key) >withkey.pem; printf 'none\\n' >none.pem; : >empty.pem",
    "sed 's/CERTIFICATE/NONSENSE/' root.pem >kind.pem",
    "(cat root.pem; head -5 root.pem) >cut.pem; (cat rsa.pem; sed 's/MII/..../' root.pem) >bad.pem",
    "(echo '-----BEGIN CERTIFICATE-----'; (openssl x509 -in root.pem -outform DER; printf x) |",
    "  openssl base64; echo '-----END CERTIFICATE-----') >longer.pem",
};

static void run_shell(char *script)
{
    extern char **environ;
    char shell[] = "sh", option[] = "-ec";
    char *const arguments[] = {shell, option, script, NULL};
    pid_t pid;
    int status = 0;
    assert_int_equal(posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0) {
        struct buf log = signer_file("log");
        size_t skip = log.len > 600 ? log.len - 600 : 0; /* cmocka prints 1024 bytes */
        fail_msg("the commands ended with %d: %s", status, log.data ? log.data + skip : "");
    }
}

void signer_make(void)
{
    struct buf script = {0};
    assert_non_null(mkdtemp(folder));
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder_fd >= 0);
    buf_format(&script, "cd %s; exec >log 2>&1\n", folder);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        buf_format(&script, "%s\n", commands[i]);
    run_shell(script.data);
    buf_free(&script);
}

void signer_remove(void)
{
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(folder_fd);
    assert_true(beneath_remove(tmp, folder + strlen("/tmp/"), NULL));
    close(tmp);
}

struct buf signer_file(const char *name)
{
    struct buf bytes = {0};
    struct error err = {0};
    if (!beneath_read(folder_fd, name, 1 << 20, &bytes, &err))
        fail_msg("%s: %s", err.where, err.text);
    return bytes;
}

/* What the openssl command cannot do: a signing time of choice. */
static void add_signer(CMS_ContentInfo *cms, const char *name, int64_t time, int generalized)
{
    char path[128];
    snprintf(path, sizeof path, "%s.pem", name);
    struct buf cert_pem = signer_file(path);
    snprintf(path, sizeof path, "%s.key", name);
    struct buf key_pem = signer_file(path);
    BIO *cert_bio = BIO_new_mem_buf(cert_pem.data, (int)cert_pem.len);
    BIO *key_bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.len);
    X509 *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    CMS_SignerInfo *info =
        CMS_add1_signer(cms, cert, key, EVP_sha256(), CMS_BINARY | CMS_NOSMIMECAP);
    assert_non_null(info);
    ASN1_TIME *signing_time = generalized ? ASN1_GENERALIZEDTIME_set(NULL, (time_t)time)
                                          : ASN1_UTCTIME_set(NULL, (time_t)time);
    assert_true(CMS_signed_add1_attr_by_NID(info, NID_pkcs9_signingTime, signing_time->type,
                                            signing_time, -1));
    ASN1_TIME_free(signing_time);
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(key_bio);
    BIO_free(cert_bio);
    buf_free(&key_pem);
    buf_free(&cert_pem);
}

struct buf signer_sign_at(const char *first, int64_t first_time, const char *second,
                          int64_t second_time, int generalized)
{
    struct buf document = signer_file("signed.xml"), out = {0};
    unsigned char *der = NULL;
    unsigned flags = CMS_BINARY | CMS_DETACHED | CMS_PARTIAL;
    BIO *content = BIO_new_mem_buf(document.data, (int)document.len);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
    add_signer(cms, first, first_time, generalized);
    if (second)
        add_signer(cms, second, second_time, generalized);
    assert_true(CMS_final(cms, content, NULL, CMS_BINARY | CMS_DETACHED));
    int len = i2d_CMS_ContentInfo(cms, &der);
    assert_true(len > 0);
    buf_append(&out, der, (size_t)len);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(content);
    buf_free(&document);
    return out;
}
