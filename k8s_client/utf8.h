/* The one rule for what is a UTF-8 sequence. */
#ifndef K8S_UTF8_H
#define K8S_UTF8_H

#include <stddef.h>

/*
 * Bytes of the valid sequence at `text`, which has `left` bytes; 0 when there
 * is none: overlong forms, surrogates and what is above U+10FFFF included.
 */
size_t
k8s_utf8_sequence(const char *text, size_t left);

/* Writes `point` (a valid scalar value) to `out`, returns its 1 to 4 bytes. */
size_t
k8s_utf8_encode(unsigned int point, char out[4]);

#endif
