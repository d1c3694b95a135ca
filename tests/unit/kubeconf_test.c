#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "cred.h"
#include "err.h"
#include "kubeconf.h"

#define PEM "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
/* "-----BEGIN X-----\n" */
#define PEM64 "LS0tLS1CRUdJTiBYLS0tLS0K"
#define HEAD "current-context: c\n" \
	"contexts:\n- {name: c, context: {cluster: k, user: u}}\n"
#define SERVER "clusters: [{name: k, cluster: {server: 'https://k:6443/'}}]\n"
#define USER "users: [{name: u, user: {token: secret-token}}]\n"

/* A folder of its own, and what was read last. */
struct fixture {
	char dir[64];
	char path[128];
	struct cred *cred;
	char ns[KUBE_LABEL_MAX + 1];
	struct err err;
};

static const char *const names[] = { "config", "token", "ca.crt",
	"namespace", "key.pem" };

static void
put(struct fixture *f, const char *name, const char *text)
{
	FILE *file;

	snprintf(f->path, sizeof f->path, "%s/%s", f->dir, name);
	file = fopen(f->path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);

	snprintf(f->dir, sizeof f->dir, "/tmp/kubeconf_test.XXXXXX");
	f->cred = mem_alloc(sizeof *f->cred);
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(f->path, sizeof f->path, "%s/%s", f->dir, names[i]);
		unlink(f->path);
	}
	rmdir(f->dir);
	free(f->cred);
	free(f);
	return 0;
}

static bool
load_context(struct fixture *f, const char *text, const char *context)
{
	put(f, "config", text);
	f->err = (struct err)ERR_INIT;
	return kubeconf_load(f->path, context, f->cred, f->ns, &f->err);
}

static bool
load(struct fixture *f, const char *text)
{
	bool good = load_context(f, text, "");

	if (!good)
		assert_non_null(strstr(f->err.msg, f->path));
	return good;
}

static void
a_token_and_a_server_are_enough(void **state)
{
	struct fixture *f = *state;

	assert_true(load(f, HEAD SERVER USER));

	assert_string_equal(f->cred->server, "https://k:6443");
	assert_string_equal(f->cred->token, "secret-token");
	assert_string_equal(f->cred->ca, "");
	assert_string_equal(f->ns, "");
}

static void
json_is_read_as_well(void **state)
{
	struct fixture *f = *state;

	assert_true(load(f, "{\"current-context\":\"c\",\"contexts\":[{"
	    "\"name\":\"c\",\"context\":{\"cluster\":\"k\",\"user\":\"u\","
	    "\"namespace\":\"team-a\"}}],\"clusters\":[{\"name\":\"k\","
	    "\"cluster\":{\"server\":\"https://k/base/path\","
	    "\"certificate-authority-data\":\"" PEM64 "\","
	    "\"tls-server-name\":\"api\"}}],\"users\":[{\"name\":\"u\","
	    "\"user\":{\"client-certificate-data\":\"" PEM64 "\","
	    "\"client-key-data\":\"" PEM64 "\"}}]}"));

	assert_string_equal(f->cred->server, "https://k/base/path");
	assert_string_equal(f->cred->tls_name, "api");
	assert_string_equal(f->cred->ca, "-----BEGIN X-----\n");
	assert_string_equal(f->cred->cert, f->cred->ca);
	assert_string_equal(f->cred->key, f->cred->ca);
	assert_string_equal(f->ns, "team-a");
}

static void
files_are_found_beside_the_kubeconfig(void **state)
{
	struct fixture *f = *state;

	put(f, "token", "from-file\n");
	put(f, "ca.crt", PEM);
	put(f, "key.pem", PEM);
	assert_true(load(f, HEAD "clusters: [{name: k, cluster: {server: "
	    "'https://k', certificate-authority: ca.crt}}]\n"
	    "users: [{name: u, user: {token: old, tokenFile: token, "
	    "client-certificate: ca.crt, client-key: key.pem}}]\n"));

	assert_string_equal(f->cred->token, "from-file");
	assert_string_equal(f->cred->ca, PEM);
	assert_string_equal(f->cred->key, PEM);
}

