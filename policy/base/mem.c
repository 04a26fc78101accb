#include "policy/base/mem.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK (64 * 1024)

struct arena_block {
    struct arena_block *before;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

_Noreturn void mem_exhausted(void)
{
    fputs("nearpoint: out of memory\n", stderr);
    _Exit(1);
}

void *mem_zero(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        mem_exhausted();
    return memory;
}

void *mem_resize(void *old, size_t count, size_t size)
{
    void *memory = reallocarray(old, count ? count : 1, size ? size : 1);
    if (!memory)
        mem_exhausted();
    return memory;
}

void *mem_grow(void *array, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return array;
    size_t want = *cap ? *cap : 8;
    while (want < need) {
        if (want > SIZE_MAX / 2)
            mem_exhausted();
        want *= 2;
    }
    array = mem_resize(array, want, size);
    *cap = want;
    return array;
}

char *mem_copy_bytes(const char *bytes, size_t len)
{
    if (len == SIZE_MAX)
        mem_exhausted();
    char *copy = mem_resize(NULL, len + 1, 1);
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

char *mem_copy_string(const char *text)
{
    return mem_copy_bytes(text, strlen(text));
}

char *mem_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text;
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        mem_exhausted();
    return text;
}

static struct arena_block *arena_add(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_block))
        mem_exhausted();
    struct arena_block *block = mem_zero(1, sizeof *block + size);
    block->size = size;
    block->before = arena->last;
    arena->last = block;
    return block;
}

/* Text needs no alignment; packing it keeps a large policy small. */
static void *arena_take(struct arena *arena, size_t size, size_t align)
{
    struct arena_block *block = arena->last;
    if (block) {
        size_t at = (block->used + align - 1) / align * align;
        if (at <= block->size && size <= block->size - at) {
            block->used = at + size;
            return block->bytes + at;
        }
    }
    if (block && size > ARENA_BLOCK / 4) {
        /* A large piece gets a block of its own, behind the one that still has room. */
        struct arena_block *own = mem_zero(1, sizeof *own + size);
        own->size = own->used = size;
        own->before = block->before;
        block->before = own;
        return own->bytes;
    }
    block = arena_add(arena, size > ARENA_BLOCK ? size : ARENA_BLOCK);
    block->used = size;
    return block->bytes;
}

void *arena_zero(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || total > SIZE_MAX / 2)
        mem_exhausted();
    return arena_take(arena, total ? total : 1, alignof(max_align_t));
}

char *arena_copy_bytes(struct arena *arena, const char *bytes, size_t len)
{
    if (len > SIZE_MAX / 2)
        mem_exhausted();
    char *copy = arena_take(arena, len + 1, 1);
    if (len)
        memcpy(copy, bytes, len);
    return copy;
}

char *arena_copy_string(struct arena *arena, const char *text)
{
    return arena_copy_bytes(arena, text, strlen(text));
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text;
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        mem_exhausted();
    char *copy = arena_copy_bytes(arena, text, (size_t)len);
    free(text);
    return copy;
}

void arena_free(struct arena *arena)
{
    struct arena_block *block = arena->last;
    while (block) {
        struct arena_block *before = block->before;
        free(block);
        block = before;
    }
    arena->last = NULL;
}
