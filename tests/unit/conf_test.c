#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "conf_choose.h"
#include "conf_table.h"
#include "err.h"
#include "jv.h"
#include "text.h"
#include "tmpl.h"

static char dir[] = "/tmp/livy-fcgi-conf-XXXXXX";
static char file[64], template[64], sessions[64];

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
copy_template(const char *name, const char *to)
{
	char from[200];
	AUTO_FREE char *shipped = NULL;

	snprintf(from, sizeof from, "conf/templates/%s", name);
	shipped = text_new(source(from));
	write_file(to, shipped);
}

static int
make_folder(void **state UNUSED)
{
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/livy-fcgi.cfg", dir);
	snprintf(template, sizeof template, "%s/batch.cfg", dir);
	snprintf(sessions, sizeof sessions, "%s/session.cfg", dir);
	copy_template("batch.cfg", template);
	copy_template("session.cfg", sessions);
	return 0;
}

static int
drop_folder(void **state UNUSED)
{
	unlink(file);
	unlink(template);
	unlink(sessions);
	return rmdir(dir);
}

/* A configuration of these lines; templates lie beside it. */
static struct conf *
load(const char *text, struct err *err)
{
	AUTO_BUF struct buf all = BUF_INIT(1 << 21);
	struct conf *conf = NULL;

	buf_addstr(&all, text);
	if (!strstr(text, "templates"))
		buf_addstr(&all, "\ntemplates = { dir = \".\"; };\n");
	write_file(file, all.data);
	return conf_load(file, &conf, err) ? conf : NULL;
}

static struct conf *
loaded(const char *text)
{
	struct err err = ERR_INIT;
	struct conf *conf = load(text, &err);

	if (!conf)
		fail_msg("%s: %s", text, err.msg);
	return conf;
}

/* Expects exactly these errors, each without the file's name. */
static void
assert_refused(const char *text, const char *expected)
{
	struct err err = ERR_INIT;
	struct conf *conf = load(text, &err);
	AUTO_BUF struct buf got = BUF_INIT(1 << 16);
	const char *line = err.msg;

	if (conf)
		fail_msg("%s was taken", text);
	assert_int_equal(err.status, 500);
	while (line) {
		if (strncmp(line, file, strlen(file)) == 0)
			line += strlen(file) + 1;
		buf_add(&got, line, strcspn(line, "\n"));
		line = strchr(line, '\n');
		if (line) {
			line++;
			buf_addch(&got, '\n');
		}
	}
	assert_string_equal(got.data, expected);
}

static void
an_empty_file_gives_the_defaults(void **state UNUSED)
{
	struct conf *conf = loaded("");

	assert_string_equal(conf->path, file);
	assert_string_equal(conf->gateway, "livy");
	assert_int_equal(conf->log_level, LOG_INFO);
	assert_string_equal(conf->socket, "/run/livy-fcgi/fcgi.sock");
	assert_int_equal(conf->socket_mode, 0660);
	assert_int_equal(conf->identity, IDENTITY_REQUIRED);
	assert_int_equal(conf->workers, 16);
	assert_int_equal(conf->body_limit, 1 << 20);
	assert_int_equal(conf->call_budget_ms, 10000);
	assert_int_equal(conf->watch_timeout_s, 300);
	assert_int_equal(conf->namespaces.count, 1);
	assert_string_equal(conf->namespaces.items[0], "default");
	assert_int_equal(conf->local_dirs.count, 0);
	assert_false(conf->cluster_wide);
	assert_string_equal(jv_print(conf->vars), "{}");
	assert_non_null(conf->template[APP_BATCH]);
	conf_free(conf);
}

