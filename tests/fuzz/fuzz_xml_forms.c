/* Bytes as a policy document: every form in XML, whatever encoding. */
#include "policy/instance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy policy = {0};
    struct error err = {0};
    if (policy_read_bytes(&policy, "fuzz.xml", (const char *)data, size, &err))
        policy_settle(&policy, &err);
    policy_free(&policy);
    return 0;
}
