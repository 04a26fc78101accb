#include "policy/json_row.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/datetime.h"
#include "policy/json_scan.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    struct intake *intake;
    const struct json_row *row;
    size_t next; /* in row->lines: the member to come */
};

static bool refuse(const struct reader *reader, unsigned line, struct error *err, const char *why)
{
    return !why || json_refuse(reader->row->where, line, err, "POLICY", "%s", why);
}

/* Of all members within, at any depth. */
static size_t count_members(json_t *json)
{
    size_t count = 0, index;
    const char *name;
    json_t *value;
    if (json_is_array(json))
        json_array_foreach(json, index, value) count += count_members(value);
    if (json_is_object(json))
        json_object_foreach(json, name, value) count += 1 + count_members(value);
    return count;
}

/* Classes */

/* The text behind the last `mark`; NULL: no text, or nothing there. */
static const char *text_behind(json_t *json, char mark)
{
    const char *text = json_string_value(json);
    const char *last = text ? strrchr(text, mark) : NULL;
    text = last ? last + 1 : text;
    return text && *text ? text : NULL;
}

static const char *system_class(json_t *object)
{
    return text_behind(json_object_get(json_object_get(object, "CimSystemProperties"), "ClassName"),
                       ':');
}

/* "root/sms/site_PS1:SMS_Boundary", or an object that says it. */
static const char *cim_class(json_t *json)
{
    const char *name = text_behind(json, ':');
    if (!name)
        name = text_behind(json_object_get(json, "CimClassName"), ':');
    return name ? name : system_class(json);
}

static const char *own_class(json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "__CLASS"));
    if (!name || !*name)
        name = cim_class(json_object_get(object, "CimClass"));
    if (!name)
        name = system_class(object);
    if (!name)
        name = text_behind(json_object_get(object, "@odata.type"), '.');
    return name && *name == '#' ? name + 1 : name;
}

bool json_row_has_class(json_t *object)
{
    return own_class(object) != NULL;
}

/* Client settings by the ID of their agent (configmgr-sdk 4.2). */
static const char *agent_class(json_int_t id)
{
    static const char *const names[] = {
        [1] = "SMS_DCMAgentConfig",
        [2] = "SMS_SoftwareInventoryAgentConfig",
        [3] = "SMS_RemoteToolsAgentConfig",
        [4] = "SMS_ConfigMgrClientAgentConfig",
        [6] = "SMS_SoftwareDistributionAgentConfig",
        [8] = "SMS_SoftwareMeteringAgentConfig",
        [9] = "SMS_SoftwareUpdatesAgentConfig",
        [10] = "SMS_TargetingAgentConfig",
        [11] = "SMS_BITS2Config",
        [12] = "SMS_MobileDeviceAgentConfig",
        [13] = "SMS_PolicyAgentConfig",
        [15] = "SMS_HardwareInventoryAgentConfig",
        [16] = "SMS_StateSystemConfig",
        [17] = "SMS_ApplicationManagementAgentConfig",
        [18] = "SMS_PowerAgentConfig",
        [20] = "SMS_EndpointProtectionAgentConfig",
        [21] = "SMS_ClientRestartAgentConfig",
        [22] = "SMS_CloudAgentConfig",
        [23] = "SMS_ClientCommunicationConfig",
        [25] = "SMS_ClientResourcesConfig",
        [27] = "SMS_WinPEPeerCacheConfig",
        [29] = "SMS_WindowsAnalyticsConfig",
        [30] = "SMS_SoftwareCenterConfig",
        [31] = "SMS_PeerPxeConfig",
        [32] = "SMS_WindowsDOConfig",
    };
    const json_int_t count = sizeof names / sizeof names[0];
    return id >= 0 && id < count ? names[id] : NULL;
}

static const char *embedded_class(json_t *object)
{
    const char *name = own_class(object);
    json_t *agent = json_object_get(object, "AgentID");
    if (!name && json_is_integer(agent))
        name = agent_class(json_integer_value(agent));
    if (!name && json_object_get(object, "PropertyName"))
        name = "SMS_EmbeddedProperty";
    if (!name && json_object_get(object, "PropertyListName"))
        name = "SMS_EmbeddedPropertyList";
    return name ? name : "Object";
}

