/*
 * The state of one POST, shared by the three files that carry it out:
 * create.c makes objects, existing.c judges what is there already, settle.c
 * decides what becomes of our Pod when its Service was refused.
 */
#ifndef CREATION_H
#define CREATION_H

#include "http.h"
#include "k8s.h"
#include "manifest.h"
#include "pause.h"
#include "spec.h"

#include <stdbool.h>
#include <time.h>

struct app;
struct json_object;
struct reply;

/* What to do next. */
enum step {
	STEP_POD,     /* create the Pod */
	STEP_SERVICE, /* create the Service of `pod` */
	STEP_LOOK,    /* see what is there */
	STEP_SETTLE,  /* the Service was refused: what becomes of the Pod? */
	STEP_END      /* the reply is complete */
};

struct creation {
	struct app *app;
	struct reply *reply;
	struct sandbox_spec spec;
	struct manifest_origin origin;
	struct json_object *pod; /* the Pod that we finish; owned */
	bool made_pod;           /* ... and that this request created */
	bool claim_tried;        /* the Pod may be ours without being made */
	bool namespace_tried;
	bool pod_retried, service_retried;
	int settles;
	bool time_extended;
	struct k8s_call refusal; /* of the Pod or of the Service */
	struct pause pause;
	struct timespec account_deadline; /* zero = not waiting for it */
	struct timespec maker_deadline;   /* of a Pod without Service */
	struct timespec terminate_deadline;
};

/* Keeps a reference to the Pod that this request is to finish. */
void
creation_own(struct creation *creation, struct json_object *pod, bool made);

/*
 * Pauses between two looks. A `deadline` of zero begins to run now, for `ms`;
 * false when it, or the request's own, has passed.
 */
bool
creation_wait(struct creation *creation, struct timespec *deadline, long ms);

/* Keeps why an object was refused, taken over from `call`. */
void
creation_keep_refusal(struct creation *creation, struct k8s_call *call);
/* Forgets it: what was there has changed. */
void
creation_forget_refusal(struct creation *creation);

/*
 * Once in a request: time to finish or to clean up, although its own is over.
 * nginx and the clients wait longer than our deadline.
 */
void
creation_extend_time(struct creation *creation);

/* Ends with a 409, "sandbox ID ...". */
enum step
creation_conflict(struct creation *creation, const char *why);

/* Ends with the sandbox that Pod and Service are: 200, or 201 + Location. */
enum step
creation_answer(struct creation *creation, enum http_status status,
    struct json_object *pod, struct json_object *service);

/* Carries the request id of this very request: we made or claimed it. */
bool
creation_is_mine(const struct creation *creation, struct json_object *object);

/* STEP_LOOK: one row of the table of interleavings a call. */
enum step
creation_look(struct creation *creation);

/* STEP_SETTLE: the Service of `pod` was refused with `refusal`. */
enum step
creation_settle(struct creation *creation);

#endif
