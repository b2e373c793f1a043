#include "resource.h"

#include "buffer.h"
#include "message.h"

#include <ctype.h>
#include <string.h>

#define URL_MAX ((size_t)16 << 10)

const struct k8s_resource k8s_pods = { "/api/v1", "pods", "Pod", true };
const struct k8s_resource k8s_services = { "/api/v1", "services", "Service",
	true };
const struct k8s_resource k8s_namespaces = { "/api/v1", "namespaces",
	"Namespace", false };
const struct k8s_resource k8s_self_subject_access_reviews = {
	"/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews",
	"SelfSubjectAccessReview", false
};

const char *
k8s_verb_name(enum k8s_verb verb)
{
	static const char *const names[K8S_VERB__MAX] = {
		[K8S_GET] = "get",
		[K8S_LIST] = "list",
		[K8S_CREATE] = "create",
		[K8S_DELETE] = "delete",
		[K8S_PATCH] = "patch",
	};

	return verb < K8S_VERB__MAX ? names[verb] : "?";
}

static bool
add(struct k8s_buffer *url, const char *text)
{
	return k8s_buffer_add(url, text, strlen(text));
}

static bool
unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~", c) != NULL);
}

/* "/" and one path segment. */
static bool
add_segment(struct k8s_buffer *url, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	if (!add(url, "/"))
		return false;
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		const char escape[3] = { '%', digits[byte >> 4],
			digits[byte & 15] };

		if (unreserved(*text) ? !k8s_buffer_add(url, text, 1)
				      : !k8s_buffer_add(url, escape, 3))
			return false;
	}
	return true;
}

/* "." and ".." would walk up the path. */
static bool
segment_check(const char *text, const char *what, struct k8s_error *error)
{
	if (text != NULL && *text != '\0' && strcmp(text, ".") != 0 &&
	    strcmp(text, "..") != 0)
		return true;
	k8s_error_set(error, "the call needs a %s, not \"%s\"", what,
	    text != NULL ? text : "");
	return false;
}

static bool
query_check(const char *query, struct k8s_error *error)
{
	for (; query != NULL && *query != '\0'; query++) {
		if (isgraph((unsigned char)*query) && *query != '#')
			continue;
		k8s_error_set(error, "the call's query is not escaped");
		return false;
	}
	return true;
}

static bool
call_check(const struct k8s_call *call, struct k8s_error *error)
{
	bool named = call->verb != K8S_LIST && call->verb != K8S_CREATE;
	/* Only a LIST may span all namespaces. */
	bool needs_ns = call->resource->namespaced &&
			(call->verb != K8S_LIST || call->ns != NULL);
	bool needs_body = call->verb == K8S_CREATE || call->verb == K8S_PATCH;

	if (needs_ns && !segment_check(call->ns, "namespace", error))
		return false;
	if (named && !segment_check(call->name, "name", error))
		return false;
	if (needs_body && call->body == NULL) {
		k8s_error_set(error, "the call needs a body");
		return false;
	}
	return query_check(call->query, error);
}

static bool
url_build(struct k8s_buffer *url, const char *base, const struct k8s_call *call)
{
	const struct k8s_resource *resource = call->resource;

	if (!add(url, base) || !add(url, resource->path))
		return false;
	if (resource->namespaced && call->ns != NULL &&
	    (!add(url, "/namespaces") || !add_segment(url, call->ns)))
		return false;
	if (!add_segment(url, resource->plural))
		return false;
	if (call->verb != K8S_LIST && call->verb != K8S_CREATE &&
	    !add_segment(url, call->name))
		return false;
	return call->query == NULL || *call->query == '\0' ||
	       (add(url, "?") && add(url, call->query));
}

char *
k8s_resource_url(
    const char *base, const struct k8s_call *call, struct k8s_error *error)
{
	struct k8s_buffer url = k8s_buffer_of(URL_MAX);

	if (!call_check(call, error))
		return NULL;
	if (!url_build(&url, base, call)) {
		k8s_error_set(error,
		    url.full ? "the call's URL is too long" : "out of memory");
		k8s_buffer_done(&url);
		return NULL;
	}
	return url.data;
}
