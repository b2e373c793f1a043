#include "base64.h"
#include "config.h"
#include "file.h"
#include "message.h"
#include "pem.h"
#include "yaml_read.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KUBECONFIG_MAX ((size_t)1 << 20)

/* One named entry of the file, for reading and for naming it in messages. */
struct entry {
	const char *path;    /* the file */
	const char *section; /* "clusters" */
	const char *name;
	struct json_object *map; /* its "cluster", "context" or "user" */
};

/* What other clients do with these fields and this one cannot. */
static const struct {
	const char *section, *field, *remedy;
} refused[] = {
	{ "clusters", "proxy-url", "connect without a proxy and remove it" },
	{ "users", "exec", "use a token, a token file or a certificate" },
	{ "users", "auth-provider",
	    "use a token, a token file or a "
	    "certificate" },
	{ "users", "username", "API servers dropped passwords, use a token" },
	{ "users", "password", "API servers dropped passwords, use a token" },
	{ "users", "as", "give the user its own credential" },
	{ "users", "as-uid", "give the user its own credential" },
	{ "users", "as-groups", "give the user its own credential" },
	{ "users", "as-user-extra", "give the user its own credential" },
};

/* ---- Fields ------------------------------------------------------------- */

static bool
complain(const struct entry *entry, const char *field, const char *why,
    struct k8s_error *error)
{
	k8s_error_set(error, "kubeconfig %s: %s of \"%s\" in %s %s",
	    entry->path, field, entry->name, entry->section, why);
	return false;
}

/* *text is NULL when the field is absent, null or empty. */
static bool
text_read(const struct entry *entry, const char *field, const char **text,
    struct k8s_error *error)
{
	struct json_object *value = NULL;

	*text = NULL;
	json_object_object_get_ex(entry->map, field, &value);
	if (value == NULL)
		return true;
	if (!json_object_is_type(value, json_type_string))
		return complain(entry, field, "is not a text", error);
	if (json_object_get_string_len(value) > 0)
		*text = json_object_get_string(value);
	return true;
}

static bool
text_copy(const struct entry *entry, const char *field, char **copy,
    struct k8s_error *error)
{
	const char *text;

	if (!text_read(entry, field, &text, error))
		return false;
	if (text == NULL)
		return true;
	*copy = strdup(text);
	return *copy != NULL || k8s_error_no_memory(error);
}

static bool
truth_read(const struct entry *entry, const char *field, bool *truth,
    struct k8s_error *error)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(entry->map, field, &value);
	if (value != NULL && !json_object_is_type(value, json_type_boolean))
		return complain(
		    entry, field, "is neither true nor false", error);
	*truth = value != NULL && json_object_get_boolean(value);
	return true;
}

/* A file name counts from the kubeconfig's folder. NULL: out of memory. */
static char *
path_of(const struct entry *entry, const char *name)
{
	const char *slash = strrchr(entry->path, '/');
	char *path = NULL;

	if (name[0] == '/' || slash == NULL)
		return strdup(name);
	if (asprintf(&path, "%.*s/%s", (int)(slash - entry->path), entry->path,
		name) < 0)
		return NULL;
	return path;
}

static bool
pem_file_read(const struct entry *entry, const char *name, const char *what,
    struct k8s_buffer *pem, struct k8s_error *error)
{
	char *path = path_of(entry, name);

	if (path == NULL)
		return k8s_error_no_memory(error);
	bool read = k8s_file_read(path, what, pem, error) &&
		    k8s_pem_check(pem, path, what, error);
	free(path);
	return read;
}

/* `field` names a file, `data_field` holds the bytes and wins. */
static bool
pem_read(const struct entry *entry, const char *field, const char *data_field,
    struct k8s_buffer *pem, struct k8s_error *error)
{
	const char *data;
	const char *name;

	if (!text_read(entry, data_field, &data, error) ||
	    !text_read(entry, field, &name, error))
		return false;
	if (data == NULL && name == NULL)
		return true;
	if (data == NULL)
		return pem_file_read(entry, name, field, pem, error);
	if (!k8s_base64_decode(data, pem))
		return complain(entry, data_field, "is not base64", error);
	return k8s_pem_check(pem, entry->path, data_field, error);
}

/* ---- Entries ------------------------------------------------------------ */

static bool
refused_check(const struct entry *entry, struct k8s_error *error)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct json_object *value = NULL;

		if (strcmp(refused[i].section, entry->section) != 0)
			continue;
		json_object_object_get_ex(entry->map, refused[i].field, &value);
		if (value == NULL ||
		    (json_object_is_type(value, json_type_string) &&
			json_object_get_string_len(value) == 0))
			continue;
		k8s_error_set(error,
		    "kubeconfig %s: %s of \"%s\" in %s is not supported: %s",
		    entry->path, refused[i].field, entry->name, entry->section,
		    refused[i].remedy);
		return false;
	}
	return true;
}

/*
 * Finds `name` in the array `section`; `member` is the map inside, `from` what
 * names it.
 */
