#include "config.h"

#include "gw.h"

#include "conf.h"
#include "kube.h"

struct kube *
gw_client(const struct gw *gw)
{
	const struct kube_opts opts = {
		.cred = gw->cred,
		.user_agent = PACKAGE_NAME "/" PACKAGE_VERSION,
		.connect_timeout_ms = gw->conf->connect_timeout_ms,
		.attempt_ms = gw->conf->call_timeout_ms,
		.reply_limit = gw->conf->reply_limit,
	};

	return kube_new(&opts);
}
