/*
 * The words of HTTP that the program uses.
 */
#ifndef HTTP_H
#define HTTP_H

enum http_method {
	HTTP_GET = 1 << 0, /* HEAD as well: nginx drops the body */
	HTTP_POST = 1 << 1,
	HTTP_DELETE = 1 << 2,
	HTTP_OTHER = 1 << 3
};

enum http_status {
	HTTP_OK = 200,
	HTTP_CREATED = 201,
	HTTP_BAD_REQUEST = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_METHOD_NOT_ALLOWED = 405,
	HTTP_CONFLICT = 409,
	HTTP_CONTENT_TOO_LARGE = 413,
	HTTP_UNSUPPORTED_MEDIA_TYPE = 415,
	HTTP_UNPROCESSABLE = 422,
	HTTP_TOO_MANY_REQUESTS = 429,
	HTTP_INTERNAL_ERROR = 500,
	HTTP_BAD_GATEWAY = 502,
	HTTP_UNAVAILABLE = 503,
	HTTP_GATEWAY_TIMEOUT = 504
};

/* "Not Found"; "Error" for a code that is not listed above. */
const char *
http_status_title(enum http_status status);

/* What the program calls methods by. */
struct http_method_name {
	const char *name;
	enum http_method method;
};
#define HTTP_METHOD_NAMES 4
extern const struct http_method_name http_method_names[HTTP_METHOD_NAMES];

/* The method by its name, exactly as it stands in the request line. */
enum http_method
http_method_of(const char *name);

#endif
