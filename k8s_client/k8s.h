/*
 * A synchronous Kubernetes client: configuration, calls, and reading objects.
 *
 * The library never logs, never exits, never touches stdin, stdout or signals
 * and keeps no global state besides curl_global_init(). Every failure comes
 * back with a sentence. A client belongs to one process and one thread; make it
 * after fork(), from a configuration that may be loaded before.
 *
 * Ownership: inputs are borrowed, outputs are the caller's; *_done empties a
 * struct that the caller holds, *_free frees and returns NULL so that one line
 * can do both: `client = k8s_client_free(client);`. Both accept NULL.
 */
#ifndef K8S_H
#define K8S_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct json_object;

/* A variable that is emptied where its block ends. */
#define K8S_CLEANUP(fn) __attribute__((cleanup(fn)))

/* ---- Errors ------------------------------------------------------------ */

#define K8S_MESSAGE_MAX 1024 /* bytes of a sentence, terminator included */

/* Why something that is not a call failed, as a sentence without a newline. */
struct k8s_error {
	char message[K8S_MESSAGE_MAX];
	const char *option; /* of k8s_config_load(): the field of the options
			     * that is to blame, by name; else NULL */
};

enum k8s_fault_kind {
	K8S_FAULT_NONE = 0,
	K8S_FAULT_STATUS,      /* the API server answered, and said no */
	K8S_FAULT_UNREACHABLE, /* no connection, or it broke */
	K8S_FAULT_TLS,         /* handshake or verification failed */
	K8S_FAULT_TIMEOUT,     /* the deadline passed first */
	K8S_FAULT_CREDENTIAL,  /* our own credential could not be had */
	K8S_FAULT_PROTOCOL,    /* the answer is not what an API server says */
	K8S_FAULT_MEMORY,      /* out of memory */
	K8S_FAULT__MAX
};

/*
 * metav1.StatusReason, those that a caller may want to tell apart:
 * k8s.io/apimachinery/pkg/apis/meta/v1/types.go.
 */
enum k8s_reason {
	K8S_REASON_UNKNOWN = 0, /* absent, or one not listed here */
	K8S_REASON_UNAUTHORIZED,
	K8S_REASON_FORBIDDEN,
	K8S_REASON_NOT_FOUND,
	K8S_REASON_ALREADY_EXISTS,
	K8S_REASON_CONFLICT,
	K8S_REASON_GONE,
	K8S_REASON_INVALID,
	K8S_REASON_SERVER_TIMEOUT,
	K8S_REASON_TIMEOUT,
	K8S_REASON_TOO_MANY_REQUESTS,
	K8S_REASON_BAD_REQUEST,
	K8S_REASON_METHOD_NOT_ALLOWED,
	K8S_REASON_INTERNAL_ERROR,
	K8S_REASON_EXPIRED,
	K8S_REASON_SERVICE_UNAVAILABLE,
	K8S_REASON__MAX
};

/* What went wrong with one call. `kind` NONE means the call succeeded. */
struct k8s_fault {
	enum k8s_fault_kind kind;
	int http;               /* HTTP code, 0 when there was no answer */
	enum k8s_reason reason; /* of the server's Status */
	int retry_after_s;      /* Retry-After or details, 0 = not said */
	bool maybe_done;        /* a write left, its answer did not arrive */
	char message[K8S_MESSAGE_MAX]; /* the server's, or our sentence */
};

/* ---- Configuration ----------------------------------------------------- */

/* Where the cluster is and who we are. Immutable once loaded. */
struct k8s_config;

struct k8s_config_options {
	const char *kubeconfig;  /* file; NULL = KUBECONFIG, ~/.kube/config */
	const char *context;     /* NULL = the file's current-context */
	const char *server;      /* replaces only the address; NULL = none */
	const char *server_name; /* name to verify at `server`; NULL = the
				  * file's own tls-server-name or host name */
	const char *ca_file;     /* replaces the file's CA; NULL = keep it */
	bool insecure;           /* do not verify the server at all */
	bool in_cluster;         /* use only the service account's files */
};

/*
 * Loads a kubeconfig: CA, client certificate, key and token as data or file,
 * tls-server-name, insecure-skip-tls-verify, contexts. `kubeconfig` NULL: the
 * file that KUBECONFIG names, else ~/.kube/config, else the in-cluster service
 * account. Relative file names count from the kubeconfig's folder. NULL on
 * failure, with the file, the field and the remedy in *error. What the file
 * asks for and we cannot do (exec plug-ins, proxy-url, ...) is such a failure.
 */
struct k8s_config *
k8s_config_load(
    const struct k8s_config_options *options, struct k8s_error *error);

struct k8s_config *
k8s_config_free(struct k8s_config *config);

/* "https://host:port", for messages; lives as long as the configuration. */
const char *
k8s_config_server(const struct k8s_config *config);

/*
 * The server's certificate is verified; false with insecure-skip-tls-verify,
 * whoever asked for it, and over plain http: anybody on the way can then read
 * the credentials.
 */
bool
k8s_config_is_verified(const struct k8s_config *config);

/* Where it was loaded from, for messages: a path or "in-cluster". */
const char *
k8s_config_source(const struct k8s_config *config);

/* ---- Calls ------------------------------------------------------------- */

/* A kind of object. Compare by address. */
struct k8s_resource {
	const char *path;   /* "/api/v1", "/apis/GROUP/VERSION" */
	const char *plural; /* "pods" */
	const char *kind;   /* "Pod" */
	bool namespaced;
};

