/*
 * The calls that the program makes, in terms of sandboxes: which Pod, which
 * Service, what is ours, is there.
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "http.h"
#include "k8s.h"

#include <stdbool.h>

struct app;
struct reply;

/* What stands under one of our names. */
enum found {
	FOUND_UNKNOWN, /* the read failed */
	FOUND_ABSENT,  /* confirmed by the API server */
	FOUND_OURS,    /* carries both labels of the sandbox */
	FOUND_FOREIGN, /* somebody else's object: never touched */
};

/* The Pod and the Service of one id, read at the same time. */
struct pair {
	struct k8s_call pod_call, service_call;
	struct json_object *pod, *service; /* borrowed; NULL = absent */
	enum found pod_found, service_found;
};

#define PAIR_CLEANUP K8S_CLEANUP(pair_done)

/* HTTP_OK, or the status of the problem put into the reply. */
enum http_status
pair_read(
    struct pair *pair, struct app *app, const char *id, struct reply *reply);

/* Empties a pair that was zeroed or read; may then be read again. */
void
pair_done(struct pair *pair);

/* "metadata.uid"; "" when there is none. */
const char *
object_uid(struct json_object *object);

bool
object_is_terminating(struct json_object *object);

/* By creationTimestamp, whose grain is a second. */
bool
object_is_older(struct json_object *object, struct json_object *other);

/* The Service's owner is the Pod of this UID. */
bool
service_is_owned(struct json_object *service, const char *pod_uid);

/*
 * The same, or it has no owner at all, as DeerFlow's provisioner makes them.
 */
bool
service_belongs(struct json_object *service, const char *pod_uid);

/*
 * Creates the namespace; true when it is there now, whoever made it. The call
 * is the caller's to empty.
 */
bool
cluster_ensure_namespace(struct app *app, struct k8s_call *call);

/*
 * One call for an object of ours. `call` is zeroed or done before; its body is
 * borrowed.
 */
bool
cluster_create(struct app *app, struct k8s_call *call,
    const struct k8s_resource *resource, struct json_object *body);
bool
cluster_patch_pod(struct app *app, struct k8s_call *call, const char *id,
    struct json_object *patch);

/* Reads the Pod alone; UNKNOWN with the fault of `call`. */
enum found
cluster_find_pod(struct app *app, struct k8s_call *call, const char *id);

/*
 * Reads the Pod once more: *same = it is there and still the one of that UID.
 * What was read before it cannot belong to a Pod that is made after it.
 * HTTP_OK, or the status of the problem put into the reply.
 */
enum http_status
cluster_confirm_pod(struct app *app, const char *id, const char *uid,
    bool *same, struct reply *reply);

/*
 * Deletes what is named by its UID, both at once; a NULL object is left alone.
 * What is gone already, or has been replaced by another, counts as deleted.
 * HTTP_OK, or the status of the problem put into the reply.
 */
enum http_status
cluster_delete(struct app *app, const char *id, struct json_object *pod,
    struct json_object *service, struct reply *reply);

/*
 * Deletes the Pod if it still is at the resourceVersion of `pod`. true = gone;
 * false with the call's fault, CONFLICT when it has changed.
 */
bool
cluster_delete_unchanged(struct app *app, struct k8s_call *call, const char *id,
    struct json_object *pod);

#endif
