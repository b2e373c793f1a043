/*
 * One line a message on stderr, with the syslog priority in front as systemd
 * reads it ("<4>text"). What is not printable ASCII becomes "?". Never pass a
 * secret.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

/* Messages above `level` are not written. Default: info. */
void
log_set_level(enum log_level level);

/* For a person at a terminal: no priority in front of the lines. */
void
log_set_plain(void);

#define LOG_FORMAT __attribute__((format(printf, 1, 2)))

LOG_FORMAT void
log_error(const char *format, ...);
LOG_FORMAT void
log_warn(const char *format, ...);
LOG_FORMAT void
log_info(const char *format, ...);

#endif
