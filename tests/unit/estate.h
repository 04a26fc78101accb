/*
 * Small sites for tests, written as a list of statements between semicolons:
 *
 *   group A [flags] · default Z name · sub|range|prefix|adsite|vpn A value [P=v ...] ·
 *   link A B minutes · dp d1 [groups] [P=v ...] · ours d1 P=v ... · role d1 P=v ... ·
 *   cloud d1 cname · package version [P=v ...] · has d1 state version · sent d1 status ·
 *   class [P=v ...]
 *
 * P=v is a property and its value. Groups are letters: their ID is the letter's number ('A' is 65);
 * a DP's "A/slow" is one that it serves as a slow server. The package is PKG00001. '~' stands for a
 * blank in values. A DP's NAL path is estate_nal's.
 */
#ifndef TESTS_UNIT_ESTATE_H
#define TESTS_UNIT_ESTATE_H

#include "policy/base/buf.h"
#include "policy/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ESTATE_PACKAGE "PKG00001"

struct estate {
    struct policy policy;
    struct site site;
};

static inline void estate_nal(char out[256], const char *dp)
{
    snprintf(out, 256,
             "[\"Display=\\\\%s.contoso.test\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\%s.contoso.test\\",
             dp, dp);
}

static inline void estate_property(struct buf *xml, const char *name, const char *value)
{
    buf_format(xml, "<property name=\"%s\" type=\"8\"><value><![CDATA[", name);
    for (; *value; value++)
        buf_append(xml, *value == '~' ? " " : value, 1);
    buf_append_text(xml, "]]></value></property>");
}

static inline void estate_begin(struct buf *xml, const char *class_name)
{
    buf_format(xml, "<instance class=\"%s\">", class_name);
}

static inline void estate_end(struct buf *xml)
{
    buf_append_text(xml, "</instance>\n");
}

static inline void estate_dp_property(struct buf *xml, const char *name, const char *dp)
{
    char nal[256];
    estate_nal(nal, dp);
    buf_format(xml, "<property name=\"%s\" type=\"8\"><value><![CDATA[%s]]></value></property>",
               name, nal);
}

/* The "P=v" among the tokens from the first on; others are left to the caller. */
static inline void estate_assignments(struct buf *xml, char **token, int count, int first)
{
    for (int i = first; i < count; i++) {
        char *equals = strchr(token[i], '=');
        if (!equals)
            continue;
        *equals = '\0';
        estate_property(xml, token[i], equals + 1);
        *equals = '=';
    }
}

static inline void estate_number(struct buf *xml, const char *name, long long number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", number);
    estate_property(xml, name, text);
}

static inline void estate_boundary(struct buf *xml, int type, int id, char **token, int count)
{
    estate_begin(xml, "SMS_Boundary");
    estate_number(xml, "BoundaryID", id);
    estate_number(xml, "BoundaryType", type);
    estate_property(xml, "Value", token[2]);
    estate_assignments(xml, token, count, 3);
    estate_end(xml);
    estate_begin(xml, "SMS_BoundaryGroupMembers");
    estate_number(xml, "BoundaryID", id);
    estate_number(xml, "GroupID", token[1][0]);
    estate_end(xml);
}

static inline void estate_group(struct buf *xml, const char *class_name, char id, const char *name,
                                const char *flags)
{
    estate_begin(xml, class_name);
    estate_number(xml, "GroupID", id);
    estate_property(xml, "Name", name);
    if (flags)
        estate_property(xml, "Flags", flags);
    estate_end(xml);
}

static inline void estate_dp(struct buf *xml, char **token, int count)
{
    estate_begin(xml, "SMS_DistributionPointInfo");
    estate_dp_property(xml, "NALPath", token[1]);
    estate_assignments(xml, token, count, 2);
    estate_end(xml);
    for (int i = 2; i < count; i++) {
        bool is_slow = strcmp(token[i] + 1, "/slow") == 0;
        if (token[i][1] && !is_slow)
            continue;
        estate_begin(xml, "SMS_BoundaryGroupSiteSystems");
        estate_number(xml, "GroupID", token[i][0]);
        estate_dp_property(xml, "ServerNALPath", token[1]);
        if (is_slow)
            estate_number(xml, "Flags", 1);
        estate_end(xml);
    }
}

/* A class that joins to a DP by its NAL path. */
static inline void estate_join(struct buf *xml, const char *class_name, const char *path,
                               char **token, int count, int first)
{
    estate_begin(xml, class_name);
    estate_dp_property(xml, path, token[1]);
    estate_assignments(xml, token, count, first);
}

