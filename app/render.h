/*
 * --render: the objects that a request body would create, without a cluster.
 */
#ifndef RENDER_H
#define RENDER_H

#include <stdio.h>

struct settings;

/*
 * Reads a request body from `in` and writes a v1 List of the Pod and the
 * Service to `out`, or why the body is refused to `errors`. The exit code.
 */
int
render(const struct settings *settings, FILE *in, FILE *out, FILE *errors);

#endif
