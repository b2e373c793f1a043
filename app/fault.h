/*
 * What a call that failed means to a client.
 */
#ifndef FAULT_H
#define FAULT_H

#include "http.h"

#include <stdbool.h>

struct app;
struct k8s_call;
struct k8s_fault;
struct reply;

/*
 * Puts the problem into the reply, with what failed, the API server's words
 * and the remedy; its status.
 */
enum http_status
reply_fault(
    struct reply *reply, const struct app *app, const struct k8s_call *call);

/* The namespace's service account is not there yet: worth a retry. */
bool
fault_is_account_missing(const struct k8s_fault *fault);

#endif
