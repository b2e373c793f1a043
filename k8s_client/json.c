#include "json.h"

#include "buffer.h"
#include "message.h"
#include "utf8.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 128 /* characters; an int64 needs 20, a double 24 */

struct reader {
	const char *start, *at, *end;
	int depth_left;
	size_t values_left;
	bool nul_replaced;
	struct k8s_buffer text; /* a string while its escapes are decoded */
	struct k8s_error *error;
};

static bool
value_read(struct reader *reader, struct json_object **value);

static bool
refuse(struct reader *reader, const char *why)
{
	k8s_error_set(reader->error, "not valid JSON at byte %zu: %s",
	    (size_t)(reader->at - reader->start) + 1, why);
	return false;
}

static bool
out_of_memory(struct reader *reader)
{
	k8s_error_set(reader->error, "out of memory");
	return false;
}

/* The next character after white space, '\0' at the end. */
static char
next(struct reader *reader)
{
	while (reader->at < reader->end &&
	       (*reader->at == ' ' || *reader->at == '\n' ||
		   *reader->at == '\t' || *reader->at == '\r'))
		reader->at++;
	if (reader->at == reader->end)
		return '\0';
	return *reader->at;
}

static bool
hex_read(struct reader *reader, unsigned int *unit)
{
	if (reader->end - reader->at < 4)
		return refuse(reader, "an escape is cut short");
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		char c = *reader->at;
		unsigned int digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (unsigned int)((c | 0x20) - 'a') + 10;
		else
			return refuse(reader, "\\u needs four hex digits");
		*unit = *unit << 4 | digit;
		reader->at++;
	}
	return true;
}

