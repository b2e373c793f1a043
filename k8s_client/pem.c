#include "pem.h"

#include "message.h"

#include <string.h>

bool
k8s_pem_check(const struct k8s_buffer *pem, const char *path, const char *what,
    struct k8s_error *error)
{
	const char *text = pem->length > 0 ? pem->data : "";

	if (strstr(text, "-----BEGIN ") == NULL) {
		k8s_error_set(error, "%s: the %s is not PEM", path, what);
		return false;
	}
	/* libcurl's TLS would ask for the password on the terminal. */
	if (strstr(text, "ENCRYPTED") != NULL) {
		k8s_error_set(error,
		    "%s: the %s is protected by a password, which nobody "
		    "could type: store it without one",
		    path, what);
		return false;
	}
	return true;
}
