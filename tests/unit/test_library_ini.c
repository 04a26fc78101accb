/* INI files of a content library, in every form that they have. */
#include "agent/source/library_ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool take_row(void *arg, const char *section, const char *key, const char *value)
{
    buf_format(arg, "%s|%s|%s;", section, key, value);
    return strcmp(key, "stop") != 0;
}

/* What is read; NULL: refused. The caller frees `rows`. */
static const char *rows_of(const char *bytes, size_t len, struct buf *rows)
{
    struct buf text = {0};
    *rows = (struct buf){0};
    buf_append(&text, bytes, len);
    buf_append_text(rows, "");
    bool ok = library_ini_each(&text, take_row, rows);
    buf_free(&text);
    return ok ? (rows->data ? rows->data : "") : NULL;
}

static void forms(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *rows; /* NULL: refused */
    } cases[] = {
#define TEXT(text) text, sizeof text - 1
        {TEXT("[File]\r\nHash=AB\r\nSize = 3 \r\n"), "File|Hash|AB;File|Size|3;"},
        {TEXT("[File]\nHash=AB\nSize=3"), "File|Hash|AB;File|Size|3;"},
        {TEXT("\xFF\xFE[\0a\0]\0\r\0\n\0k\0=\0v\0"), "a|k|v;"},
        {TEXT("\xFE\xFF\0[\0a\0]\0\n\0k\0=\0v"), "a|k|v;"},
        {TEXT("\xFF\xFE[\0a\0]\0\n\0\xFC\0=\0v\0"), "a|?|v;"},
        {TEXT("\xEF\xBB\xBF[a]\nk=v"), "a|k|v;"},
        {TEXT("[a]\n\xFC=v"), "a|?|v;"},
        {TEXT("; comment\n[Packages]\nPS100001.3=\nPS100001.4\n"),
         "Packages|PS100001.3|;Packages|PS100001.4|;"},
        {TEXT("k=v=w\n[b]x\nl=\n"), "|k|v=w;b|l|;"},
        {TEXT("[open\nk=v\n"), "|[open|;|k|v;"},
        {TEXT(""), ""},
        {TEXT("\xFF\xFE"), ""},
        {TEXT("[a]\nstop=1\nk=v"), NULL},
        {TEXT("[a]\nk=\0v"), NULL},
        {TEXT("\xFF\xFE[\0a"), NULL},
        {TEXT("\xFF\xFE[\0\0\0"), NULL},
#undef TEXT
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf rows;
        const char *found = rows_of(cases[i].bytes, cases[i].len, &rows);
        if (!cases[i].rows)
            assert_null(found);
        else
            assert_string_equal(found ? found : "(refused)", cases[i].rows);
        buf_free(&rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
