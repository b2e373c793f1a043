#include "http.h"

#include <stddef.h>
#include <string.h>

const char *
http_status_title(enum http_status status)
{
	/* titles: RFC 9110 */
	switch (status) {
	case HTTP_OK:
		return "OK";
	case HTTP_CREATED:
		return "Created";
	case HTTP_BAD_REQUEST:
		return "Bad Request";
	case HTTP_NOT_FOUND:
		return "Not Found";
	case HTTP_METHOD_NOT_ALLOWED:
		return "Method Not Allowed";
	case HTTP_CONFLICT:
		return "Conflict";
	case HTTP_CONTENT_TOO_LARGE:
		return "Content Too Large";
	case HTTP_UNSUPPORTED_MEDIA_TYPE:
		return "Unsupported Media Type";
	case HTTP_UNPROCESSABLE:
		return "Unprocessable Content";
	case HTTP_TOO_MANY_REQUESTS:
		return "Too Many Requests";
	case HTTP_INTERNAL_ERROR:
		return "Internal Server Error";
	case HTTP_BAD_GATEWAY:
		return "Bad Gateway";
	case HTTP_UNAVAILABLE:
		return "Service Unavailable";
	case HTTP_GATEWAY_TIMEOUT:
		return "Gateway Timeout";
	}
	return "Error";
}

const struct http_method_name http_method_names[HTTP_METHOD_NAMES] = {
	{ "GET", HTTP_GET },
	{ "HEAD", HTTP_GET },
	{ "POST", HTTP_POST },
	{ "DELETE", HTTP_DELETE },
};

enum http_method
http_method_of(const char *name)
{
	for (size_t i = 0; i < HTTP_METHOD_NAMES; i++)
		if (strcmp(name, http_method_names[i].name) == 0)
			return http_method_names[i].method;
	return HTTP_OTHER;
}