/* Values */

static bool read_object(struct reader *reader, json_t *object, const char *class_name,
                        unsigned line, struct error *err);

static void put(struct reader *reader, int64_t cim_type, const char *text)
{
    intake_item(reader->intake, cim_type, text, strlen(text));
}

static bool put_text(struct reader *reader, json_t *json, unsigned line, struct error *err)
{
    char moment[DATETIME_MAX];
    const char *text = json_string_value(json);
    size_t len = json_string_length(json);
    if (len > (size_t)LIMIT_VALUE_BYTES)
        return json_refuse(reader->row->where, line, err, "JSON_LIMIT",
                           "has a value of more than %ld bytes", LIMIT_VALUE_BYTES);
    bool is_moment = datetime_canonical(text, len, moment);
    intake_item(reader->intake, is_moment ? CIM_DATETIME : CIM_STRING, text, len);
    return true;
}

/* As few digits as read back the same. */
static void put_real(struct reader *reader, double value)
{
    char text[64];
    int digits = 15;
    do
        snprintf(text, sizeof text, "%.*g", digits, value);
    while (strtod(text, NULL) != value && digits++ < 17);
    put(reader, CIM_STRING, text);
}

static void put_integer(struct reader *reader, json_int_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, value);
    put(reader, CIM_SINT64, text);
}

/* {"value":"\/Date(1339340336000)\/","DateTime":"..."}, as PowerShell before 7.2 may write it:
   the member that is the date, or NULL. */
static json_t *date_of(json_t *object)
{
    char moment[DATETIME_MAX];
    json_t *value = json_object_get(object, "value");
    bool is_date = json_is_string(value) && json_object_get(object, "DateTime") &&
                   datetime_canonical(json_string_value(value), json_string_length(value), moment);
    return is_date ? value : NULL;
}

static bool put_item(struct reader *reader, json_t *json, unsigned line, struct error *err)
{
    json_t *date = date_of(json);
    switch (json_typeof(json)) {
    case JSON_NULL: break;
    case JSON_TRUE: put(reader, CIM_BOOLEAN, "true"); break;
    case JSON_FALSE: put(reader, CIM_BOOLEAN, "false"); break;
    case JSON_INTEGER: put_integer(reader, json_integer_value(json)); break;
    case JSON_REAL: put_real(reader, json_real_value(json)); break;
    case JSON_STRING: return put_text(reader, json, line, err);
    case JSON_ARRAY: return refuse(reader, line, err, "has an array within an array");
    case JSON_OBJECT:
        if (!date)
            return read_object(reader, json, embedded_class(json), line, err);
        reader->next += count_members(json);
        return put_text(reader, date, line, err);
    }
    return true;
}

/* {"value":[...],"Count":2}, as Windows PowerShell may write an array: the array, or NULL. */
static json_t *array_of(json_t *json)
{
    json_t *value = json_object_get(json, "value");
    if (json_is_array(json))
        return json;
    bool is_array = json_object_size(json) == 2 && json_is_array(value) &&
                    json_is_integer(json_object_get(json, "Count"));
    return is_array ? value : NULL;
}

/* Properties */

/* Embedded instances that came as text: ConvertTo-Json writes so what lies below its depth. */
static void warn_if_shallow(const struct reader *reader, const char *name, json_t *item,
                            unsigned line)
{
    static const char *const embedded[] = {"AgentConfigurations", "Props", "PropLists"};
    for (size_t i = 0; json_is_string(item) && i < sizeof embedded / sizeof embedded[0]; i++) {
        if (!text_equal(embedded[i], name))
            continue;
        char *where = mem_format("%s:%u", reader->row->where, line);
        policy_warn(reader->intake->policy, "EXPORT_TOO_SHALLOW", where,
                    "%s is text where objects should be: export it with ConvertTo-Json -Depth 6",
                    embedded[i]);
        free(where);
        return;
    }
}

