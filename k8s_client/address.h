/* The address of an API server: "https://host:port/path". */
#ifndef K8S_ADDRESS_H
#define K8S_ADDRESS_H

#include <stdbool.h>

struct k8s_address {
	bool plain; /* http */
	char *host; /* IPv6 in brackets */
	char *port;
	char *path; /* "" or "/…", without a slash at the end */
};

/* false with a sentence's end in *why: "… is not an address: WHY". */
bool
k8s_address_parse(
    const char *url, struct k8s_address *address, const char **why);

void
k8s_address_done(struct k8s_address *address);

#endif
