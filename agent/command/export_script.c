/* export-script: prints the PowerShell that exports a site, which the program carries with it. */
#include "agent/command/command.h"

/* The file's bytes as they are; the path is from where make runs. */
__asm__(".section .rodata\n"
        "    .hidden export_script_bytes\n"
        "    .globl export_script_bytes\n"
        "export_script_bytes:\n"
        "    .incbin \"samples/export/Export-Nearpoint.ps1\"\n"
        "export_script_end:\n"
        "    .balign 4\n"
        "    .hidden export_script_len\n"
        "    .globl export_script_len\n"
        "export_script_len:\n"
        "    .4byte export_script_end - export_script_bytes\n"
        "    .previous\n");

extern const char export_script_bytes[] __attribute__((visibility("hidden")));
extern const uint32_t export_script_len __attribute__((visibility("hidden")));

bool command_export_script(struct context *context, struct error *err)
{
    if (context->options->json)
        return command_print_json(json_stringn(export_script_bytes, export_script_len), err);
    bool ok = fwrite(export_script_bytes, 1, export_script_len, stdout) == export_script_len;
    return ok || error_errno(err, NULL, "cannot write to standard output");
}