static inline void estate_statement(struct buf *xml, char **token, int count, int id)
{
    static const char *const types[] = {"sub", "adsite", "prefix", "range", "vpn"};
    const char *word = token[0];
    for (int type = 0; type < 5; type++)
        if (strcmp(word, types[type]) == 0) {
            estate_boundary(xml, type, id, token, count);
            return;
        }
    if (strcmp(word, "group") == 0) {
        estate_group(xml, "SMS_BoundaryGroup", token[1][0], token[1], count > 2 ? token[2] : NULL);
    } else if (strcmp(word, "default") == 0) {
        estate_group(xml, "SMS_DefaultBoundaryGroup", token[1][0], token[2], NULL);
    } else if (strcmp(word, "link") == 0) {
        estate_begin(xml, "SMS_BoundaryGroupRelationships");
        estate_number(xml, "SourceGroupID", token[1][0]);
        estate_number(xml, "DestinationGroupID", token[2][0]);
        estate_property(xml, "FallbackDP", token[3]);
        estate_end(xml);
    } else if (strcmp(word, "dp") == 0) {
        estate_dp(xml, token, count);
    } else if (strcmp(word, "ours") == 0) {
        estate_join(xml, "NP_DistributionPoint", "NALPath", token, count, 2);
        estate_end(xml);
    } else if (strcmp(word, "role") == 0) {
        estate_join(xml, "SMS_SystemResourceList", "NALPath", token, count, 2);
        estate_property(xml, "RoleName", "SMS~Distribution~Point");
        estate_end(xml);
    } else if (strcmp(word, "cloud") == 0) {
        estate_join(xml, "SMS_AzureService", "NALPath", token, count, count);
        estate_property(xml, "ServiceCName", token[2]);
        estate_end(xml);
    } else if (strcmp(word, "package") == 0) {
        estate_begin(xml, "SMS_Package");
        estate_property(xml, "PackageID", ESTATE_PACKAGE);
        estate_property(xml, "SourceVersion", token[1]);
        estate_assignments(xml, token, count, 2);
        estate_end(xml);
    } else if (strcmp(word, "has") == 0) {
        estate_join(xml, "SMS_PackageStatusDistPointsSummarizer", "ServerNALPath", token, count, 4);
        estate_property(xml, "PackageID", ESTATE_PACKAGE);
        estate_property(xml, "State", token[2]);
        estate_property(xml, "SourceVersion", token[3]);
        estate_end(xml);
    } else if (strcmp(word, "sent") == 0) {
        estate_join(xml, "SMS_DistributionPoint", "ServerNALPath", token, count, 3);
        estate_property(xml, "PackageID", ESTATE_PACKAGE);
        estate_property(xml, "Status", token[2]);
        estate_end(xml);
    } else {
        estate_begin(xml, word);
        estate_assignments(xml, token, count, 1);
        estate_end(xml);
    }
}

/* The statements as a policy body; the caller frees the buffer. */
static inline void estate_xml(struct buf *xml, const char *text, const char *policy_id)
{
    char *copy = mem_copy_string(text), *rest = copy, *statement;
    int id = 0;
    buf_format(xml,
               "<Policy PolicyType=\"Machine\" PolicyID=\"{%s}\" PolicyVersion=\"1.00\" "
               "PolicySource=\"SMS:PS1\"><PolicyRule PolicyRuleID=\"{r}\"><PolicyAction "
               "PolicyActionType=\"WMI-XML\">\n",
               policy_id);
    while ((statement = strsep(&rest, ";"))) {
        char *token[24], *word;
        int count = 0;
        while (count < 24 && (word = strsep(&statement, " \n")))
            if (*word)
                token[count++] = word;
        if (count)
            estate_statement(xml, token, count, ++id);
    }
    buf_append_text(xml, "</PolicyAction></PolicyRule></Policy>");
    free(copy);
}

/* Reads one document of statements after another (NULL ends the list). */
static inline bool estate_read(struct estate *estate, const char *const *texts, struct error *err)
{
    *estate = (struct estate){.policy = {.document_count = 0}};
    bool ok = true;
    for (size_t i = 0; ok && texts[i]; i++) {
        struct buf xml = {0};
        char name[40];
        snprintf(name, sizeof name, "p%zu.xml", i);
        estate_xml(&xml, texts[i], name);
        ok = policy_read_bytes(&estate->policy, name, xml.data, xml.len, err);
        buf_free(&xml);
    }
    ok =
        ok && policy_settle(&estate->policy, err) && site_read(&estate->site, &estate->policy, err);
    if (!ok)
        policy_free(&estate->policy);
    return ok;
}

static inline void estate_free(struct estate *estate)
{
    policy_free(&estate->policy);
}

#endif
