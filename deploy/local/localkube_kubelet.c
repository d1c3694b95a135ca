#include "config.h"

#include "localkube_kubelet.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "jv.h"
#include "localkube_delete.h"
#include "localkube_files.h"
#include "localkube_image.h"
#include "localkube_pod.h"
#include "localkube_podstat.h"
#include "localkube_shim.h"
#include "log.h"
#include "num.h"

#define BUSY_MS 20	/* between looks at processes */
#define RETRY_MS 200	/* for what a pod waits for */
#define BACK_OFF_MS 2000 /* from ErrImagePull to ImagePullBackOff */
#define IMAGE_MS 5000
#define SHIM_MS 2000	/* for a shim to say that it runs */
#define KILL_MS 5000	/* for a killed container's shim to end */

enum stage {
	STAGE_NEW,		/* not yet looked at */
	STAGE_WAITING,		/* has an address; image, volumes, ... */
	STAGE_STARTED,		/* the shim is on its way */
	STAGE_RUNNING,
	STAGE_DONE,		/* the container has ended */
};

struct pod {
	struct pod *next;
	struct kver *v;		/* the last version seen */
	enum stage stage;
	bool removed;		/* no longer in the store */
	char ip[16];
	int lock_fd;		/* holds the address until the shim does */
	pid_t shim;
	int64_t born;
	const char *reason;	/* waiting in this; written when it changes */
	char message[1024];
	int64_t next_ms, term_ms, kill_ms;
	int64_t started_ms;
};

static struct {
	const struct kkubelet_conf *conf;
	pthread_t thread;
	bool started, stop;
	struct pod *pods;
} k;

static struct pod *
find(const char *uid)
{
	struct pod *p = k.pods;

	while (p && strcmp(p->v->uid, uid) != 0)
		p = p->next;
	return p;
}

static void
drop(struct pod *p)
{
	AUTO_BUF struct buf dir = BUF_INIT(4096);
	struct pod **at = &k.pods;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	if (p->removed) {
		kpod_dir(k.conf, p->v->uid, &dir);
		kfiles_remove(dir.data);
	}
	kver_put(p->v);
	free(p);
}

static bool
write_status(struct pod *p, enum kpodstat_state state, const char *reason,
    const char *message)
{
	struct kpodstat is = { .state = state, .reason = reason,
	    .message = message && *message ? message : NULL,
	    .ip = *p->ip ? p->ip : NULL, .started_ms = p->started_ms };

	return kpodstat_write(k.conf->store, p->v, kpodstat_set, &is);
}

static void
wait_in(struct pod *p, const char *reason, const char *message)
{
	if (p->reason && strcmp(p->reason, reason) == 0 &&
	    strcmp(p->message, message) == 0)
		return;
	p->reason = reason;
	snprintf(p->message, sizeof p->message, "%s", message);
	write_status(p, KPOD_WAITING, reason, message);
}

static void
end(struct pod *p, const struct kshim_exit *how)
{
	struct kpodstat is = { .state = KPOD_TERMINATED,
	    .reason = how->reason,
	    .message = *how->message ? how->message : NULL,
	    .ip = *p->ip ? p->ip : NULL, .exit_code = how->code,
	    .started_ms = how->started_ms, .finished_ms = how->finished_ms };
	AUTO_BUF struct buf dir = BUF_INIT(4096);

	kpodstat_write(k.conf->store, p->v, kpodstat_set, &is);
	p->stage = STAGE_DONE;
	kpod_dir(k.conf, p->v->uid, &dir);
	/* the log stays until the pod goes */
	buf_addstr(&dir, "/tmp");
	kfiles_remove(dir.data);
	kpod_dir(k.conf, p->v->uid, &dir);
	buf_addstr(&dir, "/volumes");
	kfiles_remove(dir.data);
	log_info("pod '%s/%s' ended with %d", p->v->ns, p->v->name,
	    how->code);
}

/* A pod that cannot be run here at all. */
static void
refuse(struct pod *p, const char *why)
{
	struct kshim_exit how = { .code = 128, .reason = "StartError" };

	snprintf(how.message, sizeof how.message, "%s", why);
	how.started_ms = how.finished_ms = num_wall_ms();
	end(p, &how);
}

static bool
is_alive(const struct pod *p)
{
	return p->shim > 0 && kshim_born(p->shim) == p->born;
}

/* A pod whose shim another localkube has started: it may still run. */
static bool
adopt(struct pod *p, json_object *pod)
{
	AUTO_BUF struct buf dir = BUF_INIT(4096);
	struct kshim_state state;
	const char *ip = jv_str(pod, "status.podIP");
	json_object *statuses = jv_get(pod, "status.containerStatuses");

	kpod_dir(k.conf, p->v->uid, &dir);
	if (!kshim_read_state(dir.data, &state))
		return false;
	snprintf(p->ip, sizeof p->ip, "%s", ip ? ip : "");
	p->shim = state.pid;
	p->born = state.born;
	p->started_ms = state.started_ms;
	p->stage = statuses && jv_get(json_object_array_get_idx(statuses, 0),
	    "state.running") ? STAGE_RUNNING : STAGE_STARTED;
	log_info("pod '%s/%s' is taken up again", p->v->ns, p->v->name);
	return true;
}

