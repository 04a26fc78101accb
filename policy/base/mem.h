/*
 * Memory. Running out of it ends the process (exit 1, one line on standard error): no caller
 * checks. An arena owns many small pieces that live and die together.
 */
#ifndef POLICY_BASE_MEM_H
#define POLICY_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

/* Ends the process: for what a library could not get. */
_Noreturn void mem_exhausted(void);

/* Zeroed memory for `count` elements of `size` bytes; free() it. */
void *mem_zero(size_t count, size_t size);

/* realloc for arrays, with the multiplication checked. */
void *mem_resize(void *old, size_t count, size_t size);

/* Makes room for at least `need` elements: doubles *cap. Returns the (moved) array. */
void *mem_grow(void *array, size_t *cap, size_t need, size_t size);

char *mem_copy_string(const char *text);
char *mem_copy_bytes(const char *bytes, size_t len); /* NUL is appended */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct arena {
    struct arena_block *last;
};

/* An all-zero arena is an empty one. Memory is zeroed and aligned for any type. */
void *arena_zero(struct arena *arena, size_t count, size_t size);
char *arena_copy_string(struct arena *arena, const char *text);
char *arena_copy_bytes(struct arena *arena, const char *bytes, size_t len); /* NUL appended */
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *arena);

#endif
