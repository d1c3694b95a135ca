#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth.h"
#include "buf.h"
#include "conf.h"
#include "cred.h"
#include "err.h"
#include "gw.h"
#include "num.h"

/* Shared memory, a credential to publish, one to read, and a kubeconfig. */
struct fixture {
	struct cred_shm *shm;
	struct cred *out, *in;
	char path[64];
};

static int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);

	f->shm = shm_map(sizeof *f->shm, true);
	f->out = mem_alloc(sizeof *f->out);
	f->in = mem_alloc(sizeof *f->in);
	snprintf(f->path, sizeof f->path, "/tmp/cred_test.%d", (int)getpid());
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	munmap(f->shm, sizeof *f->shm);
	free(f->out);
	free(f->in);
	free(f);
	return 0;
}

static void
there_is_none_before_the_first(void **state)
{
	struct fixture *f = *state;
	uint32_t generation = 7;

	assert_false(cred_copy(f->shm, f->in, &generation));
	assert_int_equal(generation, 0);
}

static void
a_generation_changes_with_the_contents_only(void **state)
{
	struct fixture *f = *state;
	uint32_t first, second;

	snprintf(f->out->token, sizeof f->out->token, "one");
	cred_publish(f->shm, f->out);
	assert_true(cred_copy(f->shm, f->in, &first));
	cred_publish(f->shm, f->out);
	assert_true(cred_copy(f->shm, f->in, &second));
	assert_int_equal(first, second);

	snprintf(f->out->token, sizeof f->out->token, "two");
	cred_publish(f->shm, f->out);
	assert_true(cred_copy(f->shm, f->in, &second));
	assert_int_not_equal(first, second);
	assert_string_equal(f->in->token, "two");
	assert_true(f->shm->refreshed_ms > 0);
}

static void
a_writer_that_died_inside_is_overcome(void **state)
{
	struct fixture *f = *state;
	uint32_t generation;

	cred_publish(f->shm, f->out);
	seq_write_begin(&f->shm->seq);
	assert_false(cred_copy(f->shm, f->in, &generation));

	f->out->insecure = true;
	cred_publish(f->shm, f->out);
	assert_true(cred_copy(f->shm, f->in, &generation));
	assert_true(f->in->insecure);
}

/* One process writes credentials of one letter; readers see no mixture. */
static void
readers_never_see_half_a_credential(void **state)
{
	struct fixture *f = *state;
	int64_t end_ms = num_mono_ms() + 300;
	uint32_t generation;
	pid_t pid;

	memset(f->out->ca, 'a', sizeof f->out->ca - 1);
	cred_publish(f->shm, f->out);
	pid = fork();
	if (pid == 0)
		for (char c = 'a';; c = c == 'z' ? 'a' : (char)(c + 1)) {
			memset(f->out->ca, c, sizeof f->out->ca - 1);
			cred_publish(f->shm, f->out);
		}
	for (int good = 0; good < 50 || num_mono_ms() < end_ms;) {
		if (!cred_copy(f->shm, f->in, &generation))
			continue;
		good++;
		for (size_t i = 1; i < sizeof f->in->ca - 1; i += 97)
			if (f->in->ca[i] != f->in->ca[0])
				good = -1;
		assert_true(good > 0);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
write_kubeconfig(const struct fixture *f, const char *token)
{
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	fprintf(file, "current-context: c\n"
	    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
	    "clusters: [{name: k, cluster: {server: 'https://k'}}]\n"
	    "users: [{name: u, user: {token: %s}}]\n", token);
	fclose(file);
}

/* Waits until the published token is this one. */
static bool
token_becomes(struct fixture *f, const char *token)
{
	int64_t end_ms = num_mono_ms() + 60000;
	uint32_t generation;

	while (num_mono_ms() < end_ms) {
		if (cred_copy(f->shm, f->in, &generation) &&
		    strcmp(f->in->token, token) == 0)
			return true;
		usleep(5000);
	}
	return false;
}

static void
the_auth_process_publishes_and_reads_again_when_refused(void **state)
{
	struct fixture *f = *state;
	struct conf conf = { .credential = CREDENTIAL_KUBECONFIG,
		.kubeconfig = f->path };
	struct gw gw = { .conf = &conf, .cred = f->shm };
	uint32_t generation;
	int status;
	pid_t pid;

	log_set_level(LOG_ERROR);
	pid = fork();
	if (pid == 0)
		auth_main(&gw);	/* its file comes later */
	write_kubeconfig(f, "one");
	assert_true(token_becomes(f, "one"));

	generation = f->shm->generation;
	write_kubeconfig(f, "two");
	cred_refused(f->shm, generation);
	assert_true(token_becomes(f, "two"));

	unlink(f->path);	/* the last one stays in use */
	cred_refused(f->shm, f->shm->generation);
	for (int i = 0; i < 2000 && f->shm->refused != 0; i++)
		usleep(5000);
	assert_true(token_becomes(f, "two"));

	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(there_is_none_before_the_first),
		TEST(a_generation_changes_with_the_contents_only),
		TEST(a_writer_that_died_inside_is_overcome),
		TEST(readers_never_see_half_a_credential),
		TEST(the_auth_process_publishes_and_reads_again_when_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
