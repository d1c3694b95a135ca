#include "config.h"

#include "conf.h"
#include "conf_table.h"

/* The row's default in libconfig's form, and its limits. */
static void
add_value(struct buf *b, const struct conf_row *row)
{
	switch (row->type) {
	case CONF_COUNT: case CONF_BOOL:
		buf_addf(b, "%s;", row->fallback);
		break;
	case CONF_LIST:
		buf_addf(b, *row->fallback ? "[ \"%s\" ];" : "[ ];%s",
		    row->fallback);
		break;
	case CONF_VARS: case CONF_LIMITS: case CONF_RULES:
		buf_addstr(b, "( );");
		break;
	case CONF_TEXT: case CONF_PATH: case CONF_DURATION:
	case CONF_SECONDS: case CONF_SIZE: case CONF_MODE: case CONF_WORD:
		buf_addf(b, "\"%s\";", row->fallback);
		break;
	}
	switch (row->type) {
	case CONF_COUNT: case CONF_DURATION: case CONF_SECONDS:
	case CONF_SIZE: case CONF_MODE:
		buf_addstr(b, "\t# ");
		conf_add_number(b, row, row->min);
		buf_addstr(b, " to ");
		conf_add_number(b, row, row->max);
		break;
	case CONF_WORD:
		for (size_t i = 0; row->words[i]; i++)
			buf_addf(b, "%s%s", i ? ", " : "\t# ", row->words[i]);
		break;
	case CONF_TEXT: case CONF_PATH: case CONF_BOOL: case CONF_LIST:
	case CONF_VARS: case CONF_LIMITS: case CONF_RULES:
		break;
	}
	buf_addch(b, '\n');
}

static void
add_example(struct buf *b, const char *lines, const char *indent)
{
	const char *end;

	for (; lines && *lines; lines = end + 1) {
		end = strchrnul(lines, '\n');
		buf_addf(b, "%s#\t%.*s\n", indent, (int)(end - lines), lines);
	}
}

void
conf_print_defaults(FILE *out)
{
	AUTO_BUF struct buf b = BUF_INIT(1 << 16);
	const char *name, *dot, *group = "";
	size_t len = 0;

	buf_addstr(&b, "# livy-fcgi: every setting with its default. What is "
	    "left out keeps it.\n# Text, times and sizes stand in quotes; "
	    "there is no comma after the last\n# item of a list. Relative "
	    "paths: to the folder of this file. livy-fcgi -t\n# checks it, "
	    "livy-fcgi(8) tells more.\n");
	for (size_t i = 0; i < conf_table_rows; i++) {
		name = conf_table[i].name;
		dot = strchr(name, '.');
		if (len > 0 && (!dot || strncmp(name, group, len + 1) != 0)) {
			buf_addstr(&b, "};\n");
			len = 0;
		}
		if (!dot) {
			buf_addch(&b, '\n');
		} else if (len == 0) {
			group = name;
			len = (size_t)(dot - name);
			buf_addf(&b, "\n%.*s = {\n", (int)len, name);
		}
		buf_addf(&b, "%s# %s\n", dot ? "\t" : "", conf_table[i].why);
		add_example(&b, conf_table[i].example, dot ? "\t" : "");
		buf_addf(&b, "%s%s = ", dot ? "\t" : "", dot ? dot + 1 : name);
		add_value(&b, &conf_table[i]);
	}
	fputs(b.data, out);
}
