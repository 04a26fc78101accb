/* What the programs of this folder make of several rounds. */
#ifndef TESTS_SPEED_MEDIAN_H
#define TESTS_SPEED_MEDIAN_H

#include <stdlib.h>

static inline int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Sorts them. */
static inline double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

#endif
