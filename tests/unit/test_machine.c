/* Facts of a machine: from JSON, from --set, from discovery, from this machine; and back to JSON.
 */
#include "agent/machine/machine.h"
#include "policy/base/limits.h"
#include "tests/unit/estate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

static void read_json(struct machine *machine, const char *text)
{
    struct error err = {0};
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    if (!machine_from_json(machine, object, "m.json", &err))
        fail_msg("%s: %s", text, err.text);
    json_decref(object);
}

/* What is read is what is printed, every member always there. */
static void round_trip(void **state)
{
    (void)state;
    static const char text[] =
        "{\"name\":\"PC1\",\"addresses\":[\"10.1.2.3/24\",\"2001:db8::5/64\"],"
        "\"subnets\":[\"10.9.9.0\",\"10.1.2.0\"],\"adSite\":\"London\",\"domain\":\"CONTOSO\","
        "\"forest\":\"contoso.test\",\"site\":\"PS1\",\"collections\":[\"PS100023\"],"
        "\"adapters\":[{\"name\":\"tun0\",\"description\":\"Tunnel\",\"ifType\":23,"
        "\"dnsSuffix\":null,\"vpn\":true}],\"vpn\":true,\"metered\":true,\"internet\":false}";
    struct machine machine;
    read_json(&machine, text);
    json_t *wanted = json_loads(text, 0, NULL), *got = machine_to_json(&machine);
    assert_true(json_equal(wanted, got));
    json_decref(wanted);
    json_decref(got);
    machine_free(&machine);
}

static void nothing_given(void **state)
{
    (void)state;
    struct machine machine;
    read_json(&machine, "{\"name\":\"PC1\",\"adSite\":null,\"addresses\":null}");
    json_t *got = machine_to_json(&machine);
    json_t *wanted = json_loads("{\"name\":\"PC1\",\"addresses\":[],\"subnets\":[],\"adSite\":null,"
                                "\"domain\":null,\"forest\":null,\"site\":null,\"collections\":[],"
                                "\"adapters\":[],\"vpn\":false,\"metered\":false,"
                                "\"internet\":false}",
                                0, NULL);
    assert_true(json_equal(wanted, got));
    json_decref(wanted);
    json_decref(got);
    machine_free(&machine);
}

