#include "items.h"

#include "json.h"
#include "message.h"

#include <string.h>

typedef const char *
scan_fn(struct k8s_items *items, const char *at, const char *end);

/* Where "items" has its array, a value of another type is left to the rest. */
static const char items_key[] = "items";

void
k8s_items_init(
    struct k8s_items *items, k8s_item_fn *item, void *data, size_t max)
{
	*items = (struct k8s_items){
		.item = item,
		.data = data,
		.rest = k8s_buffer_of(max),
		.one = k8s_buffer_of(max),
	};
}

void
k8s_items_done(struct k8s_items *items)
{
	k8s_buffer_done(&items->rest);
	k8s_buffer_done(&items->one);
}

static const char *
fail(struct k8s_items *items, enum k8s_fault_kind kind, const char *why)
{
	items->failed = kind;
	k8s_error_set(&items->error, "%s", why);
	return NULL;
}

static bool
collect(struct k8s_items *items, struct k8s_buffer *buffer, const char *from,
    const char *end)
{
	if (k8s_buffer_add(buffer, from, (size_t)(end - from)))
		return true;
	if (!buffer->full) {
		fail(items, K8S_FAULT_MEMORY, "out of memory");
		return false;
	}
	items->failed = K8S_FAULT_PROTOCOL;
	k8s_error_set(
	    &items->error, "it is larger than %zu bytes", buffer->max);
	return false;
}

/* Parses the item that has arrived and hands it on. */
static bool
deliver(struct k8s_items *items)
{
	K8S_CLEANUP(k8s_json_putp) struct json_object *item = NULL;
	struct k8s_error why;

	item = k8s_json_parse_answer(items->one.data, items->one.length, &why);
	k8s_buffer_clear(&items->one);
	if (item == NULL) {
		fail(items, K8S_FAULT_PROTOCOL, why.message);
		return false;
	}
	if (!items->item(item, items->data)) {
		fail(items, K8S_FAULT_MEMORY, "out of memory");
		return false;
	}
	return true;
}

/*
 * Passes what is inside a string, the closing quote included. The beginning of
 * a key at depth 1 is remembered.
 */
static const char *
string_skip(struct k8s_items *items, const char *at, const char *end)
{
	bool is_key = items->state == K8S_ITEMS_REST && items->depth == 1 &&
		      items->key_next;

	while (at < end) {
		char c = *at++;

		if (items->escaped)
			items->escaped = false;
		else if (c == '\\')
			items->escaped = true;
		else if (c == '"') {
			items->in_string = false;
			break;
		}
		if (is_key && items->key_length < sizeof(items->key))
			items->key[items->key_length++] = c;
	}
	return at;
}

static void
key_check(struct k8s_items *items)
{
	items->key_next = false;
	items->items_value =
	    items->key_length == strlen(items_key) &&
	    memcmp(items->key, items_key, items->key_length) == 0;
}

/* One character of the rest, outside strings. */
static void
rest_step(struct k8s_items *items, char c)
{
	switch (c) {
	case '"':
		items->in_string = true;
		items->key_length = 0;
		break;
	case '{':
	case '[':
		if (items->depth == 1 && items->items_value && c == '[')
			items->state = K8S_ITEMS_BETWEEN;
		items->depth++;
		items->key_next = items->depth == 1 && c == '{';
		break;
	case '}':
	case ']':
		items->depth--;
		break;
	case ',':
		items->key_next = items->depth == 1;
		items->items_value = false;
		break;
	default:
		break;
	}
}

static const char *
rest_scan(struct k8s_items *items, const char *from, const char *end)
{
	const char *at = from;

	while (at < end && items->state == K8S_ITEMS_REST) {
		if (!items->in_string) {
			rest_step(items, *at++);
			continue;
		}
		at = string_skip(items, at, end);
		if (!items->in_string && items->depth == 1 && items->key_next)
			key_check(items);
	}
	return collect(items, &items->rest, from, at) ? at : NULL;
}

static const char *
between_scan(struct k8s_items *items, const char *at, const char *end)
{
	for (; at < end; at++) {
		switch (*at) {
		case ' ':
		case '\t':
		case '\r':
		case '\n':
			continue;
		case ',':
			if (!items->comma_next)
				break;
			items->comma_next = false;
			items->item_due = true;
			continue;
		case ']':
			if (items->item_due)
				break;
			items->state = K8S_ITEMS_REST;
			items->comma_next = false;
			items->items_value = false;
			return at; /* belongs to the rest */
		case '{':
			if (items->comma_next)
				break;
			items->state = K8S_ITEMS_INSIDE;
			items->item_depth = 0;
			items->item_due = false;
			return at; /* belongs to the item */
		default:
			break;
		}
		return fail(items, K8S_FAULT_PROTOCOL,
		    "its items are not an array of objects");
	}
	return at;
}

static const char *
inside_scan(struct k8s_items *items, const char *from, const char *end)
{
	const char *at = from;
	bool ended = false;

	while (at < end && !ended) {
		if (items->in_string) {
			at = string_skip(items, at, end);
			continue;
		}
		char c = *at++;
		if (c == '"')
			items->in_string = true;
		else if (c == '{' || c == '[')
			items->item_depth++;
		else if (c == '}' || c == ']')
			ended = --items->item_depth == 0;
	}
	if (!collect(items, &items->one, from, at))
		return NULL;
	if (!ended)
		return at;
	items->state = K8S_ITEMS_BETWEEN;
	items->comma_next = true;
	return deliver(items) ? at : NULL;
}

bool
k8s_items_feed(struct k8s_items *items, const char *bytes, size_t length)
{
	static scan_fn *const scans[] = {
		[K8S_ITEMS_REST] = rest_scan,
		[K8S_ITEMS_BETWEEN] = between_scan,
		[K8S_ITEMS_INSIDE] = inside_scan,
	};
	const char *end = bytes + length;

	if (items->item == NULL)
		return collect(items, &items->rest, bytes, end);
	while (bytes != NULL && bytes < end)
		bytes = scans[items->state](items, bytes, end);
	return bytes != NULL;
}