/*
 * A pod that was given an address before: the same one again, unless someone
 * holds it: its shim, which is about to say so, or another pod by now.
 */
static bool
take_up(struct pod *p, json_object *pod)
{
	const char *ip = jv_str(pod, "status.podIP");
	int64_t now = num_mono_ms();

	if (!ip)
		return false;
	if (adopt(p, pod))
		return true;
	p->lock_fd = kpod_hold_address(ip);
	if (p->lock_fd >= 0) {
		snprintf(p->ip, sizeof p->ip, "%s", ip);
		p->stage = STAGE_WAITING;
		return true;
	}
	if (!p->next_ms)
		p->next_ms = now + SHIM_MS;
	return now < p->next_ms;
}

static void
step_new(struct pod *p, json_object *pod)
{
	json_object *list = jv_get(pod, "spec.containers");

	if (take_up(p, pod))
		return;
	if (!jv_str(pod, "spec.nodeName"))
		kpodstat_write(k.conf->store, p->v, kpodstat_bind, NULL);
	if (json_object_array_length(list) > 1 ||
	    jv_get(pod, "spec.initContainers")) {
		refuse(p, "localkube runs pods of one container");
		return;
	}
	p->lock_fd = kpod_take_address(k.conf, p->ip);
	if (p->lock_fd < 0) {
		refuse(p, "no address is left for a pod");
		return;
	}
	wait_in(p, "ContainerCreating", "");
	p->stage = STAGE_WAITING;
}

static bool
find_image(struct pod *p, json_object *pod, json_object **ret_new)
{
	const char *name = jv_str(kimage_container(pod), "image");
	struct err err = ERR_INIT;
	char text[1024];

	if (!kimage_find(k.conf->images, name, ret_new, &err))
		log_warn("%s", err.msg);
	if (*ret_new)
		return true;
	if (p->reason && strstr(p->reason, "Pull")) {
		snprintf(text, sizeof text,
		    "Back-off pulling image \"%s\"", name);
		wait_in(p, "ImagePullBackOff", text);
		p->next_ms = num_mono_ms() + IMAGE_MS;
	} else {
		snprintf(text, sizeof text, "failed to pull and unpack image "
		    "\"%s\": not found", name);
		wait_in(p, "ErrImagePull", text);
		p->next_ms = num_mono_ms() + BACK_OFF_MS;
	}
	return false;
}

static void
step_waiting(struct pod *p, json_object *pod)
{
	AUTO_JSON json_object *image = NULL;
	const char *reason;
	struct err err = ERR_INIT;

	if (!find_image(p, pod, &image))
		return;
	if (kpod_start(k.conf, pod, image, p->lock_fd, &p->shim, &reason,
	    &err)) {
		p->born = kshim_born(p->shim);
		close(p->lock_fd);
		p->lock_fd = -1;
		p->stage = STAGE_STARTED;
		return;
	}
	p->next_ms = num_mono_ms() + RETRY_MS;
	/* a missing volume keeps a container creating, without a word */
	wait_in(p, reason, strcmp(reason, "ContainerCreating") == 0 ? "" :
	    err.msg);
	log_debug("pod '%s': %s", p->v->name, err.msg);
}

/* The shim is gone: its last word, or that there was none. */
static void
step_ended(struct pod *p, const char *dir)
{
	struct kshim_exit how = { .code = 137,
	    .reason = "ContainerStatusUnknown", .message = "The container "
	    "could not be located when the pod was terminated" };

	if (!kshim_read_exit(dir, &how)) {
		how.started_ms = p->started_ms;
		how.finished_ms = num_wall_ms();
	}
	waitpid(p->shim, NULL, WNOHANG);
	end(p, &how);
}

static void
step_process(struct pod *p)
{
	AUTO_BUF struct buf dir = BUF_INIT(4096);
	struct kshim_state state;
	bool alive = is_alive(p);

	kpod_dir(k.conf, p->v->uid, &dir);
	if (p->stage == STAGE_STARTED &&
	    kshim_read_state(dir.data, &state)) {
		p->started_ms = state.started_ms;
		p->stage = STAGE_RUNNING;
		write_status(p, KPOD_RUNNING, NULL, NULL);
		log_info("pod '%s/%s' runs at %s", p->v->ns, p->v->name,
		    p->ip);
	}
	if (!alive)
		step_ended(p, dir.data);
}

/* Asked to go: SIGTERM, then SIGKILL; without a process at once. */
static void
step_deletion(struct pod *p, json_object *pod)
{
	int64_t now = num_mono_ms(), grace = p->removed ? 0 :
	    jv_int(pod, "metadata.deletionGracePeriodSeconds", 30);

	if (p->stage < STAGE_STARTED) {
		struct kshim_exit how = { .code = 137, .reason = "Error" };

		how.started_ms = how.finished_ms = num_wall_ms();
		if (!p->removed)
			end(p, &how);
		p->stage = STAGE_DONE;
	} else if (p->stage < STAGE_DONE && !p->term_ms) {
		p->term_ms = now;
		kill(p->shim, p->removed ? SIGINT : SIGTERM);
	} else if (p->stage < STAGE_DONE && !p->kill_ms &&
	    now >= p->term_ms + grace * 1000) {
		p->kill_ms = now;
		kill(p->shim, SIGINT);
	} else if (p->stage < STAGE_DONE && p->kill_ms &&
	    now >= p->kill_ms + KILL_MS) {
		kill(p->shim, SIGKILL);
	}
}

