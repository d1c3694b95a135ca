/*
 * What every source includes first after config.h: attributes, declared
 * cleanup, the functions this program forbids itself, and the limits that
 * more than one module shares.
 */
#ifndef DEFS_H
#define DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "banned.h"

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Declared cleanup: AUTO_X type *p = NULL; frees p when it leaves scope.
 * AUTO_BUF and AUTO_JSON stand with their modules (buf.h, jv.h).
 */
void auto_free(void *pp);
void auto_fd(const int *fd);
#define AUTO_FREE __attribute__((cleanup(auto_free)))
#define AUTO_FD __attribute__((cleanup(auto_fd)))

/* Kubernetes' own bounds on names: DNS labels and DNS subdomains. */
#define KUBE_LABEL_MAX 63
#define KUBE_NAME_MAX 253
#define UID_MAX 64 /* an object's uid, a UUID on every known server */

/* Ids are Livy's: a Java int. */
#define ID_MAX 2147483647

#endif
