#include "config.h"

#include "app.h"

#include "num.h"

static const struct {
	const char *word;
	char letter;	/* in object names */
} kinds[APP_KINDS] = {
	[APP_BATCH] = { "batch", 'b' },
	[APP_SESSION] = { "session", 's' },
};

static const char *const states[] = {
	[LIVY_NOT_STARTED] = "not_started",
	[LIVY_STARTING] = "starting",
	[LIVY_RECOVERING] = "recovering",
	[LIVY_IDLE] = "idle",
	[LIVY_RUNNING] = "running",
	[LIVY_BUSY] = "busy",
	[LIVY_SHUTTING_DOWN] = "shutting_down",
	[LIVY_ERROR] = "error",
	[LIVY_DEAD] = "dead",
	[LIVY_KILLED] = "killed",
	[LIVY_SUCCESS] = "success",
};

static const char *const phases[] = {
	[PHASE_NEW] = "",
	[PHASE_SUBMITTED] = "SUBMITTED",
	[PHASE_RUNNING] = "RUNNING",
	[PHASE_SUCCEEDING] = "SUCCEEDING",
	[PHASE_COMPLETED] = "COMPLETED",
	[PHASE_FAILING] = "FAILING",
	[PHASE_FAILED] = "FAILED",
	[PHASE_SUBMISSION_FAILED] = "SUBMISSION_FAILED",
	[PHASE_PENDING_RERUN] = "PENDING_RERUN",
	[PHASE_INVALIDATING] = "INVALIDATING",
	[PHASE_SUSPENDING] = "SUSPENDING",
	[PHASE_SUSPENDED] = "SUSPENDED",
	[PHASE_RESUMING] = "RESUMING",
	[PHASE_UNKNOWN] = "UNKNOWN",
};

#define OBJECT_NAME_MAX 35	/* then Spark's derived names stay whole */

const char *
app_kind_word(enum app_kind kind)
{
	return kinds[kind].word;
}

const char *
livy_state_word(enum livy_state state)
{
	return states[state];
}

const char *
app_phase_word(enum app_phase phase)
{
	return phases[phase];
}

bool
app_phase_parse(const char *word, enum app_phase *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(phases); i++)
		if (strcmp(word, phases[i]) == 0) {
			*ret = (enum app_phase)i;
			return true;
		}
	return false;
}

bool
app_object_name(char ret[KUBE_LABEL_MAX + 1], const char *gateway,
    enum app_kind kind, int32_t id)
{
	int n = snprintf(ret, KUBE_LABEL_MAX + 1, "livy-%s-%c-%d", gateway,
	    kinds[kind].letter, (int)id);

	return id >= 0 && n > 0 && n <= OBJECT_NAME_MAX;
}

bool
app_object_id(const char *name, const char *gateway, enum app_kind *ret,
    int32_t *ret_id)
{
	char back[KUBE_LABEL_MAX + 1];
	const char *digits = strrchr(name, '-');
	int64_t id;

	if (!digits || !num_int(digits + 1, 0, ID_MAX, &id))
		return false;
	for (int kind = 0; kind < APP_KINDS; kind++)
		if (app_object_name(back, gateway, (enum app_kind)kind,
		    (int32_t)id) && strcmp(back, name) == 0) {
			*ret = (enum app_kind)kind;
			*ret_id = (int32_t)id;
			return true;
		}
	return false;
}

bool
app_ended(const struct app *app)
{
	return app->state >= LIVY_ERROR;
}

uint32_t
app_hash(const char *name)
{
	uint32_t h = 2166136261u;	/* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}
