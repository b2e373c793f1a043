/* Readers that never coerce: a wrong type reads as absent. */
#include "json.h"

#include <string.h>

#define STEP_MAX 512 /* a label key is at most 317 bytes */

/*
 * Copies the first step of `path` to `step` and returns what follows it, NULL
 * when the path is malformed.
 */
static const char *
step_next(const char *path, char step[STEP_MAX])
{
	bool bracket = *path == '[';
	const char *from = path + bracket;
	size_t length = strcspn(from, bracket ? "]" : ".[");
	const char *rest = from + length;

	if (length == 0 || length >= STEP_MAX)
		return NULL;
	if (bracket && *rest++ != ']')
		return NULL;
	memcpy(step, from, length);
	step[length] = '\0';
	if (*rest != '.')
		return rest;
	return rest[1] == '\0' ? NULL : rest + 1;
}

static struct json_object *
element_of(struct json_object *array, const char *step)
{
	size_t index = 0;

	if (strlen(step) > 9 || step[strspn(step, "0123456789")] != '\0')
		return NULL;
	for (; *step != '\0'; step++)
		index = index * 10 + (size_t)(*step - '0');
	return json_object_array_get_idx(array, index);
}

struct json_object *
k8s_json_find(struct json_object *object, const char *path)
{
	char step[STEP_MAX];

	while (*path != '\0' && object != NULL) {
		struct json_object *child = NULL;

		path = step_next(path, step);
		if (path == NULL)
			return NULL;
		if (json_object_is_type(object, json_type_object))
			json_object_object_get_ex(object, step, &child);
		else if (json_object_is_type(object, json_type_array))
			child = element_of(object, step);
		object = child;
	}
	return object;
}

static struct json_object *
find_typed(struct json_object *object, const char *path, enum json_type type)
{
	struct json_object *found = k8s_json_find(object, path);

	if (found == NULL || !json_object_is_type(found, type))
		return NULL;
	return found;
}

struct json_object *
k8s_json_array(struct json_object *object, const char *path)
{
	return find_typed(object, path, json_type_array);
}

struct json_object *
k8s_json_map(struct json_object *object, const char *path)
{
	return find_typed(object, path, json_type_object);
}

const char *
k8s_json_string(struct json_object *object, const char *path)
{
	struct json_object *found = find_typed(object, path, json_type_string);

	return found == NULL ? NULL : json_object_get_string(found);
}

long long
k8s_json_int(struct json_object *object, const char *path, long long fallback)
{
	struct json_object *found = find_typed(object, path, json_type_int);

	return found == NULL ? fallback : json_object_get_int64(found);
}

bool
k8s_json_bool(struct json_object *object, const char *path, bool fallback)
{
	struct json_object *found = find_typed(object, path, json_type_boolean);

	return found == NULL ? fallback : json_object_get_boolean(found);
}

size_t
k8s_json_length(struct json_object *object, const char *path)
{
	struct json_object *array = k8s_json_array(object, path);

	return array == NULL ? 0 : json_object_array_length(array);
}

struct json_object *
k8s_json_item(struct json_object *object, const char *path, const char *key,
    const char *value)
{
	struct json_object *array = k8s_json_array(object, path);
	size_t count = k8s_json_length(object, path);

	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		const char *text = k8s_json_string(item, key);

		if (text != NULL && strcmp(text, value) == 0)
			return item;
	}
	return NULL;
}

void
k8s_json_putp(struct json_object **object)
{
	if (*object != NULL)
		json_object_put(*object);
	*object = NULL;
}
