#include "spec.h"

#include "k8s.h"
#include "mounts.h"
#include "path.h"
#include "reply.h"

#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#define BODY_DEPTH_MAX 16
#define LOWER_ALNUM    "abcdefghijklmnopqrstuvwxyz0123456789"
#define ALNUM          LOWER_ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

const char sandbox_id_rule[] =
    "must be 1 to 51 of a-z, 0-9 and \"-\", with a letter or digit at both "
    "ends";
const char identity_rule[] =
    "must be 1 to 64 of A-Z, a-z, 0-9, \"_\" and \"-\"";

/* Takes the value of a field; NULL, or the rule that it breaks. */
typedef const char *
field_taker(struct sandbox_spec *spec, struct json_object *value);

struct field {
	const char *name;
	enum { OPTIONAL, REQUIRED } need;
	enum { NOT_NULL, NULL_IS_ABSENT } nulls;
	field_taker *take;
};

static field_taker take_sandbox_id, take_thread_id, take_user_id,
    take_extra_mounts, take_skills_path, take_shell_sessions, take_bool,
    take_unsupported;

/* In the order in which broken fields are named. */
/* clang-format off */
static const struct field fields[] = {
	{ "sandbox_id",                 REQUIRED, NOT_NULL,       take_sandbox_id },
	{ "thread_id",                  OPTIONAL, NULL_IS_ABSENT, take_thread_id },
	{ "user_id",                    OPTIONAL, NOT_NULL,       take_user_id },
	{ "skills_container_path",      OPTIONAL, NOT_NULL,       take_skills_path },
	{ "extra_mounts",               OPTIONAL, NOT_NULL,       take_extra_mounts },
	{ "max_shell_sessions",         OPTIONAL, NULL_IS_ABSENT, take_shell_sessions },
	{ "provision_lark_cli_runtime", OPTIONAL, NOT_NULL,       take_bool },
	{ "provision_lark_cli_broker",  OPTIONAL, NOT_NULL,       take_bool },
	{ "include_legacy_skills",      OPTIONAL, NOT_NULL,       take_bool },
	{ "profile",                    OPTIONAL, NULL_IS_ABSENT, take_unsupported },
	{ "ttl_seconds",                OPTIONAL, NULL_IS_ABSENT, take_unsupported },
};
/* clang-format on */

bool
sandbox_id_is_valid(const char *id)
{
	size_t length = strlen(id);

	return length >= 1 && length <= SANDBOX_ID_MAX &&
	       strspn(id, LOWER_ALNUM "-") == length && id[0] != '-' &&
	       id[length - 1] != '-';
}

bool
identity_is_valid(const char *id)
{
	size_t length = strlen(id);

	return length >= 1 && length <= IDENTITY_MAX &&
	       strspn(id, ALNUM "_-") == length;
}

static const char *
text_of(struct json_object *value)
{
	return json_object_is_type(value, json_type_string)
		   ? json_object_get_string(value)
		   : NULL;
}

static const char *
take_sandbox_id(struct sandbox_spec *spec, struct json_object *value)
{
	spec->sandbox_id = text_of(value);
	return spec->sandbox_id != NULL && sandbox_id_is_valid(spec->sandbox_id)
		   ? NULL
		   : sandbox_id_rule;
}

static const char *
take_thread_id(struct sandbox_spec *spec, struct json_object *value)
{
	spec->thread_id = text_of(value);
	return spec->thread_id != NULL && identity_is_valid(spec->thread_id)
		   ? NULL
		   : identity_rule;
}

static const char *
take_user_id(struct sandbox_spec *spec, struct json_object *value)
{
	spec->user_id = text_of(value);
	return spec->user_id != NULL && identity_is_valid(spec->user_id)
		   ? NULL
		   : identity_rule;
}

/* Neither may lie inside the other, or one mount would hide the other. */
static bool
overlaps(const char *path, const char *other)
{
	return path_is_within(path, other) || path_is_within(other, path);
}

