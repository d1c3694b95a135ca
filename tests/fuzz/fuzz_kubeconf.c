#include "config.h"

#include <assert.h>

#include "buf.h"
#include "cred.h"
#include "err.h"
#include "fuzz.h"
#include "kubeconf.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cred *cred = mem_alloc(sizeof *cred);
	char ns[KUBE_LABEL_MAX + 1] = "";
	struct err err = ERR_INIT;

	if (kubeconf_load(fuzz_file(data, size), "", cred, ns, &err)) {
		assert(cred->server[0]);
		assert(!strpbrk(cred->token, "\r\n"));
		assert(strlen(ns) <= KUBE_LABEL_MAX);
	} else {
		assert(err.msg[0]);
	}
	free(cred);
	return 0;
}