static void
each_type_of_setting_is_read(void **state UNUSED)
{
	struct conf *conf = loaded(
	    "gateway = \"eu-1\";\n"
	    "process = { log_level = \"debug\"; user = \"root\"; };\n"
	    "fastcgi = { socket = \"/run/x\"; socket_mode = \"0600\";\n"
	    " secret_file = \"keys/secret\"; identity = \"none\";\n"
	    " workers = 4; outbound_workers = 3L; body_limit = \"4m\";\n"
	    " drain = \"500ms\"; };\n"
	    "kubernetes = { namespaces = ( \"a\", \"b-2\" );\n"
	    " cluster_wide = TRUE; watch_timeout = \"1m\"; };\n"
	    "livy = { local_dirs = [ \"/opt\", \"/srv\" ];\n"
	    " ui_url = \"https://h/{namespace}/{pod}?{id}\"; };\n");

	assert_string_equal(conf->gateway, "eu-1");
	assert_int_equal(conf->log_level, LOG_DEBUG);
	assert_string_equal(conf->user, "root");
	assert_string_equal(conf->socket, "/run/x");
	assert_int_equal(conf->socket_mode, 0600);
	assert_int_equal(conf->identity, IDENTITY_NONE);
	assert_int_equal(conf->workers, 4);
	assert_int_equal(conf->outbound_workers, 3);
	assert_int_equal(conf->body_limit, 4 << 20);
	assert_int_equal(conf->drain_ms, 500);
	assert_int_equal(conf->namespaces.count, 2);
	assert_string_equal(conf->namespaces.items[1], "b-2");
	assert_true(conf->cluster_wide);
	assert_int_equal(conf->watch_timeout_s, 60);
	assert_string_equal(conf->local_dirs.items[1], "/srv");
	conf_free(conf);
}

static void
relative_paths_start_at_the_file(void **state UNUSED)
{
	struct conf *conf = loaded("fastcgi = { secret_file = \"keys/s\"; };");
	char expected[128];

	snprintf(expected, sizeof expected, "%s/keys/s", dir);
	assert_string_equal(conf->secret_file, expected);
	assert_string_equal(conf->kubeconfig, "");
	assert_string_equal(conf->pid_file, "");
	conf_free(conf);
}

static void
variables_keep_their_types(void **state UNUSED)
{
	struct conf *conf = loaded("vars = ( (\"image\", \"spark:${x}\"),\n"
	    "(\"ports\", [ 1, 2 ]), (\"n\", 5000000000L), (\"on\", true),\n"
	    "(\"pool\", ((\"a.b\", \"c\"))) );");

	assert_string_equal(jv_print(conf->vars),
	    "{\"image\":\"spark:${x}\",\"ports\":[1,2],\"n\":5000000000,"
	    "\"on\":true,\"pool\":{\"a.b\":\"c\"}}");
	conf_free(conf);
	assert_refused("vars = { image = \"x\"; };", "1: vars must be a list of "
	    "pairs, such as ( (\"image\", \"spark:4\") )");
	assert_refused("vars = ( \"x\" );", "1: vars must be a list of "
	    "pairs, such as ( (\"image\", \"spark:4\") )");
	assert_refused("vars = ( (\"a.b\", 1) );",
	    "1: vars: 'a.b' is no name for a variable");
	assert_refused("vars = ( (\"a\", 1),\n2 );",
	    "2: vars: in a map each item must be a pair");
}

static void
integers_that_libconfig_would_wrap_are_refused(void **state UNUSED)
{
	static const char *const wide[] = { "2147483648", "4294967296",
		"99999999999999999999", "-2147483649", "+4294967312",
		"0x100000000", "0xffffffff" };
	struct err err = ERR_INIT;
	char text[100], expected[100];

	for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
		snprintf(text, sizeof text, "fastcgi = {\n\tworkers = %s;\n};",
		    wide[i]);
		snprintf(expected, sizeof expected, "2: workers: the integer %s is too "
		    "large (above 2147483647 it needs an L)", wide[i]);
		assert_refused(text, expected);
	}
	assert_refused("vars = ( (\"a\",\n\n 99999999999999999999L) );",
	    "3: vars: the integer 99999999999999999999 is too large");
	assert_null(load("vars = ( (\"a\", 4294967296), (\"b\", 1) ); x = "
	    "3000000000;", &err));
	assert_non_null(strstr(err.msg, "integer 4294967296 is"));
	assert_non_null(strstr(err.msg, "integer 3000000000 is"));
}

