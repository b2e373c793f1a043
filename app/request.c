#include "request.h"

#include "reply.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *
parameter_get(char *const *parameters, const char *name)
{
	size_t length = strlen(name);

	for (; *parameters != NULL; parameters++)
		if (strncmp(*parameters, name, length) == 0 &&
		    (*parameters)[length] == '=')
			return *parameters + length + 1;
	return "";
}

/* Digits alone: strtoul would take "-1", " 1" and "1x". */
static bool
parse_length(const char *text, size_t *length)
{
	size_t value = 0;

	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text) || value > SIZE_MAX / 10 - 1)
			return false;
		value = value * 10 + (size_t)(*text - '0');
	}
	*length = value;
	return true;
}

/* nginx's $msec: seconds since the epoch with milliseconds. */
static double
seconds_since(const char *msec)
{
	struct timespec now;
	char *end;
	double then = strtod(msec, &end);

	if (end == msec || *end != '\0')
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);

	double waited = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - then;

	/* A clock that was set meanwhile must not fail requests. */
	return waited >= 0 && waited <= 3600 ? waited : 0;
}

/* An id goes into annotations, headers and the log: keep it harmless. */
static void
copy_id(char id[REQUEST_ID_MAX], const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length >= REQUEST_ID_MAX ||
	    strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_") != length) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		snprintf(id, REQUEST_ID_MAX, "local-%lx%lx-%lx",
		    (unsigned long)now.tv_sec, (unsigned long)now.tv_nsec,
		    (unsigned long)random());
		return;
	}
	memcpy(id, text, length + 1);
}

enum http_status
request_init(
    struct request *request, char *const *parameters, struct reply *reply)
{
	*request = (struct request){
		.method_name = parameter_get(parameters, "REQUEST_METHOD"),
		.path = parameter_get(parameters, "DOCUMENT_URI"),
		.query = parameter_get(parameters, "QUERY_STRING"),
		.content_type = parameter_get(parameters, "CONTENT_TYPE"),
		.key_name = parameter_get(parameters, "API_KEY_NAME"),
		.queued_s =
		    seconds_since(parameter_get(parameters, "QUEUED_AT")),
	};
	request->method = http_method_of(request->method_name);
	copy_id(request->id, parameter_get(parameters, "REQUEST_ID"));
	reply_init(reply, request->id);

	if (!parse_length(parameter_get(parameters, "CONTENT_LENGTH"),
		&request->body_length))
		return reply_problem(
		    reply, HTTP_BAD_REQUEST, "Content-Length must be a number");
	if (request->body_length > REQUEST_BODY_MAX)
		return reply_problem(reply, HTTP_CONTENT_TOO_LARGE,
		    "the body has %zu bytes; at most %zu are taken",
		    request->body_length, REQUEST_BODY_MAX);
	return HTTP_OK;
}

enum http_status
request_read_body(struct request *request, request_reader *reader, void *source,
    struct reply *reply)
{
	size_t length = 0;

	request->body = malloc(request->body_length + 1);
	if (request->body == NULL)
		return reply_no_memory(reply);
	while (length < request->body_length) {
		size_t got = reader(source, request->body + length,
		    request->body_length - length);

		if (got == 0)
			return reply_problem(reply, HTTP_BAD_REQUEST,
			    "the body ended after %zu of %zu bytes", length,
			    request->body_length);
		length += got;
	}
	request->body[length] = '\0';
	return HTTP_OK;
}

void
request_done(struct request *request)
{
	free(request->body);
	request->body = NULL;
}

static int
hex_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = (char)tolower((unsigned char)digit);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Percent-decoding; false when it does not fit or is not printable ASCII. */
static bool
decode(const char *text, size_t length, char *value, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		int byte = (unsigned char)text[i];

		if (byte == '+') {
			byte = ' ';
		} else if (byte == '%') {
			if (i + 2 >= length || hex_of(text[i + 1]) < 0 ||
			    hex_of(text[i + 2]) < 0)
				return false;
			byte = hex_of(text[i + 1]) * 16 + hex_of(text[i + 2]);
			i += 2;
		}
		if (byte < ' ' || byte >= 0x7f || used + 1 >= size)
			return false;
		value[used++] = (char)byte;
	}
	value[used] = '\0';
	return true;
}

bool
request_query(
    const struct request *request, const char *name, char *value, size_t size)
{
	size_t wanted = strlen(name);

	for (const char *at = request->query; *at != '\0';) {
		size_t length = strcspn(at, "&");

		if (length > wanted && strncmp(at, name, wanted) == 0 &&
		    at[wanted] == '=') {
			if (!decode(at + wanted + 1, length - wanted - 1, value,
				size))
				value[0] = '\0';
			return true;
		}
		at += length + (at[length] == '&');
	}
	return false;
}
