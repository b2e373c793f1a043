#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static enum log_level threshold = LOG_LEVEL_INFO;
static bool plain;

void
log_set_level(enum log_level level)
{
	threshold = level;
}

void
log_set_plain(void)
{
	plain = true;
}

/* One write(2) a line, so that lines of several processes never mix. */
__attribute__((format(printf, 2, 0))) static void
write_line(enum log_level level, const char *format, va_list arguments)
{
	/* RFC 5424: error 3, warning 4, informational 6 */
	static const char *const priority[] = { "<3>", "<4>", "<6>" };
	char line[LINE_MAX_BYTES];

	if (level > threshold)
		return;
	memcpy(line, priority[level], 3);

	const size_t room = sizeof(line) - 4; /* priority and newline */
	int length = vsnprintf(line + 3, room, format, arguments);

	if (length < 0)
		return;

	size_t end = 3 + ((size_t)length < room ? (size_t)length : room - 1);

	for (size_t i = 3; i < end; i++)
		if (line[i] < ' ' || line[i] > '~')
			line[i] = '?';
	line[end++] = '\n';
	const size_t start = plain ? 3 : 0;

	(void)!write(STDERR_FILENO, line + start, end - start);
}

#define DEFINE_LOG(name, level)                                                \
	void name(const char *format, ...)                                     \
	{                                                                      \
		va_list arguments;                                             \
                                                                               \
		va_start(arguments, format);                                   \
		write_line(level, format, arguments);                          \
		va_end(arguments);                                             \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warn, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