static void
a_named_context_wins(void **state)
{
	struct fixture *f = *state;
	const char *text = "current-context: c\ncontexts:\n"
	    "- {name: c, context: {cluster: nope, user: u}}\n"
	    "- {name: other, context: {cluster: k, user: u}}\n" SERVER USER;

	assert_true(load_context(f, text, "other"));
	assert_false(load_context(f, text, ""));
	assert_non_null(strstr(f->err.msg, "clusters: has no usable entry "
	    "'nope'"));
}

/* What is wrong, and the words that must name it. */
static const struct {
	const char *text, *words;
} bad[] = {
	{ "", "is empty" },
	{ "a: [b\n", "config:" },
	{ "just text\n", "current-context: is missing" },
	{ "current-context: null\n", "current-context: is missing" },
	{ HEAD USER, "clusters: has no usable entry 'k'" },
	{ HEAD SERVER, "users: has no usable entry 'u'" },
	{ HEAD USER "clusters: [{name: k, cluster: {}}]\n",
	    "clusters[k].cluster.server: is missing" },
	{ HEAD USER "clusters: [{name: k, cluster: {server: 'k:1/x y'}}]\n",
	    "clusters[k].cluster.server: is not the URL" },
	{ HEAD USER "clusters: [{name: k, cluster: "
	    "{server: 'https://me:pw@k'}}]\n", "server: is not the URL" },
	{ HEAD USER "clusters: [{name: k, cluster: {server: 'http://k'}}]\n",
	    "server: must be https" },
	{ HEAD USER "clusters: [{name: k, cluster: {server: 'ftp://k'}}]\n",
	    "server: must be https" },
	{ HEAD USER "clusters: [{name: k, cluster: {server: 'https://k', "
	    "certificate-authority-data: '!!'}}]\n",
	    "clusters[k].cluster.certificate-authority-data: is no base64" },
	{ HEAD USER "clusters: [{name: k, cluster: {server: 'https://k', "
	    "certificate-authority-data: QUJD}}]\n", "holds no PEM" },
	{ HEAD USER "clusters: [{name: k, cluster: {server: 'https://k', "
	    "certificate-authority: /nonexistent}}]\n",
	    "certificate-authority: cannot open '/nonexistent'" },
	{ HEAD USER "clusters: [{name: k, cluster: {server: 'https://k', "
	    "insecure-skip-tls-verify: true, certificate-authority-data: "
	    PEM64 "}}]\n", "insecure-skip-tls-verify: contradicts" },
	{ HEAD SERVER "users: [{name: u, user: {exec: {command: x}}}]\n",
	    "users[u].user.exec: is not supported" },
	{ HEAD SERVER "users: [{name: u, user: {auth-provider: {name: x}}}]\n",
	    "users[u].user.auth-provider: is not supported" },
	{ HEAD SERVER "users: [{name: u, user: {token: t, as: root}}]\n",
	    "users[u].user.as: is not supported" },
	{ HEAD SERVER "users: [{name: u, user: {username: a, password: b}}]\n",
	    "users[u].user.username: is not supported" },
	{ HEAD SERVER "users: [{name: u, user: {client-certificate-data: "
	    PEM64 "}}]\n", "certificate and key come together" },
	{ HEAD SERVER "users: [{name: u, user: {tokenFile: /nonexistent}}]\n",
	    "users[u].user.tokenFile: cannot open" },
	{ HEAD SERVER "users: [{name: u, user: {token: 'two words'}}]\n",
	    "users[u].user.token: holds more than a token" },
};

