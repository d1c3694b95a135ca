#include "config.h"

#include "buf.h"
#include "kube.h"

/*
 * A name or value for a URL. A leading dot is encoded as well, so that no
 * name is a dot segment; everything else that is not unreserved, too.
 */
static void
add_encoded(struct buf *b, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~";

	for (const char *p = s; *p; p++)
		if (strchr(plain, *p) || (*p == '.' && p > s))
			buf_addch(b, *p);
		else
			buf_addf(b, "%%%02X", (unsigned char)*p);
}

static void
add_objects(struct buf *b, const char *group, const char *ns,
    const char *plural, const char *name)
{
	buf_addstr(b, group);
	if (ns) {
		buf_addstr(b, "/namespaces/");
		add_encoded(b, ns);
	}
	buf_addf(b, "/%s", plural);
	if (name) {
		buf_addch(b, '/');
		add_encoded(b, name);
	}
}

void
kube_path_apps(struct buf *b, const char *ns, const char *name)
{
	add_objects(b, "/apis/sparkoperator.k8s.io/v1beta2", ns,
	    "sparkapplications", name);
}

void
kube_path_core(struct buf *b, const char *ns, const char *plural,
    const char *name)
{
	add_objects(b, "/api/v1", ns, plural, name);
}

void
kube_path_query(struct buf *b, const char *key, const char *value)
{
	buf_addch(b, strchr(b->data, '?') ? '&' : '?');
	buf_addf(b, "%s=", key);
	add_encoded(b, value);
}
