#include "config.h"

#include <assert.h>

#include "conf.h"
#include "err.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf = NULL;
	struct err err = ERR_INIT;

	if (!conf_load(fuzz_file(data, size), &conf, &err)) {
		assert(err.status == 500 && err.msg[0]);
		return 0;
	}
	assert(conf->workers > conf->outbound_workers);
	assert(conf->call_budget_ms < conf->request_deadline_ms);
	assert(conf->namespaces.count > 0 && conf->template[APP_BATCH]);
	conf_free(conf);
	return 0;
}