static bool read_items(struct reader *reader, const char *name, json_t *value, json_t *array,
                       unsigned line, struct error *err)
{
    size_t index;
    json_t *item;
    size_t end = reader->next + count_members(value);
    warn_if_shallow(reader, name, array ? json_array_get(array, 0) : value, line);
    if (!array)
        return put_item(reader, value, line, err);
    reader->next += array != value;
    json_array_foreach(array, index, item) if (!put_item(reader, item, line, err)) return false;
    reader->next = end;
    return true;
}

static bool read_property(struct reader *reader, const char *name, json_t *value, bool is_known,
                          unsigned line, struct error *err)
{
    json_t *array = array_of(value);
    if (!*name)
        return refuse(reader, line, err, "a property has no name");
    intake_begin_property(reader->intake, name, false, line);
    if (!is_known)
        reader->next += count_members(value);
    else if (!read_items(reader, name, value, array, line, err))
        return false;
    return refuse(reader, line, err, intake_end_property(reader->intake, array != NULL));
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && !text_equal(*names, name))
        names++;
    return *names != NULL;
}

/* What is no property of the class: system properties, annotations, PowerShell's additions. */
static bool is_dropped(const char *name, bool is_wmi)
{
    static const char *const added[] = {"PSComputerName",
                                        "PSShowComputerName",
                                        "PSSourceJobInstanceId",
                                        "RunspaceId",
                                        "CimClass",
                                        "CimInstanceProperties",
                                        "CimSystemProperties",
                                        "SmsProviderObjectPath",
                                        NULL};
    static const char *const added_by_wmi[] = {
        "Scope",      "Path", "Options",   "ClassPath", "Properties", "SystemProperties",
        "Qualifiers", "Site", "Container", NULL};
    return text_starts_with(name, "__") || *name == '@' || strstr(name, "@odata.") ||
           is_one_of(name, added) || (is_wmi && is_one_of(name, added_by_wmi));
}

/* The names of properties that the provider did not fetch, as members; the caller decrefs. */
static json_t *lazy_names(json_t *object)
{
    size_t index;
    json_t *name;
    json_t *names = NULL;
    json_array_foreach(json_object_get(object, "__LAZYPROPERTIES"), index, name)
    {
        if (!names && !(names = json_object()))
            mem_exhausted();
        if (json_is_string(name) &&
            json_object_set_new(names, json_string_value(name), json_true()) != 0)
            mem_exhausted();
    }
    return names;
}

static bool read_members(struct reader *reader, json_t *object, json_t *lazy, struct error *err)
{
    const char *name;
    json_t *value;
    bool is_wmi = json_object_get(object, "ClassPath") != NULL;
    json_object_foreach(object, name, value)
    {
        unsigned line = reader->row->lines[reader->next++];
        if (is_dropped(name, is_wmi))
            reader->next += count_members(value);
        else if (!read_property(reader, name, value, !json_object_get(lazy, name), line, err))
            return false;
    }
    return true;
}

static bool read_object(struct reader *reader, json_t *object, const char *class_name,
                        unsigned line, struct error *err)
{
    if (json_object_size(object) > LIMIT_JSON_MEMBERS)
        return json_refuse(reader->row->where, line, err, "JSON_LIMIT",
                           "has an object of more than %d members", LIMIT_JSON_MEMBERS);
    const char *why = intake_begin_instance(reader->intake, class_name, NULL, line);
    if (why)
        return refuse(reader, line, err, why);
    json_t *lazy = lazy_names(object);
    bool ok = read_members(reader, object, lazy, err);
    json_decref(lazy);
    return ok && refuse(reader, line, err, intake_end_instance(reader->intake, &line));
}

bool json_row_read(struct intake *intake, const struct json_row *row, struct error *err)
{
    struct reader reader = {.intake = intake, .row = row};
    const char *class_name = own_class(row->object);
    if (!class_name)
        class_name = row->class_name;
    if (!class_name)
        return refuse(&reader, row->line, err,
                      "has a row without a class: neither it (__CLASS, CimClass, @odata.type) nor "
                      "the document (@odata.context) names one");
    return read_object(&reader, row->object, class_name, row->line, err);
}
