/* Bytes as an export in JSON. The first byte says how they come: at once or in small pieces. */
#include "policy/json_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct policy policy = {0};
    struct error err = {0};
    struct intake intake;
    size_t piece = data[0] % 8 ? data[0] % 8 : size;
    const char *bytes = (const char *)data + 1;
    size_t left = size - 1;
    bool ok = true;
    intake_begin(&intake, &policy, "fuzz.json");
    struct json_form *form = json_form_open(&intake, "fuzz.json");
    while (ok && left) {
        size_t len = left < piece ? left : piece;
        ok = json_form_feed(form, bytes, len, &err);
        bytes += len;
        left -= len;
    }
    if (ok && json_form_finish(form, &err))
        policy_settle(&policy, &err);
    json_form_close(form);
    intake_free(&intake);
    policy_free(&policy);
    return 0;
}
