/*
 * The monotonic clock as a number.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Microseconds since some moment in the past; never 0, never going back. */
int64_t
clock_us(void);

#endif