static bool
entry_find(struct json_object *file, struct entry *entry, const char *member,
    const char *from, struct k8s_error *error)
{
	struct json_object *list = k8s_json_array(file, entry->section);
	size_t n = list == NULL ? 0 : json_object_array_length(list);

	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *name = k8s_json_string(one, "name");

		if (name == NULL || strcmp(name, entry->name) != 0)
			continue;
		entry->map = k8s_json_map(one, member);
		if (entry->map == NULL)
			return complain(entry, member, "is missing", error);
		return refused_check(entry, error);
	}
	k8s_error_set(error,
	    "kubeconfig %s: %s \"%s\" is not among %s: correct the name or "
	    "add it there",
	    entry->path, from, entry->name, entry->section);
	return false;
}

static bool
context_find(struct json_object *file, const char *wanted,
    struct entry *context, struct k8s_error *error)
{
	const char *from = "context";

	context->name = wanted;
	if (wanted == NULL) {
		from = "current-context";
		context->name = k8s_json_string(file, from);
	}
	if (context->name == NULL || *context->name == '\0') {
		k8s_error_set(error,
		    "kubeconfig %s: current-context is not set: set it "
		    "(kubectl config use-context NAME) or name a context",
		    context->path);
		return false;
	}
	if (wanted != NULL)
		k8s_error_blame(error, "context");
	if (!entry_find(file, context, "context", from, error))
		return false;
	k8s_error_blame(error, "kubeconfig");
	return true;
}

/* Follows the context's `field` to its entry. */
static bool
reference_find(struct json_object *file, const struct entry *context,
    const char *field, struct entry *entry, struct k8s_error *error)
{
	if (!text_read(context, field, &entry->name, error))
		return false;
	if (entry->name == NULL)
		return complain(context, field, "is missing: add it", error);
	return entry_find(file, entry, field, field, error);
}

/* ---- What they say ------------------------------------------------------ */

static bool
cluster_read(const struct entry *cluster, struct k8s_config *config,
    struct k8s_error *error)
{
	if (!text_copy(cluster, "server", &config->address, error) ||
	    !text_copy(cluster, "tls-server-name", &config->name, error) ||
	    !truth_read(cluster, "insecure-skip-tls-verify", &config->insecure,
		error) ||
	    !pem_read(cluster, "certificate-authority",
		"certificate-authority-data", &config->ca, error))
		return false;
	if (config->address == NULL)
		return complain(cluster, "server", "is missing: add it", error);
	if (config->insecure && config->ca.length > 0)
		return complain(cluster, "insecure-skip-tls-verify",
		    "contradicts its certificate-authority: remove one", error);
	return true;
}

static bool
token_file_read(const struct entry *user, struct k8s_config *config,
    struct k8s_error *error)
{
	const char *name;

	if (!text_read(user, "tokenFile", &name, error))
		return false;
	if (name == NULL)
		return true;
	config->token_file = path_of(user, name);
	return config->token_file != NULL || k8s_error_no_memory(error);
}

static bool
user_read(const struct entry *user, struct k8s_config *config,
    struct k8s_error *error)
{
	if (!text_copy(user, "token", &config->token, error) ||
	    !token_file_read(user, config, error) ||
	    !pem_read(user, "client-certificate", "client-certificate-data",
		&config->certificate, error) ||
	    !pem_read(
		user, "client-key", "client-key-data", &config->key, error))
		return false;
	if (config->certificate.length > 0 && config->key.length == 0)
		return complain(user, "client-key",
		    "is missing: a client certificate needs it", error);
	if (config->key.length > 0 && config->certificate.length == 0)
		return complain(user, "client-certificate",
		    "is missing: a client key needs it", error);
	return true;
}

static struct json_object *
file_parse(const char *path, struct k8s_error *error)
{
	struct k8s_buffer text = k8s_buffer_of_secret(KUBECONFIG_MAX);
	struct json_object *file = NULL;
	struct k8s_error why;

	if (!k8s_file_read(path, "kubeconfig", &text, error)) {
		k8s_buffer_done(&text);
		return NULL;
	}
	file = k8s_yaml_parse(
	    text.data != NULL ? text.data : "", text.length, &why);
	k8s_buffer_done(&text);
	if (file == NULL)
		k8s_error_set(error, "kubeconfig %s: %s", path, why.message);
	return file;
}

bool
k8s_kubeconfig_load(struct k8s_config *config, const char *path,
    const char *context_name, struct k8s_error *error)
{
	K8S_CLEANUP(k8s_json_putp)
	struct json_object *file = file_parse(path, error);
	struct entry context = { .path = path, .section = "contexts" };
	struct entry cluster = { .path = path, .section = "clusters" };
	struct entry user = { .path = path, .section = "users" };

	if (file == NULL)
		return false;
	if (!json_object_is_type(file, json_type_object)) {
		k8s_error_set(error,
		    "kubeconfig %s: it is not a map of fields, so not a "
		    "kubeconfig",
		    path);
		return false;
	}
	config->source = strdup(path);
	if (config->source == NULL)
		return k8s_error_no_memory(error);
	return context_find(file, context_name, &context, error) &&
	       reference_find(file, &context, "cluster", &cluster, error) &&
	       reference_find(file, &context, "user", &user, error) &&
	       cluster_read(&cluster, config, error) &&
	       user_read(&user, config, error);
}
