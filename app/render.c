#include "render.h"

#include "k8s.h"
#include "manifest.h"
#include "reply.h"
#include "request.h"
#include "spec.h"
#include "tree.h"

#include <json-c/json.h>
#include <stdlib.h>

#define PRETTY                                                                 \
	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |                   \
	    JSON_C_TO_STRING_NOSLASHESCAPE)

static struct json_object *
objects(const struct sandbox_spec *spec, const struct settings *settings)
{
	const struct manifest_origin origin = { "render", "" };

	/* the Pod's UID, which owns the Service, is not known before it is */
	return MAP({ "apiVersion", TEXT("v1") }, { "kind", TEXT("List") },
	    { "items", LIST(manifest_pod(spec, settings, &origin),
			   manifest_service(spec, settings, &origin, NULL)) });
}

int
render(const struct settings *settings, FILE *in, FILE *out, FILE *errors)
{
	char body[REQUEST_BODY_MAX + 1];
	size_t length = fread(body, 1, sizeof(body), in);
	struct sandbox_spec spec = { 0 };
	struct reply reply;
	int code = EXIT_FAILURE;

	reply_init(&reply, NULL);
	if (length > REQUEST_BODY_MAX) {
		fprintf(errors, "the body has more than %zu bytes\n",
		    REQUEST_BODY_MAX);
	} else if (spec_parse(&spec, settings, body, length, &reply) !=
		   HTTP_OK) {
		fprintf(errors, "%s\n", reply.cause);
	} else {
		K8S_CLEANUP(k8s_json_putp)
		struct json_object *list = objects(&spec, settings);

		if (list == NULL)
			fputs("out of memory\n", errors);
		else if (fprintf(out, "%s\n",
			     json_object_to_json_string_ext(list, PRETTY)) > 0)
			code = EXIT_SUCCESS;
	}
	spec_done(&spec);
	reply_done(&reply);
	return code;
}
