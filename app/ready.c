#include "probe.h"

#include "app.h"
#include "clock.h"
#include "cluster.h"
#include "fault.h"
#include "k8s.h"
#include "reply.h"
#include "settings.h"
#include "shared.h"
#include "text.h"
#include "tree.h"

#include <string.h>

#define READY_FRESH_MS   1000 /* a result serves everybody for this long */
#define READY_TIMEOUT_MS 2000 /* a probe must not hang with the API server */
#define RETRY_AFTER_S    2

/* The rights without which a request would fail; conf/rbac.yaml has them. */
static const struct right {
	const char *resource, *verb;
} rights[] = {
	{ "pods", "get" },
	{ "pods", "list" },
	{ "pods", "create" },
	{ "pods", "delete" },
	{ "pods", "patch" },
	{ "services", "get" },
	{ "services", "list" },
	{ "services", "create" },
	{ "services", "delete" },
};

#define RIGHTS (sizeof(rights) / sizeof(rights[0]))

static int64_t
now_ms(void)
{
	return clock_us() / 1000;
}

static struct json_object *
review(const struct right *right, const char *ns)
{
	return MAP({ "apiVersion", TEXT("authorization.k8s.io/v1") },
	    { "kind", TEXT("SelfSubjectAccessReview") },
	    { "spec", MAP({ "resourceAttributes",
			  MAP({ "namespace", TEXT(ns) },
			      { "verb", TEXT(right->verb) },
			      { "resource", TEXT(right->resource) }) }) });
}

/* HTTP_OK, or the status of the problem put into the reply. */
static enum http_status
judge(struct reply *reply, const struct app *app, const struct k8s_call *calls)
{
	const char *ns = app->settings->kubernetes.namespace_name;

	for (size_t i = 0; i < RIGHTS; i++) {
		if (calls[i].fault.kind != K8S_FAULT_NONE) {
			reply_fault(reply, app, &calls[i]);
			return HTTP_UNAVAILABLE;
		}
		if (!k8s_json_bool(calls[i].object, "status.allowed", false)) {
			reply_problem(reply, HTTP_UNAVAILABLE,
			    "Kubernetes does not let us %s %s in namespace "
			    "\"%s\"; grant it as in rbac.yaml",
			    rights[i].verb, rights[i].resource, ns);
			return HTTP_UNAVAILABLE;
		}
	}
	return HTTP_OK;
}

/* Asks the API server; the reply's cause says what is wrong. */
static enum http_status
check(struct app *app, struct reply *reply)
{
	struct k8s_call calls[RIGHTS] = { 0 };
	const struct timespec deadline = k8s_deadline_in(READY_TIMEOUT_MS);
	bool built = true;

	_Static_assert(RIGHTS <= K8S_CALLS_MAX, "one round must do");
	for (size_t i = 0; i < RIGHTS; i++) {
		calls[i].verb = K8S_CREATE;
		calls[i].resource = &k8s_self_subject_access_reviews;
		calls[i].body = review(
		    &rights[i], app->settings->kubernetes.namespace_name);
		built = built && calls[i].body != NULL;
	}
	if (built)
		(void)k8s_perform(app->k8s, calls, RIGHTS, &deadline);

	enum http_status status =
	    built ? judge(reply, app, calls) : reply_no_memory(reply);

	for (size_t i = 0; i < RIGHTS; i++) {
		k8s_json_putp(&calls[i].body);
		k8s_call_done(&calls[i]);
	}
	return status;
}

/* Copies the last result while nobody writes it; false = none to be had. */
static bool
cache_read(struct ready_cache *cache, int64_t oldest_ms,
    enum http_status *status, char cause[READY_TEXT_MAX])
{
	for (int tries = 0; tries < 100; tries++) {
		uint64_t version = atomic_load(&cache->version);
		int64_t checked_ms = atomic_load(&cache->checked_ms);

		*status = cache->status;
		memcpy(cause, cache->cause, READY_TEXT_MAX);
		atomic_thread_fence(memory_order_acquire);
		if (version % 2 == 0 && version == atomic_load(&cache->version))
			return checked_ms != 0 && checked_ms >= oldest_ms;
	}
	return false; /* its writer was killed half-way: ask ourselves */
}

static void
cache_write(
    struct ready_cache *cache, enum http_status status, const char *cause)
{
	uint64_t version = atomic_load(&cache->version) | 1;

	atomic_store(&cache->version, version);
	cache->status = status;
	text_copy(cache->cause, sizeof(cache->cause), cause);
	atomic_store(&cache->checked_ms, now_ms());
	atomic_store(&cache->version, version + 1);
}

/* Whether this worker is the one to ask now; others use the last result. */
static bool
is_our_turn(struct ready_cache *cache)
{
	int64_t now = now_ms();
	int64_t taken = atomic_load(&cache->refreshing_ms);

	return now - taken >= READY_FRESH_MS &&
	       atomic_compare_exchange_strong(
		   &cache->refreshing_ms, &taken, now);
}

enum http_status
probe_ready(struct app *app, const struct request *request, struct reply *reply)
{
	struct ready_cache *cache = &app->shared->ready;
	const int64_t still_good_ms =
	    now_ms() - READY_FRESH_MS - READY_TIMEOUT_MS;
	char cause[READY_TEXT_MAX];
	enum http_status status;

	(void)request;
	if (is_our_turn(cache) ||
	    !cache_read(cache, still_good_ms, &status, cause)) {
		status = check(app, reply);
		TEXT_COPY(cause, reply->cause);
		cache_write(cache, status, cause);
		reply_clear_headers(reply);
	}
	if (status == HTTP_OK)
		return reply_json(
		    reply, HTTP_OK, MAP({ "status", TEXT("ready") }));
	reply_header(reply, "Retry-After", "%d", RETRY_AFTER_S);
	return reply_problem(reply, HTTP_UNAVAILABLE, "not ready: %s", cause);
}
