#include "address.h"

#include "k8s.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static void
urlp(CURLU **url)
{
	curl_url_cleanup(*url);
}

/* A copy that free() takes, NULL when the part is absent. */
static char *
part_of(CURLU *url, CURLUPart part)
{
	char *text = NULL;

	if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	char *copy = strdup(text);
	curl_free(text);
	return copy;
}

static bool
part_present(CURLU *url, CURLUPart part)
{
	char *text = part_of(url, part);
	bool present = text != NULL;

	free(text);
	return present;
}

static bool
scheme_read(CURLU *url, bool *plain)
{
	char *scheme = part_of(url, CURLUPART_SCHEME);
	bool known = scheme != NULL && (strcmp(scheme, "https") == 0 ||
					   strcmp(scheme, "http") == 0);

	*plain = known && strcmp(scheme, "http") == 0;
	free(scheme);
	return known;
}

bool
k8s_address_parse(
    const char *url, struct k8s_address *address, const char **why)
{
	K8S_CLEANUP(urlp) CURLU *parsed = curl_url();

	*address = (struct k8s_address){ 0 };
	*why = "out of memory";
	if (parsed == NULL)
		return false;
	*why = "it must look like https://HOST:PORT";
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    !scheme_read(parsed, &address->plain))
		return false;
	*why = "it must not hold a user, a query or a fragment";
	if (part_present(parsed, CURLUPART_USER) ||
	    part_present(parsed, CURLUPART_PASSWORD) ||
	    part_present(parsed, CURLUPART_QUERY) ||
	    part_present(parsed, CURLUPART_FRAGMENT))
		return false;
	*why = "out of memory";
	address->host = part_of(parsed, CURLUPART_HOST);
	address->port = part_of(parsed, CURLUPART_PORT);
	address->path = part_of(parsed, CURLUPART_PATH);
	if (address->host == NULL || address->port == NULL ||
	    address->path == NULL) {
		k8s_address_done(address);
		return false;
	}
	size_t length = strlen(address->path);
	while (length > 0 && address->path[length - 1] == '/')
		address->path[--length] = '\0';
	return true;
}

void
k8s_address_done(struct k8s_address *address)
{
	free(address->host);
	free(address->port);
	free(address->path);
	*address = (struct k8s_address){ 0 };
}