/* After "\u". */
static bool
unicode_read(struct reader *reader)
{
	char bytes[4];
	unsigned int point;
	unsigned int low;

	if (!hex_read(reader, &point))
		return false;
	if (point == 0 && !reader->nul_replaced)
		return refuse(reader, "NUL in a string");
	if (point == 0)
		point = 0xfffd;
	if (point >= 0xdc00 && point <= 0xdfff)
		return refuse(reader, "half a surrogate pair");
	if (point >= 0xd800 && point <= 0xdbff) {
		if (reader->end - reader->at < 2 || reader->at[0] != '\\' ||
		    reader->at[1] != 'u')
			return refuse(reader, "half a surrogate pair");
		reader->at += 2;
		if (!hex_read(reader, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return refuse(reader, "half a surrogate pair");
		point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
	}
	return k8s_buffer_add(
		   &reader->text, bytes, k8s_utf8_encode(point, bytes)) ||
	       out_of_memory(reader);
}

/* After the backslash. */
static bool
escape_read(struct reader *reader)
{
	static const char names[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";

	if (reader->at == reader->end)
		return refuse(reader, "an escape is cut short");
	char c = *reader->at;
	if (c == 'u') {
		reader->at++;
		return unicode_read(reader);
	}
	const char *found = c == '\0' ? NULL : strchr(names, c);
	if (found == NULL)
		return refuse(reader, "an escape that JSON does not have");
	reader->at++;
	return k8s_buffer_add(&reader->text, meanings + (found - names), 1) ||
	       out_of_memory(reader);
}

/* Up to the next quote or backslash. */
static bool
plain_read(struct reader *reader)
{
	while (reader->at < reader->end) {
		unsigned char c = (unsigned char)*reader->at;
		size_t n = 1;

		if (c == '"' || c == '\\')
			return true;
		if (c < 0x20)
			return refuse(
			    reader, "a control character in a string");
		if (c >= 0x80)
			n = k8s_utf8_sequence(
			    reader->at, (size_t)(reader->end - reader->at));
		if (n == 0)
			return refuse(reader, "not UTF-8");
		reader->at += n;
	}
	return refuse(reader, "a string is not closed");
}

/* At the quote; *text is borrowed until the next string is read. */
static bool
string_read(struct reader *reader, const char **text, size_t *length)
{
	const char *from = ++reader->at;

	if (!plain_read(reader))
		return false;
	if (*reader->at == '"') {
		*text = from;
		*length = (size_t)(reader->at++ - from);
		return true;
	}
	k8s_buffer_clear(&reader->text);
	for (;;) {
		if (!k8s_buffer_add(
			&reader->text, from, (size_t)(reader->at - from)))
			return out_of_memory(reader);
		if (*reader->at++ == '"')
			break;
		if (!escape_read(reader))
			return false;
		from = reader->at;
		if (!plain_read(reader))
			return false;
	}
	*text = reader->text.data;
	*length = reader->text.length;
	return true;
}

static bool
member_read(struct reader *reader, struct json_object *object)
{
	K8S_CLEANUP(k8s_json_putp) struct json_object *name = NULL;
	K8S_CLEANUP(k8s_json_putp) struct json_object *value = NULL;
	const char *text;
	size_t length;

	if (next(reader) != '"')
		return refuse(reader, "a key in double quotes was expected");
	const char *key_at = reader->at;
	if (!string_read(reader, &text, &length))
		return false;
	name = json_object_new_string_len(text, (int)length);
	if (name == NULL)
		return out_of_memory(reader);
	const char *key = json_object_get_string(name);
	if (json_object_object_get_ex(object, key, NULL)) {
		reader->at = key_at;
		return refuse(reader, "a key appears twice in its object");
	}
	if (next(reader) != ':')
		return refuse(reader, "\":\" was expected");
	reader->at++;
	if (!value_read(reader, &value))
		return false;
	if (json_object_object_add_ex(
		object, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW) != 0)
		return out_of_memory(reader);
	value = NULL;
	return true;
}

static bool
element_read(struct reader *reader, struct json_object *array)
{
	K8S_CLEANUP(k8s_json_putp) struct json_object *value = NULL;

	if (!value_read(reader, &value))
		return false;
	if (json_object_array_add(array, value) != 0)
		return out_of_memory(reader);
	value = NULL;
	return true;
}

/* An object or an array: both are lists between brackets. */
static bool
list_read(struct reader *reader, struct json_object *list, char close,
    bool (*one)(struct reader *, struct json_object *))
{
	if (list == NULL)
		return out_of_memory(reader);
	if (reader->depth_left == 0)
		return refuse(reader, "nested too deeply");
	reader->depth_left--;
	reader->at++;
	if (next(reader) == close) {
		reader->at++;
		reader->depth_left++;
		return true;
	}
	for (;;) {
		if (!one(reader, list))
			return false;
		char c = next(reader);
		if (c != ',' && c != close)
			return refuse(reader,
			    close == '}' ? "\",\" or \"}\" was expected"
					 : "\",\" or \"]\" was expected");
		reader->at++;
		if (c == close)
			break;
	}
	reader->depth_left++;
	return true;
}

static bool
digits_skip(struct reader *reader)
{
	const char *from = reader->at;

	while (reader->at < reader->end && *reader->at >= '0' &&
	       *reader->at <= '9')
		reader->at++;
	return reader->at > from;
}

static bool
skip(struct reader *reader, const char *any)
{
	if (reader->at == reader->end || *reader->at == '\0' ||
	    strchr(any, *reader->at) == NULL)
		return false;
	reader->at++;
	return true;
}

/* Passes one number by RFC 8259's grammar. */
static bool
number_skip(struct reader *reader, bool *whole)
{
	skip(reader, "-");
	if (!skip(reader, "0") && !digits_skip(reader))
		return refuse(reader, "no JSON value");
	*whole = true;
	if (skip(reader, ".")) {
		*whole = false;
		if (!digits_skip(reader))
			return refuse(reader, "a digit was expected");
	}
	if (skip(reader, "eE")) {
		*whole = false;
		skip(reader, "+-");
		if (!digits_skip(reader))
			return refuse(reader, "a digit was expected");
	}
	return true;
}

/* By json-c, since strtod() would follow the locale. `text` ends with NUL. */
static struct json_object *
double_of(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();

	if (tokener == NULL)
		return NULL;
	struct json_object *value =
	    json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	json_tokener_free(tokener);
	return value;
}

static bool
number_read(struct reader *reader, struct json_object **value)
{
	char text[NUMBER_MAX + 1];
	const char *from = reader->at;
	bool whole;

	if (!number_skip(reader, &whole))
		return false;
	size_t length = (size_t)(reader->at - from);
	if (length > NUMBER_MAX)
		return refuse(reader, "a number is too long");
	memcpy(text, from, length);
	text[length] = '\0';
	if (!whole) {
		*value = double_of(text);
		if (*value == NULL)
			return out_of_memory(reader);
		return isfinite(json_object_get_double(*value)) ||
		       refuse(reader, "a number is out of range");
	}
	errno = 0;
	long long number = strtoll(text, NULL, 10);
	if (errno == ERANGE)
		return refuse(reader, "an integer is out of range");
	*value = json_object_new_int64(number);
	return *value != NULL || out_of_memory(reader);
}

static bool
word_skip(struct reader *reader, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(reader->end - reader->at) < length ||
	    memcmp(reader->at, word, length) != 0)
		return refuse(reader, "no JSON value");
	reader->at += length;
	return true;
}

static bool
truth_read(struct reader *reader, bool truth, struct json_object **value)
{
	if (!word_skip(reader, truth ? "true" : "false"))
		return false;
	*value = json_object_new_boolean(truth);
	return *value != NULL || out_of_memory(reader);
}

static bool
text_read(struct reader *reader, struct json_object **value)
{
	const char *text;
	size_t length;

	if (!string_read(reader, &text, &length))
		return false;
	*value = json_object_new_string_len(text, (int)length);
	return *value != NULL || out_of_memory(reader);
}

/* *value is the caller's also on failure; JSON null is NULL. */
static bool
value_read(struct reader *reader, struct json_object **value)
{
	if (reader->values_left-- == 0) {
		reader->values_left = 0;
		return refuse(reader, "it has too many values");
	}
	switch (next(reader)) {
	case '{':
		*value = json_object_new_object();
		return list_read(reader, *value, '}', member_read);
	case '[':
		*value = json_object_new_array();
		return list_read(reader, *value, ']', element_read);
	case '"':
		return text_read(reader, value);
	case 't':
		return truth_read(reader, true, value);
	case 'f':
		return truth_read(reader, false, value);
	case 'n':
		return word_skip(reader, "null");
	default:
		return number_read(reader, value);
	}
}

static struct json_object *
document_read(struct reader *reader)
{
	K8S_CLEANUP(k8s_json_putp) struct json_object *value = NULL;

	if (!value_read(reader, &value))
		return NULL;
	next(reader);
	if (reader->at != reader->end) {
		refuse(reader, "something follows the value");
		return NULL;
	}
	if (value == NULL) {
		k8s_error_set(reader->error, "the value is null");
		return NULL;
	}
	struct json_object *taken = value;
	value = NULL;
	return taken;
}

static struct json_object *
json_parse(const char *text, size_t length, int depth_max, size_t values_max,
    bool nul_replaced, struct k8s_error *error)
{
	struct reader reader = {
		.start = text,
		.at = text,
		.end = text + length,
		.depth_left = depth_max,
		.values_left = values_max,
		.nul_replaced = nul_replaced,
		.text = k8s_buffer_of(length),
		.error = error,
	};

	if (length > INT_MAX) {
		k8s_error_set(error, "JSON of more than 2 GiB");
		return NULL;
	}
	struct json_object *value = document_read(&reader);
	k8s_buffer_done(&reader.text);
	return value;
}

struct json_object *
k8s_json_parse(
    const char *text, size_t length, int depth_max, struct k8s_error *error)
{
	return json_parse(
	    text, length, depth_max, K8S_JSON_VALUES_MAX, false, error);
}

struct json_object *
k8s_json_parse_answer(const char *text, size_t length, struct k8s_error *error)
{
	return json_parse(text, length, K8S_JSON_DEPTH, SIZE_MAX, true, error);
}