static void
integers_that_fit_are_not_mistaken(void **state UNUSED)
{
	struct conf *conf = loaded(
	    "# 99999999999 in a comment\n// 99999999999\n/* 99999999999\n */\n"
	    "vars = ( (\"a\", \"99999999999 \\\" 99999999999\"),\n"
	    "(\"b\", 2147483647), (\"c\", -2147483648), (\"d\", 0x7fffffff),\n"
	    "(\"e\", 99999999999.5), (\"f\", 9223372036854775807L),\n"
	    "(\"g\", -9223372036854775808L), (\"x99999999999\", 1e12) );");

	assert_int_equal(jv_int(conf->vars, "c", 0), INT32_MIN);
	assert_int_equal(jv_int(conf->vars, "f", 0), INT64_MAX);
	assert_int_equal(jv_int(conf->vars, "g", 0), INT64_MIN);
	assert_int_equal(jv_int(conf->vars, "d", 0), INT32_MAX);
	conf_free(conf);
}

static void
unknown_settings_are_refused_where_they_stand(void **state UNUSED)
{
	assert_refused("\n\ngatewy = \"x\";", "3: unknown setting 'gatewy'");
	assert_refused("workers = 4;",
	    "1: unknown setting 'workers' (there is 'fastcgi.workers')");
	assert_refused("fastcgi = {\n gateway = \"x\"; };",
	    "2: unknown setting 'fastcgi.gateway' (there is 'gateway')");
	assert_refused("fastcgi = { workers = { n = 1; }; };",
	    "1: fastcgi.workers must be a whole number");
	assert_refused("fastcgi = 4;", "1: fastcgi must be a group { ... }");
	assert_refused("cache = ( );", "1: cache must be a group { ... }");
	assert_refused("other = { workers = 4; };",
	    "1: unknown setting 'other'");
}