static void
what_is_wrong_is_named_by_file_and_field(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (load(f, bad[i].text) || !strstr(f->err.msg, bad[i].words))
			fail_msg("case %zu: %s", i, f->err.msg);
}

static void
errors_hold_no_secret(void **state)
{
	struct fixture *f = *state;

	assert_false(load(f, HEAD SERVER
	    "users: [{name: u, user: {token: 'hush hush'}}]\n"));
	assert_null(strstr(f->err.msg, "hush"));
}

static void
plain_http_is_for_this_machine(void **state)
{
	struct fixture *f = *state;

	assert_true(load(f, HEAD USER "clusters: [{name: k, cluster: {server: "
	    "'http://127.0.0.1:8001'}}]\n"));
	assert_true(load(f, HEAD USER "clusters: [{name: k, cluster: {server: "
	    "'http://[::1]:8001'}}]\n"));
}

static void
aliases_and_cycles_do_no_harm(void **state)
{
	struct fixture *f = *state;

	assert_true(load(f, HEAD SERVER
	    "users: &x [{name: u, user: {token: t}, again: *x}]\n"));
	assert_string_equal(f->cred->token, "t");
}

static void
a_pod_finds_its_own_account(void **state)
{
	struct fixture *f = *state;

	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	put(f, "token", "pod-token\n");
	put(f, "ca.crt", PEM);
	put(f, "namespace", "livy\n");

	assert_true(kubeconf_is_in_cluster(f->dir));
	assert_true(kubeconf_in_cluster(f->dir, f->cred, f->ns, &f->err));
	assert_string_equal(f->cred->server, "https://[fd00::1]:443");
	assert_string_equal(f->cred->token, "pod-token");
	assert_string_equal(f->cred->ca, PEM);
	assert_string_equal(f->ns, "livy");

	put(f, "token", "\n");
	assert_false(kubeconf_in_cluster(f->dir, f->cred, NULL, &f->err));
	assert_non_null(strstr(f->err.msg, "holds no token"));
	setenv("KUBERNETES_SERVICE_PORT", "99999", 1);
	assert_false(kubeconf_in_cluster(f->dir, f->cred, NULL, &f->err));
	unsetenv("KUBERNETES_SERVICE_HOST");
	assert_false(kubeconf_is_in_cluster(f->dir));
	assert_false(kubeconf_in_cluster(f->dir, f->cred, NULL, &f->err));
}

static void
a_token_that_is_too_long_is_refused(void **state)
{
	struct fixture *f = *state;
	char *text = mem_alloc(CRED_TOKEN_MAX + 1);

	memset(text, 't', CRED_TOKEN_MAX);
	assert_false(kubeconf_take_token(text, CRED_TOKEN_MAX, "what", f->cred,
	    &f->err));
	assert_true(kubeconf_take_token(text, CRED_TOKEN_MAX - 1, "what",
	    f->cred, &f->err));
	free(text);
}

static void
the_default_is_the_first_file_of_the_list(void **state)
{
	struct fixture *f = *state;
	char list[256];
	char *path;

	put(f, "config", "x");
	snprintf(list, sizeof list, "/nonexistent::%s", f->path);
	setenv("KUBECONFIG", list, 1);
	path = kubeconf_default_path();
	assert_string_equal(path, f->path);
	free(path);

	unsetenv("KUBECONFIG");
	setenv("HOME", f->dir, 1);
	assert_null(kubeconf_default_path());
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_token_and_a_server_are_enough),
		TEST(json_is_read_as_well),
		TEST(files_are_found_beside_the_kubeconfig),
		TEST(a_named_context_wins),
		TEST(what_is_wrong_is_named_by_file_and_field),
		TEST(errors_hold_no_secret),
		TEST(plain_http_is_for_this_machine),
		TEST(aliases_and_cycles_do_no_harm),
		TEST(a_pod_finds_its_own_account),
		TEST(a_token_that_is_too_long_is_refused),
		TEST(the_default_is_the_first_file_of_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