/* Ended and to be deleted: out of the store; its event then drops it. */
static void
finish_deletion(struct pod *p)
{
	struct err err = ERR_INIT;

	if (kdelete_object(k.conf->store, p->v, 0, false, &err) ==
	    KSTORE_FAILED)
		log_error("cannot remove pod '%s': %s", p->v->name, err.msg);
}

static void
step(struct pod *p)
{
	AUTO_JSON json_object *pod = kver_json(p->v);
	bool going = p->removed ||
	    jv_get(pod, "metadata.deletionTimestamp") != NULL;

	if (p->stage == STAGE_STARTED || p->stage == STAGE_RUNNING)
		step_process(p);
	if (going)
		step_deletion(p, pod);
	else if (p->stage == STAGE_NEW)
		step_new(p, pod);
	else if (p->stage == STAGE_WAITING && jv_str(pod, "status.podIP") &&
	    num_mono_ms() >= p->next_ms)
		step_waiting(p, pod);
	if (p->stage != STAGE_DONE)
		return;
	if (going && !p->removed)
		finish_deletion(p);
	if (!going || p->removed)
		drop(p);
}

static void
see(struct kver *v, bool gone)
{
	struct pod *p = find(v->uid);
	AUTO_JSON json_object *pod = NULL;
	AUTO_BUF struct buf dir = BUF_INIT(4096);
	const char *phase;
	bool over;

	if (p) {
		kver_put(p->v);
		p->v = kver_get(v);
		p->removed = gone;
		return;
	}
	kpod_dir(k.conf, v->uid, &dir);
	if (gone) {
		kfiles_remove(dir.data);
		return;
	}
	pod = kver_json(v);
	phase = jv_str(pod, "status.phase");
	over = phase && (strcmp(phase, "Succeeded") == 0 ||
	    strcmp(phase, "Failed") == 0);
	if (over && !jv_get(pod, "metadata.deletionTimestamp"))
		return;
	p = mem_alloc(sizeof *p);
	p->v = kver_get(v);
	p->lock_fd = -1;
	p->next = k.pods;
	k.pods = p;
	if (over)
		p->stage = STAGE_DONE;
	else
		adopt(p, pod);
}

static bool
all(void *cls UNUSED, const struct kver *v UNUSED)
{
	return true;
}

static int64_t
see_all(void)
{
	struct kstore_page page;
	int64_t rv;

	kstore_list(k.conf->store, &kres_table[KRES_POD], NULL, NULL, NULL, 0,
	    all, NULL, &page);
	for (size_t i = 0; i < page.n; i++)
		see(page.v[i], false);
	rv = page.rv;
	kstore_page_release(&page);
	return rv;
}

/* Folders of pods that are not in the store any more. */
static void
sweep(void)
{
	DIR *dir = opendir(k.conf->pods);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		AUTO_BUF struct buf path = BUF_INIT(4096);
		struct kshim_state state;

		if (*e->d_name == '.' ||
		    kstore_uid_lives(k.conf->store, e->d_name))
			continue;
		kpod_dir(k.conf, e->d_name, &path);
		if (kshim_read_state(path.data, &state) &&
		    kshim_born(state.pid) == state.born)
			kill(state.pid, SIGKILL);
		kfiles_remove(path.data);
	}
	if (dir)
		closedir(dir);
}

static int64_t
follow(int64_t rv)
{
	struct kevent e;

	while (kstore_event(k.conf->store, rv + 1, &e)) {
		if (e.now->res->id == KRES_POD)
			see(e.now, e.gone);
		kevent_release(&e);
		rv++;
	}
	return rv < kstore_oldest(k.conf->store) ? see_all() : rv;
}

static void *
run(void *cls UNUSED)
{
	int64_t rv = see_all();
	struct pod *p, *next;

	sweep();
	while (!__atomic_load_n(&k.stop, __ATOMIC_ACQUIRE)) {
		rv = follow(rv);
		for (p = k.pods; p; p = next) {
			next = p->next;
			step(p);
		}
		kstore_wait(k.conf->store, rv, k.pods ? BUSY_MS : 1000);
	}
	return NULL;
}

void
kkubelet_start(const struct kkubelet_conf *conf)
{
	k.conf = conf;
	k.started = pthread_create(&k.thread, NULL, run, NULL) == 0;
	if (!k.started)
		log_fatal("cannot start the kubelet's thread");
}

void
kkubelet_stop(void)
{
	if (!k.started)
		return;
	__atomic_store_n(&k.stop, true, __ATOMIC_RELEASE);
	kstore_wake(k.conf->store);
	pthread_join(k.thread, NULL);
	while (k.pods) {
		k.pods->removed = false;
		drop(k.pods);
	}
}
