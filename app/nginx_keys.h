/*
 * The API keys as rows of nginx's map, so that nginx alone decides who may
 * call: "~^KEY$" NAME;
 */
#ifndef NGINX_KEYS_H
#define NGINX_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct settings;

/*
 * Writes the keys of PROVISIONER_API_KEY (named "default") and of
 * auth.key_file to `output`, mode 0640, replacing it at once. false with a
 * sentence in `why`, which never holds a key; `output` is then as it was.
 */
bool
nginx_keys_write(const struct settings *settings, const char *output, char *why,
    size_t size);

#endif
