/*
 * Every limit of the program, each with its reason. The table in nearpoint(1) is checked against
 * this file.
 */
#ifndef POLICY_BASE_LIMITS_H
#define POLICY_BASE_LIMITS_H

#define KIB (1024L)
#define MIB (1024L * KIB)

/* Policy documents. A site of 100,000 boundaries is some 50 MiB. */
#define LIMIT_DOCUMENT_BYTES (256L * MIB)
#define LIMIT_XML_DEPTH      64
/* libxml2 2.9 checks attributes in quadratic time and looks ahead without bound. */
#define LIMIT_XML_ATTRIBUTES   256
#define LIMIT_XML_MARKUP_BYTES (64L * KIB)
#define LIMIT_XML_CDATA_BYTES  (9L * MIB) /* libxml2 2.9 looks ahead 10,000,000 bytes */
#define LIMIT_VALUE_BYTES      (64L * MIB)
#define LIMIT_JSON_DEPTH       64
/* Jansson holds a row in memory, each value in some 50 bytes more than its text. */
#define LIMIT_JSON_ROW_BYTES (65L * MIB) /* the largest value and what is beside it */
#define LIMIT_JSON_VALUES    1000000     /* of a row: an icon is an array of 262,144 */
#define LIMIT_JSON_MEMBERS   10000       /* of an object: WMI classes have some hundred */
#define LIMIT_SETTINGS_BYTES (1L * MIB)
#define LIMIT_POLICY_ID      256

/* A machine's facts. Network IDs are compared one with another. */
#define LIMIT_MACHINE_LIST      10000
#define LIMIT_NETLINK_BYTES     (128L * KIB) /* a datagram; the kernel's have up to 32 KiB */
#define LIMIT_NETLINK_DATAGRAMS 10000
#define LIMIT_NETLINK_TRIES     8 /* while interfaces change */
#define LIMIT_NETLINK_SECONDS   5

/* The policy point. A machine has some hundred policies. */
#define LIMIT_ASSIGNMENTS    10000
#define LIMIT_SET_BYTES      (1024L * MIB) /* what one reply may cost on the disk */
#define LIMIT_POLICY_SECONDS 3600          /* a whole fetch, however the bytes drip */
#define LIMIT_URL_BYTES      2048
#define LIMIT_ETAG_BYTES     255
#define LIMIT_EVENTS         200 /* what Policy Spy shows */

/* Signatures of policy documents: a few signers, each with a chain of certificates. */
#define LIMIT_SIGNATURE_BYTES         (64L * KIB)
#define LIMIT_SIGNATURE_SIGNERS       8
#define LIMIT_SIGNATURE_CERTIFICATES  16
#define LIMIT_SIGNATURE_AHEAD_SECONDS 86400 /* a signer's clock against one that is kept right */

/* ContentLocationReply, in a file that may be a log: LocationServices.log keeps 250 KB, support
   people keep many of them in one. */
#define LIMIT_REPLY_BYTES   (64L * MIB)
#define LIMIT_REPLIES       100000 /* of a file: seconds to read */
#define LIMIT_REPLY_RECORDS 10000  /* a hierarchy has some thousand distribution points */
#define LIMIT_REPLY_LIST    256    /* its groups, sites, hashes; a record's URLs and subnets */

/* Names. */
#define LIMIT_CONTENT_ID     128
#define LIMIT_NAME_SEGMENT   255  /* what Linux file systems hold */
#define LIMIT_NAME_BYTES     4096 /* PATH_MAX */
#define LIMIT_MANIFEST_FILES 1000000

/* The record of what lies ahead in a part: a line of some 26 bytes a run; it is written anew, with
   what touches merged, for each MiB that it grew. */
#define LIMIT_AHEAD_BYTES (8L * MIB)

#define LIMIT_FINDINGS 1000 /* of one rule of `policy check`: who fixes those asks again */

/* HTTP. */
#define LIMIT_REDIRECTS        5
#define LIMIT_HEADER_BYTES     (64L * KIB)
#define LIMIT_REFUSAL_BYTES    (4L * KIB) /* of the page of a 403, to see whether it says 403.9 */
#define LIMIT_CONNECT_SECONDS  15
#define LIMIT_STALL_SECONDS    20  /* without a byte, a source in `get` alone is left */
#define LIMIT_PROGRESS_SECONDS 120 /* the same in a job that waits (configmgr-facts 4.5: a try) */
#define LIMIT_HEDGE_SECONDS    5   /* without a byte, the next of the same locality is asked too */
#define LIMIT_TICKET_SECONDS   10  /* the Kerberos library tries a silent KDC for 27 or more */
#define LIMIT_FETCH_SECONDS    900 /* one document of a policy point, trickling */

/* Cloud distribution points. */
#define LIMIT_SAS_BYTES        2048
#define LIMIT_ENCRYPTION_BYTES 2048        /* of encryption data in a blob's metadata */
#define LIMIT_REGION_BYTES     (64L * MIB) /* of an encrypted blob; one is in memory whole */
#define LIMIT_BLOB_REGIONS     1048576     /* 4 TiB of Azure's own 4 MiB */
#define LIMIT_LIST_PAGES       2000        /* of List Blobs: 5,000 names each, fewer in some */

/* Listings of a distribution point: names as in a manifest, some 250 bytes each on the way. */
#define LIMIT_LISTING_BYTES (256L * MIB)
#define LIMIT_LISTING_DEPTH 64 /* folders: deeper is a loop */

/* An INI file of a content library: a PkgLib one has a line a content. */
#define LIMIT_LIBRARY_INI_BYTES (1L * MIB)

/* A probe of a distribution point: what is enough to judge it. */
#define LIMIT_PROBE_SECONDS       10 /* for a connection, and without a byte */
#define LIMIT_PROBE_BODY_BYTES    (1L * MIB)
#define LIMIT_PROBE_LISTING_BYTES (4L * MIB)

/* Jobs: ConfigMgr's location and download timeouts (configmgr-facts 4.5); the last is our own. */
#define LIMIT_LOCATION_DAYS  7
#define LIMIT_DOWNLOAD_DAYS  10
#define LIMIT_SUSPENDED_DAYS 90

/* DNS. Content delivery networks use chains of nine; systemd-resolved broke at eight. */
#define LIMIT_CNAME_LINKS   16
#define LIMIT_DNS_ADDRESSES 16
#define LIMIT_DNS_SECONDS   15
#define LIMIT_DNS_TTL_MIN   5
#define LIMIT_DNS_TTL_MAX   86400

/* Logs: what CMTrace reads back (configmgr-facts: line grammar). */
#define LIMIT_LOG_COMPONENT 100
#define LIMIT_LOG_MESSAGE   (8L * KIB)

#endif
