/*
 * JSON trees as nested expressions that read like what they produce:
 *
 *	MAP({ "kind", TEXT("Pod") }, { "spec", MAP({ "replicas", INT(1) }) })
 *
 * A child that is NULL is a failed allocation: the tree around it becomes NULL
 * too and everything that was built for it is released, so only the outermost
 * result needs a check. Children are consumed in every case.
 */
#ifndef TREE_H
#define TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

struct tree_member {
	const char *key;
	struct json_object *value;
};

struct json_object *
tree_map(size_t count, const struct tree_member *members);

struct json_object *
tree_list(size_t count, struct json_object *const *items);

struct json_object *
tree_text(const char *text);

__attribute__((format(printf, 1, 2))) struct json_object *
tree_textf(const char *format, ...);

struct json_object *
tree_int(int64_t number);

struct json_object *
tree_bool(bool truth);

/* A member or item that is left out. */
struct json_object *
tree_absent(void);

/* A JSON null. */
struct json_object *
tree_null(void);

/* The text, or a null / nothing when it is NULL or empty. */
struct json_object *
tree_text_or_null(const char *text);

struct json_object *
tree_text_or_absent(const char *text);

/* Appends to a list and consumes `item`, which is released on failure. */
bool
tree_append(struct json_object *list, struct json_object *item);

#define MAP(...)                                                               \
	tree_map(sizeof((struct tree_member[]){ __VA_ARGS__ }) /               \
		     sizeof(struct tree_member),                               \
	    (const struct tree_member[]){ __VA_ARGS__ })
#define LIST(...)                                                              \
	tree_list(sizeof((struct json_object *[]){ __VA_ARGS__ }) /            \
		      sizeof(struct json_object *),                            \
	    (struct json_object *const[]){ __VA_ARGS__ })
#define TEXT(text)   tree_text(text)
#define INT(number)  tree_int(number)
#define BOOL(truth)  tree_bool(truth)
#define EMPTY_MAP()  tree_map(0, NULL)
#define EMPTY_LIST() tree_list(0, NULL)

#endif
