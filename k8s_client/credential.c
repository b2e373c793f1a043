#include "credential.h"

#include "file.h"
#include "message.h"

#include <string.h>

/* A header must not be broken by what a file holds. */
static bool
token_check(struct k8s_buffer *token, const char *path, struct k8s_error *error)
{
	while (token->length > 0 &&
	       strchr(" \t\r\n", token->data[token->length - 1]) != NULL)
		token->data[--token->length] = '\0';
	if (token->length == 0) {
		k8s_error_set(error, "the token in %s is empty", path);
		return false;
	}
	for (size_t i = 0; i < token->length; i++) {
		if (token->data[i] > 0x20 && token->data[i] < 0x7f)
			continue;
		k8s_error_set(error,
		    "the token in %s holds a character that no token has",
		    path);
		return false;
	}
	return true;
}

/* Replaces the token by the file's; untouched on failure. */
static bool
token_file_read(struct k8s_credential *credential, struct k8s_error *error)
{
	const char *path = credential->config->token_file;
	struct k8s_buffer token = k8s_buffer_of_secret(K8S_TOKEN_MAX);

	clock_gettime(CLOCK_MONOTONIC, &credential->read_at);
	if (!k8s_file_read(path, "token file", &token, error) ||
	    !token_check(&token, path, error)) {
		k8s_buffer_done(&token);
		return false;
	}
	if (credential->token.length != token.length ||
	    memcmp(credential->token.data, token.data, token.length) != 0)
		credential->generation++;
	k8s_buffer_done(&credential->token);
	credential->token = token;
	return true;
}

bool
k8s_credential_init(struct k8s_credential *credential,
    const struct k8s_config *config, struct k8s_error *error)
{
	credential->config = config;
	credential->generation = 0;
	credential->token = k8s_buffer_of_secret(K8S_TOKEN_MAX);
	if (config->token_file != NULL)
		return token_file_read(credential, error);
	if (config->token == NULL)
		return true;
	if (!k8s_buffer_add(
		&credential->token, config->token, strlen(config->token))) {
		k8s_error_set(error, "the token in %s is longer than %zu bytes",
		    config->source, K8S_TOKEN_MAX);
		return false;
	}
	return token_check(&credential->token, config->source, error);
}

void
k8s_credential_done(struct k8s_credential *credential)
{
	k8s_buffer_done(&credential->token);
}

const char *
k8s_credential_token(struct k8s_credential *credential)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (credential->config->token_file != NULL &&
	    now.tv_sec - credential->read_at.tv_sec >= K8S_TOKEN_AGE_MAX_S)
		token_file_read(credential, NULL);
	return credential->token.length > 0 ? credential->token.data : "";
}

bool
k8s_credential_renew(struct k8s_credential *credential, unsigned used)
{
	if (credential->config->token_file != NULL)
		token_file_read(credential, NULL);
	return credential->generation != used;
}
