#include "tree.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Two addresses that no JSON value has. */
static char absent, null;

struct json_object *
tree_absent(void)
{
	return (struct json_object *)(void *)&absent;
}

struct json_object *
tree_null(void)
{
	return (struct json_object *)(void *)&null;
}

static bool
is_value(const struct json_object *object)
{
	return object != NULL && object != tree_absent() &&
	       object != tree_null();
}

static void
release(struct json_object *object)
{
	if (is_value(object))
		json_object_put(object);
}

/* What json-c stores: it writes NULL as null. */
static struct json_object *
stored(struct json_object *object)
{
	return object == tree_null() ? NULL : object;
}

struct json_object *
tree_map(size_t count, const struct tree_member *members)
{
	struct json_object *map = json_object_new_object();
	bool ok = map != NULL;

	for (size_t i = 0; i < count; i++) {
		struct json_object *value = members[i].value;

		if (ok && value == tree_absent())
			continue;
		ok = ok && value != NULL &&
		     json_object_object_add(
			 map, members[i].key, stored(value)) == 0;
		if (!ok)
			release(value);
	}
	if (ok)
		return map;
	json_object_put(map);
	return NULL;
}

struct json_object *
tree_list(size_t count, struct json_object *const *items)
{
	struct json_object *list = json_object_new_array();
	bool ok = list != NULL;

	for (size_t i = 0; i < count; i++) {
		if (ok)
			ok = tree_append(list, items[i]);
		else
			release(items[i]);
	}
	if (ok)
		return list;
	json_object_put(list);
	return NULL;
}

bool
tree_append(struct json_object *list, struct json_object *item)
{
	if (item == tree_absent())
		return true;
	if (list != NULL && item != NULL &&
	    json_object_array_add(list, stored(item)) == 0)
		return true;
	release(item);
	return false;
}

struct json_object *
tree_text(const char *text)
{
	return text == NULL ? NULL : json_object_new_string(text);
}

struct json_object *
tree_textf(const char *format, ...)
{
	char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return NULL;

	struct json_object *object = json_object_new_string_len(text, length);

	free(text);
	return object;
}

struct json_object *
tree_int(int64_t number)
{
	return json_object_new_int64(number);
}

struct json_object *
tree_bool(bool truth)
{
	return json_object_new_boolean(truth);
}

struct json_object *
tree_text_or_null(const char *text)
{
	return text == NULL || *text == '\0' ? tree_null() : tree_text(text);
}

struct json_object *
tree_text_or_absent(const char *text)
{
	return text == NULL || *text == '\0' ? tree_absent() : tree_text(text);
}
