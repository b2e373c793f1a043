#include "pause.h"

#include "k8s.h"

bool
pause_until(struct pause *pause, const struct timespec *deadline)
{
	long left_ms = k8s_deadline_left_ms(deadline);
	long ms = pause->next_ms == 0 ? PAUSE_FIRST_MS : pause->next_ms;

	if (left_ms == 0)
		return false;
	if (ms > left_ms)
		ms = left_ms;

	struct timespec until = k8s_deadline_in(ms);

	/* A signal may wake us early: the caller looks again a bit sooner. */
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	pause->next_ms =
	    ms * 3 / 2 > PAUSE_LAST_MS ? PAUSE_LAST_MS : ms * 3 / 2;
	return true;
}