extern const struct k8s_resource k8s_pods;
extern const struct k8s_resource k8s_services;
extern const struct k8s_resource k8s_namespaces;
extern const struct k8s_resource k8s_self_subject_access_reviews;

enum k8s_verb {
	K8S_GET,
	K8S_LIST,
	K8S_CREATE,
	K8S_DELETE,
	K8S_PATCH, /* JSON merge patch, RFC 7386 */
	K8S_VERB__MAX
};

/* "get", "list", ... as RBAC spells it. */
const char *
k8s_verb_name(enum k8s_verb verb);

/*
 * Takes one item of a LIST while it arrives; the item is freed after the call.
 * false stops the call as out of memory.
 */
typedef bool
k8s_item_fn(struct json_object *item, void *data);

/*
 * One call. Zero it, fill the inputs, perform it, read the outputs, then
 * k8s_call_done(). May be performed again after k8s_call_done().
 */
struct k8s_call {
	/* in, borrowed */
	enum k8s_verb verb;
	const struct k8s_resource *resource;
	const char *ns;           /* for a namespaced resource */
	const char *name;         /* for all but LIST and CREATE */
	const char *query;        /* after the "?", escaped already, or NULL */
	struct json_object *body; /* CREATE, PATCH; DELETE: DeleteOptions */
	k8s_item_fn *item; /* LIST: takes the items, which then are missing
			    * in `object`; NULL = they stay there */
	void *item_data;
	/* out */
	struct json_object *object; /* success: the answer; STATUS: the
				     * server's Status, or NULL */
	struct k8s_fault fault;
};

void
k8s_call_done(struct k8s_call *call);

/* A connection to the API server, kept alive between calls. */
struct k8s_client;

struct k8s_client_options {
	const char *user_agent; /* NULL = "k8s_client" */
	size_t response_max;    /* bytes of one answer, or of one item of
				 * a LIST with `item`; 0 = 8 MiB */
};

#define K8S_CALLS_MAX 16 /* most calls of one k8s_perform() */

/* `config` is borrowed and outlives the client. NULL with *error. */
struct k8s_client *
k8s_client_new(const struct k8s_config *config,
    const struct k8s_client_options *options, struct k8s_error *error);

struct k8s_client *
k8s_client_free(struct k8s_client *client);

/*
 * Performs `n` calls at once and returns when all have ended, at the latest at
 * `deadline` (CLOCK_MONOTONIC). true when every one succeeded; else each call's
 * own fault tells. Safe retries, each inside the deadline:
 *   - a kept connection that turns out to be dead: once, on a new one (GET,
 *     LIST, DELETE with a UID precondition; CREATE of a named object, whose
 *     second answer may then be ALREADY_EXISTS for the caller to look at);
 *   - 401: the credential is read again, once;
 *   - 429 with Retry-After: once, when it fits into half of the time left.
 */
bool
k8s_perform(struct k8s_client *client, struct k8s_call *calls, size_t n,
    const struct timespec *deadline);

/* HTTP requests sent so far, retries included: for logs and metrics. */
unsigned long
k8s_client_requests(const struct k8s_client *client);

/* ---- Deadlines --------------------------------------------------------- */

/* CLOCK_MONOTONIC now + `ms`. */
struct timespec
k8s_deadline_in(long ms);

/* Milliseconds until `deadline`, 0 when it has passed, at most INT_MAX. */
long
k8s_deadline_left_ms(const struct timespec *deadline);

/* ---- JSON, strictly ---------------------------------------------------- */

#define K8S_JSON_VALUES_MAX 2000 /* of a document for k8s_json_parse() */

/*
 * RFC 8259 and nothing else: one value, valid UTF-8, no duplicate keys, no
 * NaN, comments, single quotes, raw control characters or NUL in strings,
 * integers that fit int64, at most `depth_max` levels and K8S_JSON_VALUES_MAX
 * values: each costs far more memory than its text. A JSON null at the top is
 * refused as well. NULL with *error on failure.
 */
struct json_object *
k8s_json_parse(
    const char *text, size_t length, int depth_max, struct k8s_error *error);

/*
 * Readers that never coerce. `path` walks objects by "." and arrays by an
 * index: "status.containerStatuses.0.state". A key that itself holds dots is
 * written in brackets: "metadata.labels[app.kubernetes.io/name]". Absent, null
 * or of another type: NULL, or `fallback`. Results are borrowed from `object`.
 */
struct json_object *
k8s_json_find(struct json_object *object, const char *path);
struct json_object *
k8s_json_array(struct json_object *object, const char *path);
struct json_object *
k8s_json_map(struct json_object *object, const char *path);
const char *
k8s_json_string(struct json_object *object, const char *path);
long long
k8s_json_int(struct json_object *object, const char *path, long long fallback);
bool
k8s_json_bool(struct json_object *object, const char *path, bool fallback);

/* Items of the array at `path`; 0 when there is none. "" is `object` itself. */
size_t
k8s_json_length(struct json_object *object, const char *path);
/* The first item of the array whose text `key` is `value`, NULL = none. */
struct json_object *
k8s_json_item(struct json_object *object, const char *path, const char *key,
    const char *value);

/* For K8S_CLEANUP(k8s_json_putp) on a `struct json_object *`. */
void
k8s_json_putp(struct json_object **object);

#endif
