#include "config.h"

#include <assert.h>

#include <libconfig.h>

#include "buf.h"
#include "cfg.h"
#include "conf.h"
#include "conf_choose.h"
#include "err.h"
#include "fuzz.h"
#include "jv.h"
#include "num.h"

#define WORDS 4	/* lines after the rules: user, teams, queue, conf key */

/* Takes the last lines off text. */
static void
split(char *text, char *words[WORDS])
{
	static char none[1];
	char *nl;

	for (int i = WORDS - 1; i >= 0; i--) {
		nl = strrchr(text, '\n');
		words[i] = nl ? nl + 1 : none;
		if (nl)
			*nl = '\0';
	}
}

/* The number of the rule that was noted, from 1; 0 = none. */
static int64_t
number_of(const char *rule)
{
	const char *colon = rule ? strchr(rule, ':') : NULL;
	AUTO_FREE char *digits = colon ? mem_strndup(colon + 1,
	    strcspn(colon + 1, ":")) : NULL;
	int64_t n = 0;

	assert(!rule || (digits && num_int(digits, 1, 64, &n)));
	return n;
}

/* Whether it was told that this rule never counts. */
static bool
is_never(const char *warnings, int64_t number)
{
	char begin[64];

	snprintf(begin, sizeof begin, "rules:%lld: templates.choose: this ",
	    (long long)number);
	return strstr(warnings, begin) != NULL;
}

static void
ask(struct conf *conf, enum app_kind kind, char *words[WORDS])
{
	AUTO_BUF struct buf warnings = BUF_INIT(1 << 20);
	AUTO_JSON json_object *vars = json_object_new_object();
	json_object *map = json_object_new_object();
	const struct asker by = { words[0], words[1] };
	struct err err = ERR_INIT;
	const char *team;
	int64_t n;

	jv_set_str(vars, "queue", words[2]);
	jv_set_str(map, words[3], "1");
	json_object_object_add(vars, "conf", map);
	conf_choose_warn(conf, &warnings);
	assert(conf_policy(conf, kind, &by, vars, &err));
	team = jv_str(vars, "team");
	assert(!team || (*team && strstr(by.teams, team) &&
	    !team[strcspn(team, ", \t")]));
	n = number_of(jv_str(vars, "rule"));
	assert(n <= (int64_t)conf->choices_count);
	if (n == 0)
		return;
	assert(conf->choices[n - 1].kind == kind);
	assert(strcmp(conf->choices[n - 1].file,
	    jv_str(vars, "template")) == 0);
	assert(!conf->choices[n - 1].team.count || team);
	assert(!is_never(warnings.data, n));
}

/* Rules of any text: what is read can be asked, and nobody is in no team. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char batch[] = "b.cfg", session[] = "s.cfg", path[] = "rules";
	struct conf conf = { .template_file = { batch, session } };
	AUTO_CFG_ERRORS struct cfg_errors errors = CFG_ERRORS_INIT;
	AUTO_BUF struct buf text = BUF_INIT(1 << 20);
	AUTO_FREE char *copy = mem_strndup((const char *)data, size);
	char *words[WORDS];
	config_setting_t *list;
	config_t config;

	assert(*__lsan_default_suppressions());	/* so that it is linked */
	split(copy, words);
	buf_addf(&text, "choose = (%s);", copy);
	config_init(&config);
	conf.path = path;
	if (cfg_read_text(path, text.data, text.len, &config, &errors)) {
		list = config_lookup(&config, "choose");
		if (list && config_setting_is_list(list))
			conf_choose_read(&conf, path, list, &errors);
	}
	config_destroy(&config);
	if (errors.found == 0) {
		for (size_t i = 0; i < conf.choices_count; i++)
			conf.choices[i].line = (unsigned)i + 1;
		for (int kind = 0; kind < APP_KINDS; kind++)
			ask(&conf, (enum app_kind)kind, words);
	}
	conf_choose_free(&conf);
	return 0;
}
