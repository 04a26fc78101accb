#include "policy/form.h"

#include "policy/base/text.h"
#include "policy/json_form.h"
#include "policy/xml_form.h"

#include <stdlib.h>
#include <string.h>

/* What is kept back until it tells the form: byte order mark, blanks, the first character. */
#define HEAD 256

struct form {
    struct intake intake;
    char head[HEAD];
    size_t head_len;
    struct xml_form *xml; /* either, once the form is known */
    struct json_form *json;
};

struct form *form_open(struct policy *policy, const char *path)
{
    struct form *form = mem_zero(1, sizeof *form);
    intake_begin(&form->intake, policy, path);
    return form;
}

/* What is no document at all is told as what it is to the reader of policy. */
static bool explain(struct error *err)
{
    if (err && strcmp(err->code, "NOT_XML") == 0) {
        char *what = mem_copy_string(err->text);
        snprintf(err->text, sizeof err->text,
                 "is not a policy document form that nearpoint reads: it %s", what);
        free(what);
    }
    return false;
}

/* The first character that is no byte order mark, blank or half of one in UTF-16; 0: none yet. */
static char first_character(const struct form *form)
{
    static const char passed[] = " \t\r\n\xFF\xFE\xEF\xBB\xBF";
    for (size_t i = 0; i < form->head_len; i++)
        if (form->head[i] && !strchr(passed, form->head[i]))
            return form->head[i];
    return '\0';
}

static bool pass_on(struct form *form, const char *bytes, size_t len, struct error *err)
{
    bool ok = form->json ? json_form_feed(form->json, bytes, len, err)
                         : xml_form_feed(form->xml, bytes, len, err);
    return ok || explain(err);
}

static bool start(struct form *form, struct error *err)
{
    char first = first_character(form);
    const char *path = form->intake.document->path;
    if (first == '{' || first == '[')
        form->json = json_form_open(&form->intake, path);
    else
        form->xml = xml_form_open(&form->intake, path, false);
    return pass_on(form, form->head, form->head_len, err);
}

bool form_feed(struct form *form, const char *bytes, size_t len, struct error *err)
{
    while (len && !form->xml && !form->json) {
        form->head[form->head_len++] = *bytes++;
        len--;
        if ((form->head_len == HEAD || first_character(form)) && !start(form, err))
            return false;
    }
    return len == 0 || pass_on(form, bytes, len, err);
}

bool form_finish(struct form *form, struct error *err)
{
    if (!form->xml && !form->json && !start(form, err))
        return false;
    bool ok = form->json ? json_form_finish(form->json, err) : xml_form_finish(form->xml, err);
    return ok || explain(err);
}

void form_close(struct form *form)
{
    if (!form)
        return;
    xml_form_close(form->xml);
    json_form_close(form->json);
    intake_free(&form->intake);
    free(form);
}