static const char *
take_skills_path(struct sandbox_spec *spec, struct json_object *value)
{
	const char *path = text_of(value);

	if (path == NULL || path[0] != '/' || !path_is_canonical(path) ||
	    strcmp(path, "/") == 0 || strchr(path, ':') != NULL ||
	    strlen(path) > MOUNT_PATH_MAX)
		return "must be an absolute canonical path other than \"/\"";
	if (overlaps(path, MOUNT_USER_DATA) ||
	    overlaps(path, MOUNT_ACP_WORKSPACE) || overlaps(path, MOUNT_LARK))
		return "must not overlap " MOUNT_USER_DATA
		       ", " MOUNT_ACP_WORKSPACE " or " MOUNT_LARK;
	spec->skills_path = path;
	return NULL;
}

static const char *
take_shell_sessions(struct sandbox_spec *spec, struct json_object *value)
{
	spec->max_shell_sessions = json_object_is_type(value, json_type_int)
				       ? json_object_get_int64(value)
				       : 0;
	return spec->max_shell_sessions > 0 &&
		       spec->max_shell_sessions <= INT32_MAX
		   ? NULL
		   : "must be an integer from 1 to 2147483647, or null";
}

static const char *
take_bool(struct sandbox_spec *spec, struct json_object *value)
{
	(void)spec;
	return json_object_is_type(value, json_type_boolean)
		   ? NULL
		   : "must be true or false";
}

static const char *
take_unsupported(struct sandbox_spec *spec, struct json_object *value)
{
	(void)spec;
	(void)value;
	return "not supported";
}

/* Types and count only; what the paths may be is 400's business. */
static const char *
take_extra_mounts(struct sandbox_spec *spec, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return "must be a list of {host_path, container_path, "
		       "read_only}";
	spec->mount_count = json_object_array_length(value);
	for (size_t i = 0; i < spec->mount_count; i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		struct json_object *read_only =
		    k8s_json_find(item, "read_only");

		if (k8s_json_string(item, "host_path") == NULL ||
		    k8s_json_string(item, "container_path") == NULL)
			return "each must have a text host_path and a text "
			       "container_path";
		if (json_object_object_get_ex(item, "read_only", NULL) &&
		    !json_object_is_type(read_only, json_type_boolean))
			return "read_only must be true or false";
		if (i < EXTRA_MOUNTS_MAX)
			spec->mounts[i] = (struct extra_mount){
				k8s_json_string(item, "host_path"),
				k8s_json_string(item, "container_path"),
				json_object_get_boolean(read_only),
			};
	}
	return NULL;
}

/* NULL or the rule that the field breaks. */
static const char *
take_field(struct sandbox_spec *spec, const struct field *field)
{
	struct json_object *value = NULL;
	bool given =
	    json_object_object_get_ex(spec->document, field->name, &value);

	if (given && value == NULL && field->nulls == NULL_IS_ABSENT)
		given = false;
	if (given)
		return field->take(spec, value);
	return field->need == REQUIRED ? "is required" : NULL;
}

enum http_status
spec_parse(struct sandbox_spec *spec, const struct settings *settings,
    const char *body, size_t length, struct reply *reply)
{
	struct k8s_error error;

	*spec = (struct sandbox_spec){
		.user_id = "default",
		.skills_path = MOUNT_SKILLS,
	};
	spec->document = k8s_json_parse(body, length, BODY_DEPTH_MAX, &error);
	if (spec->document == NULL)
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "the body is not JSON: %s", error.message);
	if (!json_object_is_type(spec->document, json_type_object))
		return reply_problem(reply, HTTP_BAD_REQUEST,
		    "the body must be one JSON object");

	struct reply_errors errors = { 0 };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		reply_errors_add(
		    &errors, fields[i].name, take_field(spec, &fields[i]));

	enum http_status status = reply_errors(reply, &errors);

	if (status != HTTP_OK)
		return status;
	if (spec->thread_id == NULL)
		spec->thread_id = spec->sandbox_id;
	return mounts_check(spec, settings, reply);
}

void
spec_done(struct sandbox_spec *spec)
{
	json_object_put(spec->document);
	spec->document = NULL;
}
