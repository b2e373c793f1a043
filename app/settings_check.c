#include "settings_check.h"

#include "path.h"
#include "template.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define LOWER_ALNUM "abcdefghijklmnopqrstuvwxyz0123456789"

static bool
has_control(const char *value)
{
	for (; *value != '\0'; value++)
		if (iscntrl((unsigned char)*value))
			return true;
	return false;
}

const char *
check_text(const char *value, char scratch[SETTINGS_SCRATCH])
{
	(void)scratch;
	return has_control(value) ? "must not hold control characters" : NULL;
}

const char *
check_file(const char *value, char scratch[SETTINGS_SCRATCH])
{
	if (value[0] != '/') {
		snprintf(scratch, SETTINGS_SCRATCH,
		    "\"%.200s\" is not an absolute path: begin it with \"/\"",
		    value);
		return scratch;
	}
	return check_text(value, scratch);
}

const char *
check_socket(const char *value, char scratch[SETTINGS_SCRATCH])
{
	const size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);

	if (strlen(value) >= room) {
		snprintf(scratch, SETTINGS_SCRATCH,
		    "a socket's path has at most %zu bytes, this has %zu",
		    room - 1, strlen(value));
		return scratch;
	}
	return check_file(value, scratch);
}

const char *
check_host_path(const char *value, char scratch[SETTINGS_SCRATCH])
{
	const char *wrong = check_file(value, scratch);

	if (wrong != NULL)
		return wrong;
	if (!path_is_canonical(value))
		return "must be canonical: no \"//\", \".\", \"..\" and no "
		       "slash at the end";
	if (value[1] == '\0')
		return "must not be \"/\": name a directory below it";
	return strchr(value, ':') == NULL ? NULL : "must not hold a \":\"";
}

static const char *
check_placeholders(const char *value, char scratch[SETTINGS_SCRATCH])
{
	const char *bad;
	int length;

	if (template_check(value, &bad, &length))
		return NULL;
	snprintf(scratch, SETTINGS_SCRATCH,
	    "unknown placeholder \"%.*s\": there are {user_id}, {thread_id} "
	    "and {sandbox_id}",
	    length > 64 ? 64 : length, bad);
	return scratch;
}

const char *
check_host_template(const char *value, char scratch[SETTINGS_SCRATCH])
{
	const char *wrong = check_host_path(value, scratch);

	return wrong != NULL ? wrong : check_placeholders(value, scratch);
}

const char *
check_subpath(const char *value, char scratch[SETTINGS_SCRATCH])
{
	char rooted[SETTINGS_SCRATCH];

	snprintf(rooted, sizeof(rooted), "/%s", value);
	if (value[0] == '/' || !path_is_canonical(rooted))
		return "must be a relative path inside the claim, without "
		       "\"//\", \".\", \"..\" or a slash at the end";
	return check_placeholders(value, scratch);
}

static bool
is_dns_label(const char *text, size_t length)
{
	return length >= 1 && length <= 63 && text[0] != '-' &&
	       text[length - 1] != '-' &&
	       strspn(text, LOWER_ALNUM "-") >= length;
}

const char *
check_dns_label(const char *value, char scratch[SETTINGS_SCRATCH])
{
	(void)scratch;
	return is_dns_label(value, strlen(value))
		   ? NULL
		   : "must be 1 to 63 of a-z, 0-9 and \"-\", with a letter or "
		     "digit "
		     "at both ends";
}

const char *
check_dns_name(const char *value, char scratch[SETTINGS_SCRATCH])
{
	bool good = strlen(value) <= 253;

	(void)scratch;
	for (const char *label = value; good;) {
		size_t length = strcspn(label, ".");

		good = is_dns_label(label, length);
		if (label[length] == '\0')
			break;
		label += length + 1;
	}
	return good ? NULL
		    : "must be a Kubernetes name: a-z, 0-9, \"-\" and \".\", "
		      "with a letter or digit at both ends";
}

const char *
check_image(const char *value, char scratch[SETTINGS_SCRATCH])
{
	(void)scratch;
	return value[strcspn(value, " \t\r\n\"'")] == '\0' &&
		       !has_control(value)
		   ? NULL
		   : "must be an image reference without blanks or quotes";
}

const char *
check_host(const char *value, char scratch[SETTINGS_SCRATCH])
{
	size_t length = strlen(value);

	(void)scratch;
	if (length > 253)
		return "a host name has at most 253 characters";
	if (value[0] == '[' && value[length - 1] == ']' &&
	    strspn(value + 1, "0123456789abcdefABCDEF:.") == length - 2)
		return NULL;
	if (value[strspn(value, LOWER_ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_")] ==
	    '\0')
		return NULL;
	return "must be a host name or address without scheme, port or path "
	       "(an IPv6 address in brackets)";
}

const char *
check_url(const char *value, char scratch[SETTINGS_SCRATCH])
{
	(void)scratch;
	if (strncmp(value, "https://", 8) != 0 &&
	    strncmp(value, "http://", 7) != 0)
		return "must begin with \"https://\"";
	return value[strcspn(value, " \t\r\n\"'@?#")] == '\0' &&
		       !has_control(value)
		   ? NULL
		   : "must be only https://HOST[:PORT][/PATH]";
}

const char *
check_unsupported(const char *value, char scratch[SETTINGS_SCRATCH])
{
	(void)value;
	(void)scratch;
	return "is not supported by this version: leave it unset";
}
