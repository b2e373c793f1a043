/*
 * One request as FastCGI parameters deliver it, checked.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "http.h"

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_BODY_MAX                                                       \
	((size_t)64 * 1024) /* bytes; nginx enforces the same */
#define REQUEST_ID_MAX 65

struct reply;

/* Texts borrow from the parameters. */
struct request {
	enum http_method method;
	const char *method_name;
	const char *path;         /* normalised by nginx, without query */
	const char *query;        /* without "?", never NULL */
	const char *content_type; /* never NULL */
	const char *key_name;     /* of the API key, "" when there is none */
	char id[REQUEST_ID_MAX];  /* of this request, for logs and answers */
	size_t body_length;       /* as announced */
	char *body;               /* owned; NULL until it was read */
	double queued_s;          /* time it waited for a worker */
};

/* Takes up to `size` bytes of the body; like read(2), 0 at the end. */
typedef size_t
request_reader(void *source, char *buffer, size_t size);

/*
 * Reads the parameters, "NAME=value" and NULL at the end. HTTP_OK, or the
 * status of the problem that was put into the reply.
 */
enum http_status
request_init(
    struct request *request, char *const *parameters, struct reply *reply);

/* Reads the whole body; HTTP_OK or the status of a problem. */
enum http_status
request_read_body(struct request *request, request_reader *reader, void *source,
    struct reply *reply);

void
request_done(struct request *request);

/*
 * The value of `name` in the query, percent-decoded into `value`. false when it
 * is absent; a value that is too long or not printable ASCII counts as
 * an empty one, which no filter accepts.
 */
bool
request_query(
    const struct request *request, const char *name, char *value, size_t size);

#endif
