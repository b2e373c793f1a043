/*
 * The body of an answer while it arrives. Of a LIST the elements of the
 * top-level array "items" are parsed one at a time and handed on, so that
 * memory is bounded by one item however long the list is; everything else is
 * collected as text, with "items":[] in their place.
 */
#ifndef K8S_ITEMS_H
#define K8S_ITEMS_H

#include "buffer.h"
#include "k8s.h"

enum k8s_items_state { K8S_ITEMS_REST, K8S_ITEMS_BETWEEN, K8S_ITEMS_INSIDE };

struct k8s_items {
	k8s_item_fn *item; /* NULL = all is collected */
	void *data;
	struct k8s_buffer rest; /* all but the items */
	struct k8s_buffer one;  /* the item that is arriving */
	/* why a feed failed; NONE while none has */
	enum k8s_fault_kind failed;
	struct k8s_error error;
	/* the splitter's state */
	enum k8s_items_state state;
	int depth;      /* of the rest; 1 = in the top-level object */
	int item_depth; /* inside an item */
	bool in_string, escaped;
	bool key_next;    /* at depth 1: the next string is a key */
	bool items_value; /* at depth 1: the value of "items" is next */
	bool comma_next;  /* between items: one has ended */
	bool item_due;    /* between items: after a comma */
	char key[8];
	size_t key_length;
};

/* `max` bounds the rest, and each item. */
void
k8s_items_init(
    struct k8s_items *items, k8s_item_fn *item, void *data, size_t max);

/* false: `failed` and `error` say why, and no more may be fed. */
bool
k8s_items_feed(struct k8s_items *items, const char *bytes, size_t length);

void
k8s_items_done(struct k8s_items *items);

#endif
