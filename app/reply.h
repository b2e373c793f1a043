/*
 * One answer, built in memory and written only when it is complete. Functions
 * that end a request return its status, so that a handler's failures read
 *
 *	return reply_problem(reply, HTTP_NOT_FOUND, "sandbox %s ...", id);
 */
#ifndef REPLY_H
#define REPLY_H

#include "http.h"

#include <stdbool.h>
#include <stddef.h>

struct json_object;

#define REPLY_HEADERS_MAX 4
#define REPLY_CAUSE_MAX   1024
#define REPLY_TEXT_MAX    (64u << 20) /* bytes of a body */

struct reply {
	const char *request_id; /* borrowed; stands in problems */
	enum http_status status;
	const char *content_type;
	char *text; /* body; owned */
	size_t length, capacity;
	struct {
		const char *name;
		char value[192];
	} headers[REPLY_HEADERS_MAX];
	size_t header_count;
	char cause[REPLY_CAUSE_MAX]; /* why it failed, for the log */
};

void
reply_init(struct reply *reply, const char *request_id);
void
reply_done(struct reply *reply);

/* Forgets the headers of an answer that was not given after all. */
void
reply_clear_headers(struct reply *reply);

/* A header; its value is cut at the size of the field. */
__attribute__((format(printf, 3, 4))) void
reply_header(struct reply *reply, const char *name, const char *format, ...);

/* Ends with `body`, consumed; NULL = out of memory, a 503. */
enum http_status
reply_json(
    struct reply *reply, enum http_status status, struct json_object *body);

/*
 * For a long body: pieces of JSON text appended one by one, then reply_text().
 * false = no memory or over REPLY_TEXT_MAX; the handler then returns
 * reply_no_memory().
 */
bool
reply_append(struct reply *reply, const char *text, size_t length);
/* Appends the text of `value` and consumes it. */
bool
reply_append_json(struct reply *reply, struct json_object *value);
enum http_status
reply_text(struct reply *reply, enum http_status status);

/* RFC 9457 problem; the detail is also the cause in the log. */
__attribute__((format(printf, 3, 4))) enum http_status
reply_problem(
    struct reply *reply, enum http_status status, const char *format, ...);

/* Which fields of a request break their rule; begins zeroed. */
struct reply_errors {
	struct json_object *list; /* of {field, message} */
	bool failed;              /* out of memory */
};

/* Adds a field with the rule that it breaks; a NULL rule adds nothing. */
void
reply_errors_add(
    struct reply_errors *errors, const char *field, const char *rule);

/* HTTP_OK when there are none, else a 422 that names them all; empties them. */
enum http_status
reply_errors(struct reply *reply, struct reply_errors *errors);

/* The 422 of a single field. */
enum http_status
reply_invalid(struct reply *reply, const char *field, const char *rule);

enum http_status
reply_no_memory(struct reply *reply);

#endif
