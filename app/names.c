#include "names.h"

#include <stdio.h>
#include <time.h>

struct object_names
names_of(const char *id)
{
	struct object_names names;

	snprintf(names.pod, sizeof(names.pod), "sandbox-%s", id);
	snprintf(names.service, sizeof(names.service), "sandbox-%s-svc", id);
	return names;
}

void
timestamp_now(char text[TIMESTAMP_MAX])
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(text, TIMESTAMP_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