static void
wrong_types_are_refused(void **state UNUSED)
{
	static const struct { const char *text, *reason; } bad[] = {
		{ "gateway = 1;", "1: gateway must be a text in quotes" },
		{ "gateway = [ \"a\" ];", "1: gateway must be a text in quotes" },
		{ "fastcgi = { workers = \"4\"; };",
		    "1: fastcgi.workers must be a whole number" },
		{ "fastcgi = { workers = 4.0; };",
		    "1: fastcgi.workers must be a whole number" },
		{ "fastcgi = { workers = true; };",
		    "1: fastcgi.workers must be a whole number" },
		{ "fastcgi = { drain = 30; };", "1: fastcgi.drain must be a time "
		    "in quotes, such as \"30s\"" },
		{ "fastcgi = { drain = \"30 s\"; };", "1: fastcgi.drain is '30 s', "
		    "must be a time in quotes, such as \"30s\"" },
		{ "fastcgi = { drain = \"-1s\"; };", "1: fastcgi.drain is '-1s', "
		    "must be a time in quotes, such as \"30s\"" },
		{ "fastcgi = { body_limit = 4096; };", "1: fastcgi.body_limit "
		    "must be a size in quotes, such as \"4m\"" },
		{ "fastcgi = { body_limit = \"99999999999g\"; };",
		    "1: fastcgi.body_limit is '99999999999g', must be a size in "
		    "quotes, such as \"4m\"" },
		{ "fastcgi = { socket_mode = 0660; };", "1: fastcgi.socket_mode "
		    "must be an octal mode in quotes, such as \"0660\"" },
		{ "fastcgi = { socket_mode = \"0698\"; };", "1: fastcgi.socket_mode"
		    " is '0698', must be an octal mode in quotes, such as "
		    "\"0660\"" },
		{ "kubernetes = { cluster_wide = 1; };",
		    "1: kubernetes.cluster_wide must be true or false" },
		{ "kubernetes = { cluster_wide = \"true\"; };",
		    "1: kubernetes.cluster_wide must be true or false" },
		{ "kubernetes = { namespaces = \"a\"; };", "1: kubernetes.namespaces "
		    "must be a list of texts, such as [ \"a\", \"b\" ]" },
		{ "kubernetes = { namespaces = [ 1 ]; };", "1: kubernetes.namespaces "
		    "must be a list of texts, such as [ \"a\", \"b\" ]" },
		{ "kubernetes = { watch_timeout = \"1500ms\"; };",
		    "1: kubernetes.watch_timeout is '1500ms', must be a time in "
		    "quotes, such as \"30s\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i].text, bad[i].reason);
}

static void
values_out_of_range_are_refused(void **state UNUSED)
{
	static const struct { const char *text, *reason; } bad[] = {
		{ "fastcgi = { workers = 0; };",
		    "1: fastcgi.workers is 0, must be from 2 to 512" },
		{ "fastcgi = { workers = 4294967312L; };",
		    "1: fastcgi.workers is 4294967312, must be from 2 to 512" },
		{ "fastcgi = { body_limit = \"1g\"; };",
		    "1: fastcgi.body_limit is 1g, must be from 1k to 256m" },
		{ "fastcgi = { drain = \"25h\"; };",
		    "1: fastcgi.drain is 25h, must be from 0s to 1d" },
		{ "fastcgi = { socket_mode = \"4755\"; };",
		    "1: fastcgi.socket_mode is 4755, must be from 0000 to 0777" },
		{ "kubernetes = { namespaces = [ ]; };",
		    "1: kubernetes.namespaces has 0 items, must have 1 to 64" },
		{ "kubernetes = { namespaces = [ \"a\", \"a\" ]; };",
		    "1: kubernetes.namespaces has 'a' twice" },
		{ "kubernetes = { namespaces = [ \"A/b\" ]; };",
		    "1: kubernetes.namespaces: 'A/b' is no Kubernetes namespace "
		    "name" },
		{ "gateway = \"Prod\";", "1: gateway: 'Prod' must be 1 to 12 of "
		    "a-z, 0-9 and inner '-'" },
		{ "gateway = \"-a\";", "1: gateway: '-a' must be 1 to 12 of "
		    "a-z, 0-9 and inner '-'" },
		{ "gateway = \"thirteenchars\";", "1: gateway: 'thirteenchars' must "
		    "be 1 to 12 of a-z, 0-9 and inner '-'" },
		{ "process = { log_level = \"loud\"; };", "1: process.log_level is "
		    "'loud', must be one of \"error\", \"warn\", \"info\", "
		    "\"debug\"" },
		{ "process = { user = \"no such user\"; };", "1: process.user: "
		    "'no such user' is no user of this system" },
		{ "fastcgi = { socket_group = \"no group\"; };",
		    "1: fastcgi.socket_group: 'no group' is no group of this "
		    "system" },
		{ "fastcgi = { socket = \"\"; };",
		    "1: fastcgi.socket: '' must not be empty" },
		{ "livy = { local_dirs = [ \"tmp\" ]; };",
		    "1: livy.local_dirs: 'tmp' must begin with '/'" },
		{ "livy = { default_fs = \"gs:/x\"; };", "1: livy.default_fs: "
		    "'gs:/x' must be a URI such as \"gs://bucket\"" },
		{ "livy = { ui_url = \"ftp://x\"; };", "1: livy.ui_url: 'ftp://x' "
		    "must begin with https://, http:// or '/'" },
		{ "livy = { log_url = \"/{pod}/{app}\"; };", "1: livy.log_url: "
		    "'/{pod}/{app}' may hold {id}, {kind}, {appId}, "
		    "{namespace}, {object} and {pod} only" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i].text, bad[i].reason);
}

static void
limits_are_checked_against_each_other(void **state UNUSED)
{
	assert_refused("fastcgi = { workers = 4;\noutbound_workers = 4; };",
	    "2: fastcgi.outbound_workers (4) must be less than "
	    "fastcgi.workers (4)");
	assert_refused("fastcgi = { workers = 8; };",
	    "1: fastcgi.outbound_workers (12) must be less than "
	    "fastcgi.workers (8)");
	assert_refused("kubernetes = { call_timeout = \"11s\"; };",
	    "1: kubernetes.call_timeout (11s) must not be more than "
	    "kubernetes.call_budget (10s)");
	assert_refused("kubernetes = { call_budget = \"15s\"; };",
	    "1: kubernetes.call_budget (15s) must be less than "
	    "fastcgi.request_deadline (15s)");
	conf_free(loaded("kubernetes = { call_timeout = \"10s\"; };"));
}

static void
all_errors_of_a_file_are_told_at_once(void **state UNUSED)
{
	assert_refused("gatewy = 1;\nfastcgi = { workers = \"x\";\n"
	    "drain = 1; };\nvars = 1;",
	    "1: unknown setting 'gatewy'\n"
	    "2: fastcgi.workers must be a whole number\n"
	    "3: fastcgi.drain must be a time in quotes, such as \"30s\"\n"
	    "4: vars must be a list of pairs, such as ( (\"image\", "
	    "\"spark:4\") )");
}

static void
a_flood_of_errors_is_cut_and_counted(void **state UNUSED)
{
	AUTO_BUF struct buf text = BUF_INIT(1 << 16);
	struct err err = ERR_INIT;

	for (int i = 0; i < 200; i++)
		buf_addf(&text, "unknown%d = 1;\n", i);
	assert_null(load(text.data, &err));

	assert_non_null(strstr(err.msg, "livy-fcgi.cfg:1: unknown setting "));
	assert_non_null(strstr(err.msg, "\n(and "));
	assert_string_equal(err.msg + strlen(err.msg) - 6, " more)");
}

static void
syntax_errors_tell_file_and_line(void **state UNUSED)
{
	assert_refused("gateway = \"a\";\nfastcgi = { workers = ; };",
	    "2: syntax error");
	assert_refused("\ngateway = \"a\";\ngateway = \"b\";",
	    "3: duplicate setting name");
	assert_refused("livy = { local_dirs = [ \"/a\", ]; };",
	    "1: syntax error");
	assert_refused("\n@include \"other.cfg\"",
	    "2: '@include' is not supported");
	assert_refused("gateway =\n\"\xff\";", "2: not valid UTF-8 text");
}

static void
a_file_that_is_not_there_says_so(void **state UNUSED)
{
	struct conf *conf = NULL;
	struct err err = ERR_INIT;

	assert_false(conf_load("/nonexistent/x.cfg", &conf, &err));
	assert_string_equal(err.msg,
	    "/nonexistent/x.cfg: No such file or directory");
	assert_false(conf_load("/tmp", &conf, &err));
	assert_string_equal(err.msg, "/tmp: Is a directory");
}

static void
templates_are_loaded_and_checked(void **state UNUSED)
{
	char expected[400];

	snprintf(expected, sizeof expected,
	    "1: cannot read the template '%s/nowhere/batch.cfg': No such file "
	    "or directory\n1: cannot read the template "
	    "'%s/nowhere/session.cfg': No such file or directory", dir, dir);
	assert_refused("templates = { dir = \"nowhere\"; };", expected);
	write_file(template, "application = {\n\tapiVersion = \"${nonesuch}\";\n"
	    "kind = \"SparkApplication\"; spec = { type = \"R\"; sparkVersion = "
	    "\"4\";\nmainApplicationFile = \"\"; driver = { }; executor = { }; };"
	    "};");
	snprintf(expected, sizeof expected,
	    "%s/./batch.cfg:2: apiVersion: unknown variable 'nonesuch'", dir);
	assert_refused("", expected);
	snprintf(expected, sizeof expected,
	    "%s/./batch.cfg:2: apiVersion must be \"sparkoperator.k8s.io/"
	    "v1beta2\"", dir);
	assert_refused("vars = ( (\"nonesuch\", \"v1\") );", expected);
	conf_free(loaded("vars = ( (\"nonesuch\", \"sparkoperator.k8s.io/"
	    "v1beta2\") );"));
}

static void
the_sample_is_what_the_table_says(void **state UNUSED)
{
	AUTO_FREE char *shipped = text_new(source("conf/livy-fcgi.cfg"));
	AUTO_FREE char *printed = NULL;
	size_t len;
	FILE *f = open_memstream(&printed, &len);

	conf_print_defaults(f);
	fclose(f);

	/* after a change of the table: livy-fcgi --print-defaults */
	assert_string_equal(shipped, printed);
}

static void
the_sample_loads_with_the_shipped_template(void **state UNUSED)
{
	struct conf *conf = NULL;
	struct err err = ERR_INIT;

	if (!conf_load(source("conf/livy-fcgi.cfg"), &conf, &err))
		fail_msg("%s", err.msg);
	assert_false(tmpl_conf_allowed(conf->template[APP_BATCH], "spark.master"));
	assert_true(tmpl_conf_allowed(conf->template[APP_BATCH], "spark.x"));
	conf_free(conf);
}

/* A default as the manual writes it. */
static void
add_default(struct buf *b, const struct conf_row *row)
{
	switch (row->type) {
	case CONF_COUNT: case CONF_BOOL:
		buf_addstr(b, row->fallback);
		return;
	case CONF_LIST:
		if (*row->fallback)
			buf_addf(b, "[ Qq %s ]", row->fallback);
		else
			buf_addstr(b, "[ ]");
		return;
	case CONF_VARS: case CONF_LIMITS: case CONF_RULES:
		buf_addstr(b, "( )");
		return;
	case CONF_TEXT: case CONF_PATH: case CONF_DURATION:
	case CONF_SECONDS: case CONF_SIZE: case CONF_MODE: case CONF_WORD:
		buf_addf(b, "Qq %s", *row->fallback ? row->fallback : "\"\"");
	}
}

static void
the_manual_names_every_setting_and_default(void **state UNUSED)
{
	AUTO_FREE char *page = text_new(source("fcgi/livy-fcgi.8"));
	AUTO_BUF struct buf item = BUF_INIT(1000);

	for (size_t i = 0; i < conf_table_rows; i++) {
		buf_clear(&item);
		buf_addf(&item, "\n.It Cm %s No = ", conf_table[i].name);
		add_default(&item, &conf_table[i]);
		buf_addch(&item, '\n');
		if (!strstr(page, item.data))
			fail_msg("livy-fcgi(8) lacks '%s'", item.data + 1);
	}
}

/* "a=" stands for the empty value alone. */
static void
a_rule_for_an_empty_value_covers_no_pattern(void **state UNUSED)
{
	struct conf *conf = loaded("templates = { dir = \".\"; choose = (\n"
	    "{ kind = \"batch\"; conf = \"a=\"; template = \"batch.cfg\"; },\n"
	    "{ kind = \"batch\"; conf = \"a=x*\"; template = \"batch.cfg\"; },\n"
	    "{ kind = \"batch\"; conf = \"a=*\"; template = \"batch.cfg\"; },\n"
	    "{ kind = \"batch\"; conf = \"a=y\"; template = \"batch.cfg\"; }"
	    "); };\n");
	AUTO_BUF struct buf warnings = BUF_INIT(4096);
	char *only;

	conf_choose_warn(conf, &warnings);
	only = strstr(warnings.data, "never counts");
	assert_non_null(only);
	assert_null(strstr(only + 1, "never counts"));
	assert_non_null(strstr(warnings.data, "the one of line 4\n"));
	conf_free(conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_for_an_empty_value_covers_no_pattern),
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(each_type_of_setting_is_read),
		cmocka_unit_test(relative_paths_start_at_the_file),
		cmocka_unit_test(variables_keep_their_types),
		cmocka_unit_test(
		    integers_that_libconfig_would_wrap_are_refused),
		cmocka_unit_test(integers_that_fit_are_not_mistaken),
		cmocka_unit_test(unknown_settings_are_refused_where_they_stand),
		cmocka_unit_test(wrong_types_are_refused),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(limits_are_checked_against_each_other),
		cmocka_unit_test(all_errors_of_a_file_are_told_at_once),
		cmocka_unit_test(a_flood_of_errors_is_cut_and_counted),
		cmocka_unit_test(syntax_errors_tell_file_and_line),
		cmocka_unit_test(a_file_that_is_not_there_says_so),
		cmocka_unit_test(the_sample_is_what_the_table_says),
		cmocka_unit_test(the_sample_loads_with_the_shipped_template),
		cmocka_unit_test(
		    the_manual_names_every_setting_and_default),
		/* replaces the template that the ones above use */
		cmocka_unit_test(templates_are_loaded_and_checked),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
