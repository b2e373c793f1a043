#include "yaml_read.h"

#include "message.h"

#include <json-c/json.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 32
#define TAG_STR   "tag:yaml.org,2002:str"

struct reader {
	yaml_parser_t parser;
	int depth_left;
	struct k8s_error *error;
};

static bool
node_read(
    struct reader *reader, yaml_event_t *event, struct json_object **value);

static bool
refuse(struct reader *reader, size_t line, const char *why)
{
	k8s_error_set(reader->error, "line %zu: %s", line + 1, why);
	return false;
}

static bool
out_of_memory(struct reader *reader)
{
	k8s_error_set(reader->error, "out of memory");
	return false;
}

static bool
event_next(struct reader *reader, yaml_event_t *event)
{
	if (yaml_parser_parse(&reader->parser, event))
		return true;
	memset(event, 0, sizeof(*event));
	if (reader->parser.error == YAML_MEMORY_ERROR)
		return out_of_memory(reader);
	return refuse(reader, reader->parser.problem_mark.line,
	    reader->parser.problem != NULL ? reader->parser.problem
					   : "not YAML");
}

static bool
is_one_of(const char *text, const char *const *words)
{
	while (*words != NULL && strcmp(text, *words) != 0)
		words++;
	return *words != NULL;
}

static bool
scalar_read(
    struct reader *reader, yaml_event_t *event, struct json_object **value)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL",
		NULL };
	static const char *const yes[] = { "true", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "False", "FALSE", NULL };
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;
	size_t length = event->data.scalar.length;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (strlen(text) != length)
		return refuse(reader, event->start_mark.line, "NUL in a text");
	if (tag != NULL && strcmp(tag, TAG_STR) != 0)
		return refuse(reader, event->start_mark.line,
		    "tags are not supported, remove it");
	if (plain && tag == NULL && is_one_of(text, nulls)) {
		*value = NULL;
		return true;
	}
	if (plain && tag == NULL && is_one_of(text, yes))
		*value = json_object_new_boolean(true);
	else if (plain && tag == NULL && is_one_of(text, no))
		*value = json_object_new_boolean(false);
	else
		*value = json_object_new_string_len(text, (int)length);
	return *value != NULL || out_of_memory(reader);
}

/* The value of `key`, which is a scalar's event. */
static bool
member_read(
    struct reader *reader, yaml_event_t *key, struct json_object *object)
{
	K8S_CLEANUP(k8s_json_putp) struct json_object *value = NULL;
	const char *name = (const char *)key->data.scalar.value;
	size_t line = key->start_mark.line;
	yaml_event_t event;

	if (strlen(name) != key->data.scalar.length)
		return refuse(reader, line, "NUL in a key");
	if (json_object_object_get_ex(object, name, NULL))
		return refuse(reader, line, "a key appears twice in its map");
	if (!event_next(reader, &event))
		return false;
	bool read = node_read(reader, &event, &value);
	yaml_event_delete(&event);
	if (!read)
		return false;
	if (json_object_object_add(object, name, value) != 0)
		return out_of_memory(reader);
	value = NULL;
	return true;
}

static bool
map_read(struct reader *reader, struct json_object *object)
{
	for (;;) {
		yaml_event_t event;
		bool read = false;

		if (!event_next(reader, &event))
			return false;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return true;
		}
		if (event.type == YAML_SCALAR_EVENT)
			read = member_read(reader, &event, object);
		else
			refuse(reader, event.start_mark.line,
			    "a key must be a plain text");
		yaml_event_delete(&event);
		if (!read)
			return false;
	}
}

static bool
sequence_read(struct reader *reader, struct json_object *array)
{
	for (;;) {
		K8S_CLEANUP(k8s_json_putp) struct json_object *value = NULL;
		yaml_event_t event;

		if (!event_next(reader, &event))
			return false;
		bool ended = event.type == YAML_SEQUENCE_END_EVENT;
		bool read = ended || node_read(reader, &event, &value);
		yaml_event_delete(&event);
		if (ended || !read)
			return read;
		if (json_object_array_add(array, value) != 0)
			return out_of_memory(reader);
		value = NULL;
	}
}

/* *value is the caller's also on failure. */
static bool
node_read(
    struct reader *reader, yaml_event_t *event, struct json_object **value)
{
	bool map = event->type == YAML_MAPPING_START_EVENT;

	if (event->type == YAML_SCALAR_EVENT)
		return scalar_read(reader, event, value);
	if (event->type == YAML_ALIAS_EVENT)
		return refuse(reader, event->start_mark.line,
		    "aliases are not supported, write the value out");
	if (!map && event->type != YAML_SEQUENCE_START_EVENT)
		return refuse(reader, event->start_mark.line, "no value");
	if (reader->depth_left == 0)
		return refuse(
		    reader, event->start_mark.line, "nested too deeply");
	*value = map ? json_object_new_object() : json_object_new_array();
	if (*value == NULL)
		return out_of_memory(reader);
	reader->depth_left--;
	bool read =
	    map ? map_read(reader, *value) : sequence_read(reader, *value);
	reader->depth_left++;
	return read;
}

/* Passes one event that must be of `type`. */
static bool
expect(struct reader *reader, yaml_event_type_t type, const char *why)
{
	yaml_event_t event;

	if (!event_next(reader, &event))
		return false;
	bool as_expected = event.type == type;
	if (!as_expected)
		refuse(reader, event.start_mark.line, why);
	yaml_event_delete(&event);
	return as_expected;
}

static bool
document_read(struct reader *reader, struct json_object **value)
{
	yaml_event_t event;

	if (!expect(reader, YAML_STREAM_START_EVENT, "not YAML") ||
	    !expect(reader, YAML_DOCUMENT_START_EVENT, "it is empty") ||
	    !event_next(reader, &event))
		return false;
	bool read = node_read(reader, &event, value);
	yaml_event_delete(&event);
	if (!read)
		return false;
	return expect(reader, YAML_DOCUMENT_END_EVENT, "not one document") &&
	       expect(reader, YAML_STREAM_END_EVENT, "a second document");
}

struct json_object *
k8s_yaml_parse(const char *text, size_t length, struct k8s_error *error)
{
	K8S_CLEANUP(k8s_json_putp) struct json_object *value = NULL;
	struct reader reader = { .depth_left = DEPTH_MAX, .error = error };

	if (!yaml_parser_initialize(&reader.parser)) {
		out_of_memory(&reader);
		return NULL;
	}
	yaml_parser_set_input_string(
	    &reader.parser, (const unsigned char *)text, length);
	bool read = document_read(&reader, &value);
	yaml_parser_delete(&reader.parser);
	if (!read)
		return NULL;
	if (value == NULL) {
		k8s_error_set(error, "it is empty");
		return NULL;
	}
	struct json_object *taken = value;
	value = NULL;
	return taken;
}