/* An address's prefix gives the network ID that subnet boundaries are asked for. */
static void subnets(void **state)
{
    static const struct {
        const char *address, *subnet; /* NULL: none */
    } rows[] = {
        {"10.1.2.3/24", "10.1.2.0"}, {"10.1.2.3/16", "10.1.0.0"},
        {"10.1.2.3/32", "10.1.2.3"}, {"10.1.2.3/0", "0.0.0.0"},
        {"10.1.2.3", NULL},          {"::ffff:10.1.2.3/120", "10.1.2.0"},
        {"2001:db8::5/64", NULL},    {"2001:db8::5%eth0/64", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct machine machine = {.name = NULL};
        char text[80];
        snprintf(text, sizeof text, "address=%s", rows[i].address);
        assert_true(machine_set(&machine, text, NULL));
        machine_settle(&machine);
        machine_settle(&machine); /* twice is as once */
        assert_int_equal(machine.subnet_count, rows[i].subnet != NULL);
        if (rows[i].subnet)
            assert_string_equal(machine.subnets[0], rows[i].subnet);
        machine_free(&machine);
    }
}

/* Each refusal names the member; each row's twin is read. */
static void refusals(void **state)
{
    static const struct {
        const char *good, *bad, *member;
    } rows[] = {
        {"{\"name\":\"x\"}", "{\"name\":5}", "'name'"},
        {"{\"name\":\"x\"}", "{\"Name\":\"x\"}", "'Name'"},
        {"{\"addresses\":[\"10.1.2.3/24\"]}", "{\"addresses\":[\"10.1.2.3/33\"]}", "'addresses'"},
        {"{\"addresses\":[\"10.1.2.3/24\"]}", "{\"addresses\":\"10.1.2.3/24\"}", "'addresses'"},
        {"{\"addresses\":[\"::1/128\"]}", "{\"addresses\":[\"::1/129\"]}", "'addresses'"},
        {"{\"addresses\":[]}", "{\"addresses\":[7]}", "'addresses'"},
        {"{\"subnets\":[\"10.1.2.0\"]}", "{\"subnets\":[\"10.1.2\"]}", "'subnets'"},
        {"{\"collections\":[\"PS100023\"]}", "{\"collections\":[null]}", "'collections'"},
        {"{\"adapters\":[{\"vpn\":true}]}", "{\"adapters\":[{\"vpn\":1}]}", "'adapters'"},
        {"{\"adapters\":[{\"name\":null}]}", "{\"adapters\":[{\"colour\":null}]}", "'adapters'"},
        {"{\"adapters\":[{}]}", "{\"adapters\":[[]]}", "'adapters'"},
        {"{\"metered\":true}", "{\"metered\":\"true\"}", "'metered'"},
        {"{}", "[]", "object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct machine machine;
        struct error err = {0};
        read_json(&machine, rows[i].good);
        machine_free(&machine);
        json_t *object = json_loads(rows[i].bad, 0, NULL);
        if (machine_from_json(&machine, object, "m.json", &err))
            fail_msg("%s was read", rows[i].bad);
        json_decref(object);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_string_equal(err.where, "m.json");
        assert_non_null(strstr(err.text, rows[i].member));
    }
}

/* address, subnet, collection and adapter add; others replace. */
static void set(void **state)
{
    static const char *const given[] = {
        "name=PC1",  "name=PC2",     "address=10.1.2.3/24", "address=10.7.7.7", "subnet=10.9.9.0",
        "adSite=A",  "adsite=B",     "collection=C1",       "collection=C2",    "vpn=true",
        "vpn=false", "metered=True", "adapter=tun0|Tunnel", "adapter=|Other",   "site=PS1",
    };
    (void)state;
    struct machine machine = {.name = NULL};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        assert_true(machine_set(&machine, given[i], NULL));
    machine_settle(&machine);
    assert_string_equal(machine.name, "PC2");
    assert_int_equal(machine.address_count, 2);
    assert_int_equal(machine.subnet_count, 2);
    assert_string_equal(machine.ad_site, "B");
    assert_int_equal(machine.collection_count, 2);
    assert_false(machine.vpn);
    assert_true(machine.metered);
    assert_int_equal(machine.adapter_count, 2);
    assert_string_equal(machine.adapters[0].description, "Tunnel");
    assert_null(machine.adapters[1].name);
    machine_free(&machine);
}

static void set_refuses(void **state)
{
    static const char *const bad[] = {
        "",
        "name",
        "=x",
        "colour=red",
        "address=10.1.2",
        "address=",
        "address=::ffff:10.1.2.3/64",
        "subnet=london",
        "vpn=perhaps",
        "adapter=",
        "adapter=|",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct machine machine = {.name = NULL};
        struct error err = {0};
        if (machine_set(&machine, bad[i], &err))
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_USAGE);
        machine_free(&machine);
    }
}

/* Discovery's row: link-local addresses and rubbish do not count. */
static void from_policy(void **state)
{
    (void)state;
    struct estate estate;
    struct machine machine;
    struct error err = {0};
    const char *const texts[] = {
        "SMS_R_System Name=PC1 ResourceId=1 IPAddresses=10.1.2.3,fe80::1,169.254.1.1,127.0.0.1,x "
        "IPSubnets=10.1.2.0 ADSiteName=London ResourceDomainORWorkgroup=CONTOSO",
        NULL};
    assert_true(estate_read(&estate, texts, &err));
    assert_true(machine_from_policy(&machine, &estate.policy, "pc1", &err));
    assert_string_equal(machine.name, "PC1");
    assert_int_equal(machine.address_count, 1);
    assert_string_equal(machine.addresses[0].text, "10.1.2.3");
    assert_int_equal(machine.subnet_count, 1);
    assert_string_equal(machine.ad_site, "London");
    assert_string_equal(machine.domain, "CONTOSO");
    machine_free(&machine);
    assert_false(machine_from_policy(&machine, &estate.policy, "pc2", &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    estate_free(&estate);
}

/* "adSite=policy:p0.xml:2", a word for each member that is known. */
static void origins(const struct machine *machine, const char *wanted)
{
    struct buf text = {0};
    for (enum machine_member i = 0; i < MACHINE_MEMBER_COUNT; i++) {
        const struct machine_fact *fact = &machine->facts[i];
        if (fact->origin == MACHINE_NOT_KNOWN)
            assert_null(fact->place);
        else
            buf_format(&text, "%s%s=%s%s%s", text.len ? " " : "", machine_member_name(i),
                       machine_origin_word(fact->origin), fact->place ? ":" : "",
                       fact->place ? fact->place : "");
    }
    assert_string_equal(text.data ? text.data : "", wanted);
    buf_free(&text);
}

/* Each row's neighbour differs in one fact. */
static void origins_of_json(void **state)
{
    static const struct {
        const char *json, *wanted;
    } rows[] = {
        {"{\"name\":\"a\"}", "name=file:m.json"},
        {"{}", "name=system:host name"},
        {"{\"name\":\"a\",\"adSite\":\"L\"}", "name=file:m.json adSite=file:m.json"},
        {"{\"name\":\"a\",\"adSite\":null}", "name=file:m.json"},
        {"{\"name\":\"a\",\"collections\":[]}", "name=file:m.json collections=file:m.json"},
        {"{\"name\":\"a\",\"collections\":null}", "name=file:m.json"},
        {"{\"name\":\"a\",\"vpn\":false}", "name=file:m.json vpn=file:m.json"},
        {"{\"name\":\"a\",\"vpn\":null}", "name=file:m.json"},
        {"{\"name\":\"a\",\"addresses\":[\"10.1.2.3/24\"]}",
         "name=file:m.json addresses=file:m.json subnets=computed"},
        {"{\"name\":\"a\",\"addresses\":[\"10.1.2.3\"]}", "name=file:m.json addresses=file:m.json"},
        {"{\"name\":\"a\",\"addresses\":[\"10.1.2.3/24\"],\"subnets\":[\"10.9.9.0\"]}",
         "name=file:m.json addresses=file:m.json subnets=file:m.json"},
        {"{\"name\":\"a\",\"domain\":\"d\",\"forest\":\"f\",\"site\":\"PS1\",\"adapters\":[],"
         "\"metered\":true,\"internet\":true}",
         "name=file:m.json domain=file:m.json forest=file:m.json site=file:m.json "
         "adapters=file:m.json metered=file:m.json internet=file:m.json"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct machine machine;
        read_json(&machine, rows[i].json);
        origins(&machine, rows[i].wanted);
        machine_free(&machine);
    }
}

static void origins_of_policy(void **state)
{
    static const struct {
        const char *properties, *wanted;
    } rows[] = {
        {"", "name=policy:p0.xml:2"},
        {"ADSiteName=L", "name=policy:p0.xml:2 adSite=policy:p0.xml:2"},
        {"ADSiteName=", "name=policy:p0.xml:2"},
        {"ResourceDomainORWorkgroup=D", "name=policy:p0.xml:2 domain=policy:p0.xml:2"},
        {"IPAddresses=10.1.2.3", "name=policy:p0.xml:2 addresses=policy:p0.xml:2"},
        {"IPAddresses=10.1.2.3/24",
         "name=policy:p0.xml:2 addresses=policy:p0.xml:2 subnets=computed"},
        {"IPAddresses=10.1.2.3/24 IPSubnets=10.1.2.0",
         "name=policy:p0.xml:2 addresses=policy:p0.xml:2 subnets=policy:p0.xml:2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        struct machine machine;
        struct error err = {0};
        char text[200];
        snprintf(text, sizeof text, "SMS_R_System Name=PC1 %s", rows[i].properties);
        const char *const texts[] = {text, NULL};
        assert_true(estate_read(&estate, texts, &err));
        assert_true(machine_from_policy(&machine, &estate.policy, "PC1", &err));
        estate_free(&estate); /* the machine keeps the place */
        origins(&machine, rows[i].wanted);
        machine_free(&machine);
    }
}

/* --machine, with single facts changed by --set. */
static void origins_of_set(void **state)
{
    static const struct {
        const char *set, *wanted;
    } rows[] = {
        {"adSite=L", "name=file:m.json addresses=file:m.json subnets=file:m.json adSite=set"},
        {"subnet=10.9.9.0", "name=file:m.json addresses=file:m.json subnets=set"},
        {"address=10.7.7.7/24", "name=file:m.json addresses=set subnets=computed"},
        {"address=10.7.7.7", "name=file:m.json addresses=set"},
        {"vpn=false", "name=file:m.json addresses=file:m.json subnets=file:m.json vpn=set"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct machine machine;
        read_json(&machine, "{\"name\":\"a\",\"addresses\":[\"10.1.2.3/24\"],"
                            "\"subnets\":[\"10.8.8.0\"]}");
        machine_forget(&machine, rows[i].set);
        assert_true(machine_set(&machine, rows[i].set, NULL));
        machine_settle(&machine);
        origins(&machine, rows[i].wanted);
        machine_free(&machine);
    }
}

/* This machine, the settings file's members and its assigned site. */
static void origins_of_this_machine(void **state)
{
    static const struct {
        const char *settings, *assigned, *wanted;
    } rows[] = {
        {"{\"subnets\":[\"10.1.2.0\"]}", NULL,
         "name=system:host name addresses=system:rtnetlink subnets=settings:/etc/n.json "
         "adapters=system:rtnetlink"},
        {"{\"subnets\":[\"10.1.2.0\"]}", "PS1",
         "name=system:host name addresses=system:rtnetlink subnets=settings:/etc/n.json "
         "site=settings:/etc/n.json adapters=system:rtnetlink"},
        {"{\"name\":\"a\",\"addresses\":[\"10.1.2.3/24\"],\"adapters\":[],\"site\":\"PS2\"}", NULL,
         "name=settings:/etc/n.json addresses=settings:/etc/n.json subnets=computed "
         "site=settings:/etc/n.json adapters=settings:/etc/n.json"},
        {"{\"name\":null,\"addresses\":null,\"adapters\":null}", NULL, "name=system:host name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct machine machine;
        struct error err = {0};
        json_t *settings = json_loads(rows[i].settings, 0, NULL);
        assert_true(machine_find(&machine, settings, "/etc/n.json", &err));
        json_decref(settings);
        if (rows[i].assigned) {
            char *place = mem_copy_string("/etc/n.json");
            machine_assign_site(&machine, rows[i].assigned, place);
            free(place); /* the machine has its own */
            assert_string_equal(machine.site, rows[i].assigned);
        }
        origins(&machine, rows[i].wanted);
        machine_free(&machine);
    }
}

/* Names in the contract's order and as JSON has them; a word for each origin. */
static void words(void **state)
{
    static const char *const names[] = {"name",     "addresses", "subnets", "adSite",
                                        "domain",   "forest",    "site",    "collections",
                                        "adapters", "vpn",       "metered", "internet"};
    (void)state;
    assert_int_equal(sizeof names / sizeof names[0], MACHINE_MEMBER_COUNT);
    for (enum machine_member i = 0; i < MACHINE_MEMBER_COUNT; i++)
        assert_string_equal(machine_member_name(i), names[i]);
    assert_string_equal(machine_origin_word(MACHINE_NOT_KNOWN), "notKnown");
    assert_string_equal(machine_origin_word(MACHINE_COMPUTED), "computed");
}

/* What discovery recorded beyond that is passed over. */
static void long_row(void **state)
{
    (void)state;
    static const char *const properties[] = {"IPAddresses", "IPSubnets"};
    for (size_t i = 0; i < 2; i++) {
        struct estate estate;
        struct machine machine;
        struct error err = {0};
        struct buf text = {0};
        buf_format(&text, "SMS_R_System Name=PC1 %s=", properties[i]);
        for (int at = 0; at <= LIMIT_MACHINE_LIST; at++)
            buf_format(&text, "10.7.%d.%d,", at / 256, at % 256);
        const char *const texts[] = {text.data, NULL};
        assert_true(estate_read(&estate, texts, &err));
        assert_true(machine_from_policy(&machine, &estate.policy, "PC1", &err));
        assert_int_equal(machine.address_count, i == 0 ? LIMIT_MACHINE_LIST : 0);
        assert_int_equal(machine.subnet_count, i == 1 ? LIMIT_MACHINE_LIST : 0);
        machine_free(&machine);
        estate_free(&estate);
        buf_free(&text);
    }
}

/* Lists are bounded; numbers stand beside the subnets' texts however many there are. */
static void long_lists(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct machine machine;
        struct error err = {0};
        json_t *list = json_array(), *object = json_pack("{s:o}", "subnets", list);
        for (int i = 0; i < LIMIT_MACHINE_LIST + more; i++)
            json_array_append_new(list, json_sprintf("10.7.%d.%d", i / 256, i % 256));
        bool ok = machine_from_json(&machine, object, "m.json", &err);
        json_decref(object);
        assert_int_equal(ok, !more);
        if (!ok) {
            assert_int_equal(err.kind, ERROR_INPUT);
            assert_non_null(strstr(err.text, "'subnets' has too many elements"));
            continue;
        }
        assert_int_equal(machine.subnet_count, LIMIT_MACHINE_LIST);
        for (size_t i = 0; i < machine.subnet_count; i++) {
            char text[INET6_ADDRSTRLEN];
            address_format(machine.networks[i], text);
            assert_string_equal(text, machine.subnets[i]);
        }
        machine_free(&machine);
    }
}

static void write_file(char path[32], const char *text)
{
    memcpy(path, "/tmp/test-machine-XXXXXX", 25);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void from_file(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"{\"name\":\"PC1\"}", true},
        {"{\"name\":\"PC1\"", false},
        {"", false},
        {"{\"name\":\"PC1\",\"name\":\"PC2\"}", false},
        {"{\"name\":\"PC1\"} more", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct machine machine;
        struct error err = {0};
        char path[32];
        write_file(path, rows[i].text);
        if (machine_from_file(&machine, path, &err) != rows[i].good)
            fail_msg("%s: %s", rows[i].text, err.text);
        if (rows[i].good) {
            assert_string_equal(machine.facts[MACHINE_NAME].place, path);
            machine_free(&machine);
        } else {
            assert_int_equal(err.kind, ERROR_INPUT);
        }
        unlink(path);
        assert_false(machine_from_file(&machine, path, &err));
        assert_int_equal(err.kind, ERROR_INPUT);
    }
}

/* This machine: the settings file's members win, one by one. */
static void this_machine(void **state)
{
    (void)state;
    struct machine machine;
    struct error err = {0};
    assert_true(machine_find(&machine, NULL, NULL, &err));
    assert_non_null(machine.name);
    for (size_t i = 0; i < machine.address_count; i++)
        assert_false(address_is_placeless(address_from_bytes(machine.addresses[i].bytes)));
    size_t addresses = machine.address_count;
    machine_free(&machine);

    json_t *overrides = json_loads("{\"adSite\":\"London\"}", 0, NULL);
    assert_true(machine_find(&machine, overrides, "nearpoint.json", &err));
    assert_string_equal(machine.ad_site, "London");
    assert_int_equal(machine.address_count, addresses);
    json_decref(overrides);
    machine_free(&machine);

    overrides = json_loads("{\"addresses\":[\"10.1.2.3/24\"]}", 0, NULL);
    assert_true(machine_find(&machine, overrides, "nearpoint.json", &err));
    assert_int_equal(machine.address_count, 1);
    assert_int_equal(machine.subnet_count, 1);
    json_decref(overrides);
    machine_free(&machine);

    overrides = json_loads("{\"colour\":1}", 0, NULL);
    assert_false(machine_find(&machine, overrides, "nearpoint.json", &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.where, "nearpoint.json");
    json_decref(overrides);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(nothing_given),
        cmocka_unit_test(subnets),
        cmocka_unit_test(refusals),
        cmocka_unit_test(set),
        cmocka_unit_test(set_refuses),
        cmocka_unit_test(from_policy),
        cmocka_unit_test(from_file),
        cmocka_unit_test(this_machine),
        cmocka_unit_test(origins_of_json),
        cmocka_unit_test(origins_of_policy),
        cmocka_unit_test(origins_of_set),
        cmocka_unit_test(origins_of_this_machine),
        cmocka_unit_test(words),
        cmocka_unit_test(long_lists),
        cmocka_unit_test(long_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
