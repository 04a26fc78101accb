/* Runs a fuzz target once over every file of the folders named, without a fuzzer: the corpus as a
   test. */
#include "policy/base/buf.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(const char *path)
{
    struct buf bytes = {0};
    char piece[4096];
    size_t got;
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        buf_append(&bytes, piece, got);
    fclose(file);
    /* As a fuzzer hands it over: of the very size, so that a sanitizer sees a byte too far. */
    uint8_t *exact = malloc(bytes.len ? bytes.len : 1);
    if (exact && bytes.len)
        memcpy(exact, bytes.data, bytes.len);
    LLVMFuzzerTestOneInput(exact, bytes.len);
    free(exact);
    buf_free(&bytes);
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        struct dirent *entry;
        if (!folder) {
            perror(argv[i]);
            return 1;
        }
        while ((entry = readdir(folder))) {
            char path[4096];
            int len = snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] == '.' || len < 0 || (size_t)len >= sizeof path)
                continue;
            run_file(path);
            files++;
        }
        closedir(folder);
    }
    printf("%d files\n", files);
    return files == 0;
}
