/*
 * The FastCGI parameters that the gateway reads, found in one pass: libfcgi
 * looks through all of them for each name. Used by request.c and body.c;
 * owns nothing, values lend from the FastCGI request.
 */
#ifndef PARAMS_H
#define PARAMS_H

enum param {
	PARAM_ID,
	PARAM_METHOD,
	PARAM_URI,
	PARAM_SCHEME,
	PARAM_REMOTE,
	PARAM_TYPE,
	PARAM_LENGTH,
	PARAM_SECRET,		/* proves that nginx sent all the others */
	PARAM_AUTH,
	PARAM_USER,
	PARAM_GROUPS,
	PARAM_PREFIX,
	PARAM_HOST,		/* headers, as the client sent them */
	PARAM_ACCEPT,
	PARAM_AGENT,
	PARAM_ORIGIN,
	PARAM_FETCH_SITE,
	PARAM_REQUESTED_BY,
	PARAM_OBSERVER,
	PARAM_IDEMPOTENCY_KEY,
	PARAM_ENCODING,
	PARAM_OVERRIDE,		/* three names that Livy knows, in its order */
	PARAM_OVERRIDE_METHOD,
	PARAM_OVERRIDE_LAST,
	PARAM_COUNT
};

struct params {
	const char *value[PARAM_COUNT];	/* NULL: not sent */
};

/* envp: NAME=value each, NULL at the end; of several the first counts. */
void params_read(struct params *ret, char *const *envp);

#endif
