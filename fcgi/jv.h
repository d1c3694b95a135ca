/*
 * JSON from outside, on json-c: parsed strictly once, read without coercion.
 * Pure. Values are lent by the tree they are in unless a name says new.
 */
#ifndef JV_H
#define JV_H

#include <json-c/json.h>

#include "defs.h"

struct err;
struct buf;

/* Containers that may nest: our clients' bodies, and Kubernetes' objects. */
#define JV_DEPTH_CLIENT 16
#define JV_DEPTH_KUBE 64

void auto_json(json_object **o);
#define AUTO_JSON __attribute__((cleanup(auto_json)))

/*
 * Parses one JSON value of len bytes: exactly what RFC 8259 allows, valid
 * UTF-8, no trailing bytes but space. Fills *ret_new; JSON null gives NULL
 * and true. False with a 400 otherwise. An integer beyond 64 bits saturates,
 * the last of equal keys wins, a key ends at its first \u0000.
 */
bool jv_parse(const char *text, size_t len, int depth, json_object **ret_new,
    struct err *err) MUST_CHECK;
/* The same for the first value only: what follows it is not looked at. */
bool jv_parse_first(const char *text, size_t len, int depth,
    json_object **ret_new, struct err *err) MUST_CHECK;

/*
 * A member by path ("status.applicationState.state"), NULL if any step is
 * absent, null or not an object. Keys that hold dots: jv_member, one step.
 */
json_object *jv_get(json_object *o, const char *path);
json_object *jv_member(json_object *o, const char *key);

/* A string member, or NULL if absent or of another type. */
const char *jv_str(json_object *o, const char *path);
/* An integer or boolean member, or the fallback if absent or another type. */
int64_t jv_int(json_object *o, const char *path, int64_t fallback);
bool jv_bool(json_object *o, const char *path, bool fallback);

/* The string of a value, NULL if it is not one. */
const char *jv_text(json_object *value);

/* Adds a member; an empty or NULL text adds null. */
void jv_set_str(json_object *o, const char *key, const char *text);

/* Compact text, slashes as they are; lent until o changes. */
const char *jv_print(json_object *o);
/* Bytes of the valid UTF-8 character at s, 0 if there is none. */
size_t jv_character(const unsigned char *s, size_t len);
/* Length of the JSON number at s, 0 if it is not one as JSON writes them. */
size_t jv_number(const char *s, size_t len);
/* How many bytes of text are valid UTF-8 without a NUL: len if all are. */
size_t jv_utf8(const char *text, size_t len);
/* Appends a JSON string literal (NULL: null). Bad UTF-8 becomes U+FFFD. */
void jv_add_str(struct buf *b, const char *text);
void jv_add_strn(struct buf *b, const char *text, size_t len);

#endif
